import { BitReader } from '../bytes/bit-reader.ts';
import { codecError } from './codec-error.ts';

export interface Ac3Header {
  readonly isEnhanced: boolean;
  /** Hertz. */
  readonly sampleRate: number;
  /** The low frequency channel included. */
  readonly channels: number;
}

const sampleRates = [48000, 44100, 32000];
/** Full channels of each acmod (ETSI TS 102 366, 4.4.2.3). */
const channelCounts = [2, 1, 2, 3, 3, 4, 4, 5];

/** The beginning of an AC-3 (ETSI TS 102 366, 4.3) or E-AC-3 (annex E.1.2) sync frame; bsid tells which. */
export function decodeAc3Header(frame: Buffer): Ac3Header {
  if (frame.length < 8) throw codecError(`AC-3 frame of ${frame.length} bytes, at least 8 needed`, 0);
  const syncWord = frame.readUInt16BE(0);
  if (syncWord !== 0x0b77) throw codecError(`AC-3 sync word ${syncWord.toString(16)}, not b77`, 0);
  // At the same place in both.
  const bsid = frame[5]! >> 3;
  if (bsid > 16) throw codecError(`AC-3 bsid ${bsid}, at most 16`, 5);
  return bsid > 10 ? readEnhanced(new BitReader(frame.subarray(2), codecError)) : readPlain(frame, bsid);
}

function readPlain(frame: Buffer, bsid: number): Ac3Header {
  const bits = new BitReader(frame.subarray(4), codecError);
  const rate = sampleRates[bits.bits(2)];
  if (rate === undefined) throw codecError('AC-3 fscod 3 is reserved', 4);
  bits.skip(6 + 5 + 3);
  const mode = bits.bits(3);
  if ((mode & 1) !== 0 && mode !== 1) bits.skip(2);
  if ((mode & 4) !== 0) bits.skip(2);
  if (mode === 2) bits.skip(2);
  // bsid 9 and 10 halve and quarter the rate.
  return {
    isEnhanced: false,
    sampleRate: rate >> Math.max(0, bsid - 8),
    channels: channelCounts[mode]! + bits.bits(1),
  };
}

function readEnhanced(bits: BitReader): Ac3Header {
  bits.skip(2 + 3 + 11);
  const code = bits.bits(2);
  // fscod 3 means half of the rate that the next two bits tell.
  const next = bits.bits(2);
  const rate = code === 3 ? (sampleRates[next] ?? 0) / 2 : sampleRates[code]!;
  if (rate === 0) throw codecError('E-AC-3 fscod2 3 is reserved', 4);
  const mode = bits.bits(3);
  return { isEnhanced: true, sampleRate: rate, channels: channelCounts[mode]! + bits.bits(1) };
}
