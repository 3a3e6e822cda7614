import { describeTrack } from '../../codecs/describe-track.ts';
import type { Context } from '../../core/context.ts';
import type { LiveStream } from '../../core/live-stream.ts';
import type { Session } from '../../core/session.ts';
import { parseStreamUrlPath } from '../../core/stream-path.ts';
import type { CodecName, Track } from '../../media/packet.ts';
import type { Rates } from './rates.ts';

/** FLV 10.1, E.4.2 and E.4.3, and what Chinese networks added: the numbers that Node-Media-Server shows. */
const CODEC_IDS: Readonly<Partial<Record<CodecName, number>>> = {
  avc: 7,
  hevc: 12,
  av1: 13,
  h263: 2,
  screen: 3,
  vp6: 4,
  vp6a: 5,
  screen2: 6,
  jpeg: 1,
  aac: 10,
  mp3: 2,
  pcm: 3,
  adpcm: 1,
  nellymoser: 6,
  g711a: 7,
  g711u: 8,
  speex: 11,
  device: 15,
};

function firstOf(stream: LiveStream, kind: Track['kind']): Track | undefined {
  return stream.tracks.find((track) => track.kind === kind);
}

function mediaFacts(stream: LiveStream) {
  const metadata = stream.metadata ?? {};
  const said = (name: string) => (typeof metadata[name] === 'number' ? metadata[name] : 0);
  const video = firstOf(stream, 'video');
  const audio = firstOf(stream, 'audio');
  const picture = video === undefined ? null : describeTrack(video);
  const sound = audio === undefined ? null : describeTrack(audio);
  return {
    videoCodec: video === undefined ? 0 : (CODEC_IDS[video.codec] ?? 0),
    videoWidth: picture?.width ?? said('width'),
    videoHeight: picture?.height ?? said('height'),
    videoFramerate: picture?.frameRate ?? said('framerate'),
    audioCodec: audio === undefined ? 0 : (CODEC_IDS[audio.codec] ?? 0),
    audioChannels: sound?.channels ?? said('audiochannels'),
    audioSamplerate: sound?.sampleRate ?? said('audiosamplerate'),
  };
}

function describePublisher(stream: LiveStream, publisher: Session) {
  return {
    id: publisher.id,
    ip: publisher.ip,
    protocol: publisher.protocol,
    createTime: publisher.createTime,
    ...mediaFacts(stream),
    inBytes: publisher.inBytes,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function describeStream(stream: LiveStream, rates: Rates) {
  const { app, name, path } = parseStreamUrlPath(stream.streamPath);
  const { publisher } = stream;
  const players = [...stream.players];
  return {
    key: path,
    app,
    name,
    status: stream.status,
    publisher: publisher === null ? null : describePublisher(stream, publisher),
    tracks: stream.tracks.map((track) => ({ id: track.id, kind: track.kind, ...describeTrack(track) })),
    subscribers: players.filter((player) => !player.internal).length,
    outBytes: sum(players.map((player) => player.outBytes)),
    inBps: publisher === null ? 0 : rates.of(publisher).inBps,
    outBps: sum(players.map((player) => rates.of(player).outBps)),
  };
}

/** `GET /streams`. */
export function listStreams(context: Context, rates: Rates) {
  const streams = [...context.streams.values()].map((stream) => describeStream(stream, rates));
  return { streams, total: streams.length };
}
