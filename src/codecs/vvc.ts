import { BitReader } from '../bytes/bit-reader.ts';
import { codecError } from './codec-error.ts';

export interface VvcRecord {
  /** Bytes of the length before each NAL unit. */
  readonly lengthSize: number;
  /** `null` when the record leaves it to the parameter sets. */
  readonly native: VvcProfile | null;
}

export interface VvcProfile {
  readonly profile: number;
  readonly isHighTier: boolean;
  /** general_level_idc: sixteen times the level. */
  readonly level: number;
  readonly width: number;
  readonly height: number;
  /** Frames a second; `null` when not told. */
  readonly frameRate: number | null;
}

/** VvcDecoderConfigurationRecord (ISO/IEC 14496-15, 11.2.4.2), as far as its parameter sets. */
export function decodeVvcRecord(record: Buffer): VvcRecord {
  const bits = new BitReader(record, codecError);
  bits.skip(5);
  const lengthSize = bits.bits(2) + 1;
  return { lengthSize, native: bits.flag() ? readProfile(bits) : null };
}

function readProfile(bits: BitReader): VvcProfile {
  bits.skip(9);
  const subLayers = bits.bits(3);
  bits.skip(2 + 2 + 3 + 5 + 2);
  const constraintBytes = bits.bits(6);
  const profile = bits.bits(7);
  const isHighTier = bits.flag();
  const level = bits.bits(8);
  bits.skip(constraintBytes * 8);
  let levels = 0;
  if (subLayers > 1) {
    // One flag for each sub-layer but the highest, then bits without meaning up to the end of the byte.
    for (let layer = 1; layer < subLayers; layer++) if (bits.flag()) levels++;
    bits.skip(9 - subLayers);
  }
  bits.skip(levels * 8);
  bits.skip(bits.bits(8) * 32);
  const width = bits.bits(16);
  const height = bits.bits(16);
  const rate = bits.bits(16);
  return { profile, isHighTier, level, width, height, frameRate: rate === 0 ? null : rate / 256 };
}
