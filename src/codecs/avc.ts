import { BitReader } from '../bytes/bit-reader.ts';
import { ByteReader } from '../bytes/byte-reader.ts';
import { checkPicture, codecError } from './codec-error.ts';
import { unescapeNal } from './nal.ts';

export interface AvcRecord {
  /** profile_idc, e.g. 100 for High. */
  readonly profile: number;
  readonly compatibility: number;
  /** level_idc: ten times the level. */
  readonly level: number;
  /** Bytes of the length before each NAL unit. */
  readonly lengthSize: number;
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

/** AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1); what follows the PPS is often missing and never needed. */
export function decodeAvcRecord(record: Buffer): AvcRecord {
  const reader = new ByteReader(record, codecError);
  const version = reader.u8();
  if (version !== 1) throw codecError(`AVC record version ${version}, not 1`, 0);
  const profile = reader.u8();
  const compatibility = reader.u8();
  const level = reader.u8();
  const lengthSize = (reader.u8() & 3) + 1;
  const sps = readSets(reader, reader.u8() & 0x1f, 7);
  const pps = readSets(reader, reader.u8(), 8);
  return { profile, compatibility, level, lengthSize, sps, pps };
}

function readSets(reader: ByteReader, count: number, type: number): Buffer[] {
  const sets: Buffer[] = [];
  for (let index = 0; index < count; index++) {
    const set = reader.take(reader.u16());
    if (set.length === 0 || (set[0]! & 0x1f) !== type) {
      throw codecError(`parameter set of NAL type ${(set[0] ?? 0) & 0x1f}, not ${type}`, reader.position);
    }
    sets.push(set);
  }
  return sets;
}

export interface AvcSps {
  readonly profile: number;
  readonly compatibility: number;
  readonly level: number;
  /** Pixels, after cropping. */
  readonly width: number;
  readonly height: number;
  /** Frames a second, when the VUI tells. */
  readonly frameRate: number | null;
}

/** Profiles whose sequence parameter set tells the chroma format (7.3.2.1.1). */
const chromaProfiles = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** Sequence parameter set (ISO/IEC 14496-10, 7.3.2.1.1), its NAL header included. */
export function decodeAvcSps(nal: Buffer): AvcSps {
  const bits = new BitReader(unescapeNal(nal), codecError);
  bits.skip(8);
  const profile = bits.bits(8);
  const compatibility = bits.bits(8);
  const level = bits.bits(8);
  bits.ue();
  const chroma = chromaProfiles.has(profile) ? readChroma(bits) : 1;
  bits.ue();
  skipPictureOrder(bits);
  bits.ue();
  bits.skip(1);
  const widthInMacroblocks = bits.ue() + 1;
  const heightInMapUnits = bits.ue() + 1;
  const fieldsInUnit = bits.flag() ? 1 : 2;
  if (fieldsInUnit === 2) bits.skip(1);
  bits.skip(1);
  let width = widthInMacroblocks * 16;
  let height = heightInMapUnits * 16 * fieldsInUnit;
  if (bits.flag()) {
    // 4:2:0 and 4:2:2 count columns in pairs, 4:2:0 lines too.
    const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
    const unitY = (chroma === 1 ? 2 : 1) * fieldsInUnit;
    width -= (bits.ue() + bits.ue()) * unitX;
    height -= (bits.ue() + bits.ue()) * unitY;
  }
  checkPicture(width, height);
  const frameRate = bits.flag() ? readFrameRate(bits) : null;
  return { profile, compatibility, level, width, height, frameRate };
}

/** The chroma format, as ChromaArrayType; skips depths and scaling lists. */
function readChroma(bits: BitReader): number {
  const format = bits.ue();
  const isSeparate = format === 3 && bits.flag();
  bits.ue();
  bits.ue();
  bits.skip(1);
  if (bits.flag()) {
    const lists = format === 3 ? 12 : 8;
    for (let index = 0; index < lists; index++) if (bits.flag()) skipScalingList(bits, index < 6 ? 16 : 64);
  }
  return isSeparate ? 0 : format;
}

/** 7.3.2.1.1.1: a delta of which the sum is 0 ends the list. */
function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  for (let index = 0; index < size; index++) {
    last = (last + bits.se() + 256) & 0xff;
    if (last === 0) return;
  }
}

function skipPictureOrder(bits: BitReader): void {
  const type = bits.ue();
  if (type === 0) bits.ue();
  if (type !== 1) return;
  bits.skip(1);
  bits.se();
  bits.se();
  const cycle = bits.ue();
  if (cycle > 255) throw codecError(`${cycle} frames in a picture order cycle, at most 255`);
  for (let index = 0; index < cycle; index++) bits.se();
}

/** VUI parameters (E.1.1) as far as the timing; a frame is two ticks. */
function readFrameRate(bits: BitReader): number | null {
  const extendedAspectRatio = 255;
  if (bits.flag() && bits.bits(8) === extendedAspectRatio) bits.skip(32);
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) bits.skip(24);
  }
  if (bits.flag()) {
    bits.ue();
    bits.ue();
  }
  if (!bits.flag()) return null;
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  return unitsInTick === 0 || timeScale === 0 ? null : timeScale / (2 * unitsInTick);
}
