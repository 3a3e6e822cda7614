import type { CodecName } from '../media/packet.ts';
import { findSequenceHeader } from './av1.ts';

/**
 * Can a decoder start with this frame? Looks into the frame itself, for senders whose frame type says nothing. `config`
 * tells the size of NAL lengths. `false` for codecs without such a notion.
 */
export function isEntryPoint(codec: CodecName, data: Buffer, config: Buffer | null): boolean {
  switch (codec) {
    case 'avc':
      return hasNal(data, lengthSize(config, 4, 0), (nal) => (nal[0]! & 0x1f) === 5);
    case 'hevc':
      return hasNal(data, lengthSize(config, 21, 0), (nal) => isBetween((nal[0]! >> 1) & 0x3f, 16, 21));
    case 'vvc':
      return hasNal(data, lengthSize(config, 0, 1), (nal) => nal.length > 1 && isBetween(nal[1]! >> 3, 7, 9));
    case 'av1':
      // The first frame of a coded sequence comes with a sequence header.
      return findSequenceHeader(data) !== null;
    case 'vp8':
      return data.length > 0 && (data[0]! & 1) === 0;
    case 'vp9':
      return isVp9Key(data);
    default:
      return false;
  }
}

function isBetween(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}

/** Bytes of a NAL length, from the two bits at `shift` of the record's byte `index`; 4 without a record. */
function lengthSize(config: Buffer | null, index: number, shift: number): number {
  const byte = config?.[index];
  return byte === undefined ? 4 : ((byte >> shift) & 3) + 1;
}

/** ISO/IEC 14496-15, 5.3.3.2: length, NAL unit, and so on; stops at a length that does not fit. */
function hasNal(data: Buffer, size: number, test: (nal: Buffer) => boolean): boolean {
  let at = 0;
  while (at + size < data.length) {
    const length = data.readUIntBE(at, size);
    const end = at + size + length;
    if (length === 0 || end > data.length) return false;
    if (test(data.subarray(at + size, end))) return true;
    at = end;
  }
  return false;
}

/** VP9, 6.2: marker (2), profile (2, and one more if 3), show_existing_frame, frame_type (0 is key). */
function isVp9Key(data: Buffer): boolean {
  const byte = data[0];
  if (byte === undefined || byte >> 6 !== 2) return false;
  const afterProfile = ((byte >> 4) & 3) === 3 ? 3 : 4;
  const bit = (n: number) => (byte >> (n - 1)) & 1;
  return bit(afterProfile) === 0 && bit(afterProfile - 1) === 0;
}
