import { BitReader } from '../bytes/bit-reader.ts';
import { ByteReader } from '../bytes/byte-reader.ts';
import { checkPicture, codecError } from './codec-error.ts';
import { unescapeNal } from './nal.ts';

/** NAL unit type of a sequence parameter set. */
export const hevcSpsType = 33;

export interface HevcRecord {
  readonly profileSpace: number;
  /** Main tier is `false`, high tier `true`. */
  readonly isHighTier: boolean;
  /** general_profile_idc, e.g. 2 for Main 10. */
  readonly profile: number;
  readonly compatibility: number;
  /** The six bytes of constraint flags. */
  readonly constraints: Buffer;
  /** general_level_idc: thirty times the level. */
  readonly level: number;
  /** Bytes of the length before each NAL unit. */
  readonly lengthSize: number;
  readonly nalUnits: readonly { readonly type: number; readonly nal: Buffer }[];
}

/** HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1). Version 0 is what early encoders wrote. */
export function decodeHevcRecord(record: Buffer): HevcRecord {
  const reader = new ByteReader(record, codecError);
  const version = reader.u8();
  if (version > 1) throw codecError(`HEVC record version ${version}, not 1`, 0);
  const first = reader.u8();
  const compatibility = reader.u32();
  const constraints = reader.take(6);
  const level = reader.u8();
  reader.skip(8);
  const lengthSize = (reader.u8() & 3) + 1;
  const nalUnits: { type: number; nal: Buffer }[] = [];
  for (let arrays = reader.u8(); arrays > 0; arrays--) {
    const type = reader.u8() & 0x3f;
    for (let count = reader.u16(); count > 0; count--) nalUnits.push({ type, nal: reader.take(reader.u16()) });
  }
  return {
    profileSpace: first >> 6,
    isHighTier: ((first >> 5) & 1) === 1,
    profile: first & 0x1f,
    compatibility,
    constraints,
    level,
    lengthSize,
    nalUnits,
  };
}

export interface HevcSps {
  /** Pixels, after cropping. */
  readonly width: number;
  readonly height: number;
}

/** Sequence parameter set (ISO/IEC 23008-2, 7.3.2.2), its NAL header included, as far as the size. */
export function decodeHevcSps(nal: Buffer): HevcSps {
  const bits = new BitReader(unescapeNal(nal), codecError);
  bits.skip(16 + 4);
  const subLayers = bits.bits(3);
  bits.skip(1);
  skipProfileTierLevel(bits, subLayers);
  bits.ue();
  const chroma = bits.ue();
  const isSeparate = chroma === 3 && bits.flag();
  let width = bits.ue();
  let height = bits.ue();
  if (bits.flag()) {
    const unitX = !isSeparate && (chroma === 1 || chroma === 2) ? 2 : 1;
    const unitY = !isSeparate && chroma === 1 ? 2 : 1;
    width -= (bits.ue() + bits.ue()) * unitX;
    height -= (bits.ue() + bits.ue()) * unitY;
  }
  checkPicture(width, height);
  return { width, height };
}

/** 7.3.3; `subLayers` is sps_max_sub_layers_minus1. */
function skipProfileTierLevel(bits: BitReader, subLayers: number): void {
  bits.skip(88 + 8);
  if (subLayers === 0) return;
  const present: { profile: boolean; level: boolean }[] = [];
  for (let layer = 0; layer < subLayers; layer++) present.push({ profile: bits.flag(), level: bits.flag() });
  bits.skip((8 - subLayers) * 2);
  for (const { profile, level } of present) bits.skip((profile ? 88 : 0) + (level ? 8 : 0));
}
