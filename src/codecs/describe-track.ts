import { ProtocolError } from '../errors.ts';
import type { CodecName, Track } from '../media/packet.ts';
import { decodeAacConfig } from './aac.ts';
import { decodeAc3Header } from './ac3.ts';
import { type Av1Record, decodeAv1Record, decodeAv1SequenceHeader, findSequenceHeader } from './av1.ts';
import { decodeAvcRecord, decodeAvcSps } from './avc.ts';
import { aacString, av1String, avcString, hevcString, vpxString, vvcString } from './codec-string.ts';
import { decodeFlacStreamInfo } from './flac.ts';
import { decodeHevcRecord, decodeHevcSps, hevcSpsType } from './hevc.ts';
import { decodeMp3Header } from './mp3.ts';
import { decodeOpusHead } from './opus.ts';
import { aacProfile, av1Profile, avcLevel, avcProfile, hevcProfile, vvcProfile } from './profile-name.ts';
import { decodeVpxRecord } from './vpx.ts';
import { decodeVvcRecord } from './vvc.ts';

/** What is known of a track; what is not known is absent. */
export interface TrackDescription {
  readonly codec: CodecName;
  /** As people call it: `High`, `Main 10`, `HE-AAC`. */
  readonly profile?: string;
  /** `4.1`, for HEVC and AV1 of high tier `5.1 high`. */
  readonly level?: string;
  /** Pixels. */
  readonly width?: number;
  readonly height?: number;
  /** Frames a second. */
  readonly frameRate?: number;
  /** Hertz of what is heard. */
  readonly sampleRate?: number;
  readonly channels?: number;
  /** RFC 6381, as in MIME types: `avc1.64001f`. */
  readonly codecString?: string;
}

type Details = Omit<TrackDescription, 'codec'>;

/** Reads a track's configuration, and `frame`, one of its frames, for codecs without one. Never throws: a bad record says less. */
export function describeTrack(track: Track, frame?: Buffer): TrackDescription {
  const describe = describers.get(track.codec);
  const source = track.config ?? undefined;
  return { codec: track.codec, ...describe?.(source, frame) };
}

type Describer = (config: Buffer | undefined, frame: Buffer | undefined) => Details;

const describers: ReadonlyMap<CodecName, Describer> = new Map<CodecName, Describer>([
  ['avc', (config) => read(config, describeAvc)],
  ['hevc', (config) => read(config, describeHevc)],
  ['vvc', (config) => read(config, describeVvc)],
  ['av1', (config) => read(config, describeAv1)],
  ['vp8', (config) => ({ codecString: 'vp08.00.10.08', ...read(config, (record) => describeVpx('vp08', record)) })],
  ['vp9', (config) => read(config, (record) => describeVpx('vp09', record))],
  ['aac', (config) => read(config, describeAac)],
  ['opus', (config) => ({ codecString: 'opus', sampleRate: 48000, ...read(config, describeOpus) })],
  ['flac', (config) => ({ codecString: 'flac', ...read(config, describeFlac) })],
  ['mp3', (_config, frame) => ({ codecString: 'mp4a.6b', ...read(frame, describeMp3) })],
  ['ac3', (_config, frame) => ({ codecString: 'ac-3', ...read(frame, describeAc3) })],
  ['eac3', (_config, frame) => ({ codecString: 'ec-3', ...read(frame, describeAc3) })],
  ['g711a', () => ({ sampleRate: 8000 })],
  ['g711u', () => ({ sampleRate: 8000 })],
  ['speex', () => ({ sampleRate: 16000, channels: 1 })],
]);

/** What the bytes tell; nothing when they are missing or wrong. */
function read(bytes: Buffer | undefined, describe: (bytes: Buffer) => Details): Details {
  if (bytes === undefined) return {};
  try {
    return describe(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return {};
    throw error;
  }
}

function describeAvc(config: Buffer): Details {
  const record = decodeAvcRecord(config);
  return {
    profile: avcProfile(record.profile, record.compatibility),
    level: avcLevel(record.level, record.compatibility),
    codecString: avcString(record),
    ...read(record.sps[0], (nal) => {
      const { width, height, frameRate } = decodeAvcSps(nal);
      return frameRate === null ? { width, height } : { width, height, frameRate };
    }),
  };
}

function describeHevc(config: Buffer): Details {
  const record = decodeHevcRecord(config);
  const sps = record.nalUnits.find(({ type }) => type === hevcSpsType);
  return {
    profile: hevcProfile(record.profile),
    level: tiered(record.level / 30, record.isHighTier),
    codecString: hevcString(record),
    ...read(sps?.nal, decodeHevcSps),
  };
}

function describeVvc(config: Buffer): Details {
  const { native } = decodeVvcRecord(config);
  if (native === null) return {};
  const { width, height, frameRate } = native;
  return {
    profile: vvcProfile(native.profile),
    // general_level_idc is 16 times the major and 3 times the minor (ISO/IEC 23090-3, A.4).
    level: tiered((native.level >> 4) + Math.floor((native.level & 15) / 3) / 10, native.isHighTier),
    codecString: vvcString(native),
    ...(width > 0 && height > 0 ? { width, height } : {}),
    ...(frameRate === null ? {} : { frameRate }),
  };
}

function describeAv1(config: Buffer): Details {
  const record = decodeAv1Record(config);
  return { ...describeAv1Level(record), ...read(findSequenceHeader(record.units) ?? undefined, describeAv1Sequence) };
}

function describeAv1Level(record: Av1Record): Details {
  const unlimited = 31;
  const level = 2 + (record.level >> 2) + (record.level & 3) / 10;
  return {
    profile: av1Profile(record.profile),
    ...(record.level === unlimited ? {} : { level: tiered(level, record.isHighTier) }),
    codecString: av1String(record),
  };
}

function describeAv1Sequence(payload: Buffer): Details {
  const { width, height, frameRate } = decodeAv1SequenceHeader(payload);
  return frameRate === null ? { width, height } : { width, height, frameRate };
}

function describeVpx(name: string, config: Buffer): Details {
  const record = decodeVpxRecord(config);
  return {
    profile: String(record.profile),
    ...(record.level === 0 ? {} : { level: tiered(record.level / 10, false) }),
    codecString: vpxString(name, record),
  };
}

function describeAac(config: Buffer): Details {
  const { channels, ...audio } = decodeAacConfig(config);
  return {
    profile: aacProfile(audio),
    sampleRate: audio.sampleRate,
    ...(channels === null ? {} : { channels }),
    codecString: aacString(audio),
  };
}

function describeOpus(config: Buffer): Details {
  return { channels: decodeOpusHead(config).channels };
}

function describeFlac(config: Buffer): Details {
  const { sampleRate, channels } = decodeFlacStreamInfo(config);
  return { sampleRate, channels };
}

function describeMp3(frame: Buffer): Details {
  const { sampleRate, channels } = decodeMp3Header(frame);
  return { sampleRate, channels };
}

function describeAc3(frame: Buffer): Details {
  const { sampleRate, channels } = decodeAc3Header(frame);
  return { sampleRate, channels };
}

function tiered(level: number, isHighTier: boolean): string {
  return `${level.toFixed(1)}${isHighTier ? ' high' : ''}`;
}
