import { ByteReader } from '../bytes/byte-reader.ts';
import { codecError } from './codec-error.ts';

export interface VpxRecord {
  readonly profile: number;
  /** Ten times the level; 0 when not told. */
  readonly level: number;
  readonly bitDepth: number;
}

/** VPCodecConfigurationRecord of VP8 and VP9 (vpcC); its version and flags are missing from some senders. */
export function decodeVpxRecord(record: Buffer): VpxRecord {
  const reader = new ByteReader(record, codecError);
  const isFullBox = record.length >= 12 && record.readUInt32BE(0) === 0x01000000;
  if (isFullBox) reader.skip(4);
  const profile = reader.u8();
  const level = reader.u8();
  const bitDepth = reader.u8() >> 4;
  if (profile > 3) throw codecError(`VP profile ${profile}, at most 3`, 0);
  return { profile, level, bitDepth };
}
