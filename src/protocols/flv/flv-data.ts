import type { WireLimits } from '../../media/limits.ts';
import { AVPacket, MetadataPacket, type Track } from '../../media/packet.ts';
import type { Micros } from '../../media/time.ts';
import { decodeAmfMessage } from '../amf/amf-message.ts';
import { type AmfObject, type AmfValue, amfObject, ecmaArray, isAmfObject } from '../amf/amf-value.ts';
import { decodeAmf0, encodeAmf0 } from '../amf/amf0.ts';
import { flvError } from './flv-error.ts';

/** Truths about a file that are lies about a live stream: players take a duration for an end. Compared in lower case. */
const fileOnlyKeys: ReadonlySet<string> = new Set([
  'duration',
  'filesize',
  'datasize',
  'audiosize',
  'videosize',
  'keyframes',
  'haskeyframes',
  'lasttimestamp',
  'lastkeyframetimestamp',
  'lastkeyframelocation',
  'canseektoend',
  'cuepoints',
  'hascuepoints',
]);

const dataTrack: Track = { id: 0, kind: 'data', codec: 'amf0', config: null };

/**
 * The packets of a data message. What does not begin with a name (FFmpeg's 4-byte timecode) or is an instruction to a
 * server (`@clearDataFrame`, `|RtmpSampleAccess`) makes none; a message that cannot be read is a `ProtocolError`.
 */
export function readData(
  body: Buffer,
  flavour: { readonly amf3: boolean },
  dts: Micros,
  limits: WireLimits,
): AVPacket[] {
  if (body.length > limits.maxCommandBytes) {
    throw flvError(`data message of ${body.length} bytes exceeds maxCommandBytes ${limits.maxCommandBytes}`);
  }
  // AMF3 messages are rewritten, for players that know AMF0 only.
  let message = flavour.amf3 ? encodeAmf0(decodeAmfMessage(body, flavour, limits), limits) : body;
  let name = readName(message);
  if (name === '@setDataFrame') {
    message = message.subarray(3 + name.length);
    name = readName(message);
  }
  if (name === null || name === '@clearDataFrame' || name === '|RtmpSampleAccess') return [];
  if (name === 'onMetaData') return [readMetadata(message, dts, limits)];
  return [new AVPacket(dataTrack, 'frame', dts, dts, message, message)];
}

/** The AMF0 string at the beginning; `null` when there is none. */
function readName(message: Buffer): string | null {
  if (message.length < 3 || message[0] !== 2) return null;
  const end = 3 + message.readUInt16BE(1);
  return end > message.length ? null : message.toString('latin1', 3, end);
}

function readMetadata(message: Buffer, dts: Micros, limits: WireLimits): MetadataPacket {
  const [name, info, ...more] = decodeAmf0(message, limits);
  const values = info !== undefined && isAmfObject(info) ? info : amfObject();
  const kept = Object.keys(values).filter((key) => !fileOnlyKeys.has(key.toLowerCase()));
  if (kept.length === Object.keys(values).length) return new MetadataPacket(dataTrack, dts, message, values);
  const live = pick(values, kept);
  return new MetadataPacket(dataTrack, dts, encodeAmf0([name, live, ...more], limits), live);
}

function pick(values: AmfObject, keys: readonly string[]): AmfObject {
  const entries: [string, AmfValue][] = keys.map((key) => [key, values[key]]);
  // Object.fromEntries defines keys, so that `__proto__` is one like any other.
  return ecmaArray(Object.fromEntries(entries));
}

/** The body of onMetaData for a player that is not sent one kind of media: players wait for what `has…` promises. */
export function filterMetadata(
  packet: MetadataPacket,
  has: { readonly audio: boolean; readonly video: boolean },
): Buffer {
  const flags: { hasAudio?: boolean; hasVideo?: boolean } = {};
  if (!has.audio) flags.hasAudio = false;
  if (!has.video) flags.hasVideo = false;
  const values = pick(packet.values as AmfObject, Object.keys(packet.values));
  // What a reader has decoded is a tree within its limits, whatever they were.
  return encodeAmf0(['onMetaData', Object.assign(values, flags)], { maxAmfDepth: Number.POSITIVE_INFINITY });
}
