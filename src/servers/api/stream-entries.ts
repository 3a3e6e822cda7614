import { describeTrack, type TrackDescription } from '../../codecs/describe-track.ts';
import type { Context } from '../../core/context.ts';
import type { ServerEventName } from '../../core/events.ts';
import type { LiveStream } from '../../core/live-stream.ts';
import type { Session } from '../../core/session.ts';
import { parseStreamPath, type StreamPath } from '../../core/stream-path.ts';
import type { Advice, TrackStatistics } from '../../core/stream-statistics.ts';
import type { Track } from '../../media/packet.ts';
import { codecIdOf } from './codec-ids.ts';
import { Memo } from './memo.ts';
import type { Rates } from './rates.ts';
import { type PublisherEntry, type StreamEntry, type TrackEntry, transports } from './stream-schema.ts';

/** After these a list looks different. */
const CHANGES: readonly ServerEventName[] = [
  'postPublish',
  'donePublish',
  'postPlay',
  'donePlay',
  'streamStall',
  'streamResume',
  'streamHealth',
  'postRecord',
  'doneRecord',
  'sessionEnd',
];

function healthOf(advice: readonly Advice[]): StreamEntry['health'] {
  const has = (severity: Advice['severity']) => advice.some((one) => one.severity === severity);
  const status = has('problem') ? 'problem' : has('warning') ? 'warning' : 'good';
  return { status, advice: [...advice] };
}

function measuredOf(statistics: TrackStatistics | undefined): TrackEntry['measured'] {
  if (statistics === undefined) return null;
  const { id: _id, kind: _kind, ...measured } = statistics;
  return measured;
}

/** Every stream as the API shows it. The list is shared by all who ask at about the same time: nobody may change it. */
export class StreamEntries {
  readonly #context: Context;
  readonly #rates: Rates;
  /** Headers are read once. */
  readonly #described = new WeakMap<Track, TrackDescription>();
  readonly #list: Memo<readonly StreamEntry[]>;

  constructor(context: Context, rates: Rates) {
    this.#context = context;
    this.#rates = rates;
    this.#list = new Memo(() => [...context.streams.values()].map((stream) => this.#describe(stream)));
    for (const event of CHANGES) context.eventEmitter.on(event, () => this.#list.outdate());
  }

  list(): readonly StreamEntry[] {
    return this.#list.get();
  }

  /** The stream as it is now. */
  find(streamPath: string): StreamEntry | null {
    const stream = this.#context.streams.get(streamPath as StreamPath);
    return stream === undefined ? null : this.#describe(stream);
  }

  #describe(stream: LiveStream): StreamEntry {
    const { app, name, path } = parseStreamPath(stream.streamPath);
    const { publisher, statistics } = stream;
    const { recorder, advice } = this.#context;
    return {
      key: path,
      app,
      name,
      status: stream.status,
      createTime: stream.createTime,
      publisher: publisher === null ? null : this.#describePublisher(stream, publisher),
      tracks: stream.tracks.map((track) => this.#describeTrack(stream, track)),
      avSkewMs: statistics?.avSkewMs ?? 0,
      timestampJumps: statistics?.timestampJumps ?? 0,
      ...this.#sumOf(stream.players),
      inBytes: publisher?.inBytes ?? 0,
      inBps: publisher === null ? 0 : this.#rates.of(publisher).inBps,
      recording: recorder?.current(path) != null,
      health: healthOf(advice.get(path) ?? []),
    };
  }

  #sumOf(players: Iterable<Session>) {
    const viewers = Object.fromEntries(transports.map((transport) => [transport, 0])) as StreamEntry['viewers'];
    const sum = { subscribers: 0, viewers, droppedFrames: 0, outBytes: 0, outBps: 0 };
    for (const player of players) {
      sum.outBytes += player.outBytes;
      sum.outBps += this.#rates.of(player).outBps;
      if (player.protocol === 'internal') continue;
      sum.subscribers++;
      sum.viewers[player.protocol]++;
      sum.droppedFrames += player.droppedFrames;
    }
    return sum;
  }

  #describePublisher(stream: LiveStream, publisher: Session): PublisherEntry {
    const metadata = stream.metadata ?? {};
    const said = (name: string) => {
      const value = metadata[name];
      return typeof value === 'number' && Number.isFinite(value) ? value : 0;
    };
    const video = stream.tracks.find(({ kind }) => kind === 'video');
    const audio = stream.tracks.find(({ kind }) => kind === 'audio');
    const picture = video === undefined ? null : this.#facts(video);
    const sound = audio === undefined ? null : this.#facts(audio);
    const measured = video === undefined ? 0 : (this.#measure(stream, video)?.frameRate ?? 0);
    const { id, ip, address, protocol, userAgent, user, createTime, inBytes } = publisher;
    return {
      id,
      ip,
      address,
      protocol,
      userAgent,
      user,
      createTime,
      videoCodec: codecIdOf(video?.codec),
      videoWidth: picture?.width ?? said('width'),
      videoHeight: picture?.height ?? said('height'),
      videoFramerate: measured > 0 ? measured : (picture?.frameRate ?? said('framerate')),
      audioCodec: codecIdOf(audio?.codec),
      audioChannels: sound?.channels ?? said('audiochannels'),
      audioSamplerate: sound?.sampleRate ?? said('audiosamplerate'),
      inBytes,
    };
  }

  #describeTrack(stream: LiveStream, track: Track): TrackEntry {
    const { id, kind } = track;
    return { id, kind, ...this.#facts(track), measured: measuredOf(this.#measure(stream, track)) };
  }

  #measure({ statistics }: LiveStream, { id, kind }: Track): TrackStatistics | undefined {
    return statistics?.tracks.find((candidate) => candidate.id === id && candidate.kind === kind);
  }

  #facts(track: Track): TrackDescription {
    let facts = this.#described.get(track);
    if (facts === undefined) {
      facts = describeTrack(track);
      this.#described.set(track, facts);
    }
    return facts;
  }
}
