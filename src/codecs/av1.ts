import { BitReader } from '../bytes/bit-reader.ts';
import { codecError } from './codec-error.ts';

export interface Av1Record {
  /** seq_profile: 0 Main, 1 High, 2 Professional. */
  readonly profile: number;
  /** seq_level_idx_0. */
  readonly level: number;
  readonly isHighTier: boolean;
  readonly bitDepth: 8 | 10 | 12;
  /** Open bitstream units: usually one sequence header. */
  readonly units: Buffer;
}

const videoDescriptorTag = 0x80;

/**
 * AV1CodecConfigurationRecord (AV1 in ISO-BMFF, 2.3), or the AV1 video descriptor of MPEG-2 TS, which begins with a tag and
 * a length and says the same.
 */
export function decodeAv1Record(bytes: Buffer): Av1Record {
  const isDescriptor = bytes[0] === videoDescriptorTag && bytes[1] === 4;
  const record = isDescriptor ? bytes.subarray(2) : bytes;
  const bits = new BitReader(record, codecError);
  if (!bits.flag()) throw codecError('AV1 record without its marker bit', 0);
  const version = bits.bits(7);
  if (version !== 1) throw codecError(`AV1 record version ${version}, not 1`, 0);
  const profile = bits.bits(3);
  const level = bits.bits(5);
  const isHighTier = bits.flag();
  const isHighDepth = bits.flag();
  const isTwelveBit = bits.flag();
  bits.skip(13);
  const bitDepth = isHighDepth ? (isTwelveBit ? 12 : 10) : 8;
  return { profile, level, isHighTier, bitDepth, units: record.subarray(4) };
}

export interface Av1SequenceHeader {
  readonly profile: number;
  /** seq_level_idx of the first operating point. */
  readonly level: number;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames a second, when told and constant. */
  readonly frameRate: number | null;
}

const sequenceHeaderType = 1;

/** The payload of the first sequence header among open bitstream units (AV1, 5.3); `null` when there is none. */
export function findSequenceHeader(units: Buffer): Buffer | null {
  let at = 0;
  while (at < units.length) {
    const header = units[at]!;
    const hasExtension = (header & 4) !== 0;
    const hasSize = (header & 2) !== 0;
    at += hasExtension ? 2 : 1;
    let length = units.length - at;
    if (hasSize) {
      const size = readLeb128(units, at);
      if (size === null) return null;
      length = size.value;
      at = size.end;
    }
    if (length < 0 || length > units.length - at) return null;
    if (((header >> 3) & 0x0f) === sequenceHeaderType) return units.subarray(at, at + length);
    at += length;
  }
  return null;
}

/** AV1, 4.10.5; `null` when cut short or above 32 bits. */
function readLeb128(bytes: Buffer, start: number): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    const byte = bytes[start + index];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value > 0xffffffff ? null : { value, end: start + index + 1 };
  }
  return null;
}

/** sequence_header_obu (AV1, 5.5.1), as far as the size. */
export function decodeAv1SequenceHeader(payload: Buffer): Av1SequenceHeader {
  const bits = new BitReader(payload, codecError);
  const profile = bits.bits(3);
  bits.skip(1);
  let level: number;
  let frameRate: number | null = null;
  const isReducedStill = bits.flag();
  if (isReducedStill) level = bits.bits(5);
  else ({ level, frameRate } = readOperatingPoints(bits));
  const widthBits = bits.bits(4) + 1;
  const heightBits = bits.bits(4) + 1;
  return { profile, level, width: bits.bits(widthBits) + 1, height: bits.bits(heightBits) + 1, frameRate };
}

function readOperatingPoints(bits: BitReader): { level: number; frameRate: number | null } {
  let frameRate: number | null = null;
  let delayBits: number | null = null;
  if (bits.flag()) {
    frameRate = readTiming(bits);
    if (bits.flag()) {
      delayBits = bits.bits(5) + 1;
      bits.skip(32 + 5 + 5);
    }
  }
  const hasDisplayDelay = bits.flag();
  const points = bits.bits(5) + 1;
  let first: number | null = null;
  for (let point = 0; point < points; point++) {
    bits.skip(12);
    const level = bits.bits(5);
    first ??= level;
    if (level > 7) bits.skip(1);
    if (delayBits !== null && bits.flag()) bits.skip(delayBits * 2 + 1);
    if (hasDisplayDelay && bits.flag()) bits.skip(4);
  }
  return { level: first ?? 0, frameRate };
}

/** timing_info (5.5.3); `null` when pictures may be of different lengths. */
function readTiming(bits: BitReader): number | null {
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  if (!bits.flag()) return null;
  const ticks = bits.ue() + 1;
  return unitsInTick === 0 || timeScale === 0 ? null : timeScale / (unitsInTick * ticks);
}
