import type { CodecName, Track } from '../media/packet.ts';

/** What a publisher says of its media, in the words and numbers of Node-Media-Server 4; 0: nothing was said. */
export interface SessionMedia {
  /** FLV codec ids: 7 is AVC, 12 HEVC, 13 AV1. */
  readonly videoCodec: number;
  readonly videoWidth: number;
  readonly videoHeight: number;
  /** Frames per second. */
  readonly videoFramerate: number;
  /** Kilobits per second, as announced. */
  readonly videoDatarate: number;
  /** FLV codec ids: 10 is AAC, 2 MP3, 13 Opus. */
  readonly audioCodec: number;
  readonly audioChannels: number;
  /** Hertz. */
  readonly audioSamplerate: number;
  readonly audioDatarate: number;
}

type Metadata = Readonly<Record<string, unknown>>;

/** FLV E.4.3.1, and the ids that encoders use for what came later. */
const VIDEO_IDS: Readonly<Partial<Record<CodecName, number>>> = {
  h263: 2,
  screen: 3,
  vp6: 4,
  vp6a: 5,
  screen2: 6,
  avc: 7,
  hevc: 12,
  av1: 13,
};
/** FLV E.4.2.1, likewise. */
const AUDIO_IDS: Readonly<Partial<Record<CodecName, number>>> = {
  adpcm: 1,
  mp3: 2,
  pcm: 3,
  nellymoser: 6,
  g711a: 7,
  g711u: 8,
  aac: 10,
  speex: 11,
  opus: 13,
};

/** What is known of a publisher's media. Numbers come from onMetaData; a codec that it leaves out, from the track. */
export function describeMedia(tracks: readonly Track[], metadata: Metadata | null): SessionMedia {
  const told = metadata ?? {};
  return {
    videoCodec: numberOf(told, 'videocodecid') || idOf(tracks, 'video', VIDEO_IDS),
    videoWidth: numberOf(told, 'width'),
    videoHeight: numberOf(told, 'height'),
    videoFramerate: numberOf(told, 'framerate'),
    videoDatarate: numberOf(told, 'videodatarate'),
    audioCodec: numberOf(told, 'audiocodecid') || idOf(tracks, 'audio', AUDIO_IDS),
    audioChannels: numberOf(told, 'audiochannels') || channelsOf(told),
    audioSamplerate: numberOf(told, 'audiosamplerate'),
    audioDatarate: numberOf(told, 'audiodatarate'),
  };
}

function numberOf(metadata: Metadata, name: string): number {
  const value = metadata[name];
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}

function channelsOf({ stereo }: Metadata): number {
  if (typeof stereo !== 'boolean') return 0;
  return stereo ? 2 : 1;
}

function idOf(tracks: readonly Track[], kind: 'video' | 'audio', ids: Readonly<Partial<Record<CodecName, number>>>) {
  const track = tracks.find((candidate) => candidate.kind === kind && candidate.id === 0);
  return track === undefined ? 0 : (ids[track.codec] ?? 0);
}
