import { BitReader } from '../bytes/bit-reader.ts';
import { codecError } from './codec-error.ts';

export interface FlacStreamInfo {
  /** Hertz. */
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSample: number;
}

const streamInfoBytes = 34;

/** STREAMINFO (RFC 9639, 8.2), behind `fLaC` and its block header or without them. */
export function decodeFlacStreamInfo(config: Buffer): FlacStreamInfo {
  let at = config.toString('latin1', 0, 4) === 'fLaC' ? 4 : 0;
  if (config.length >= at + 4 + streamInfoBytes) {
    const type = config[at]! & 0x7f;
    const length = config.readUIntBE(at + 1, 3);
    if (type !== 0 || length !== streamInfoBytes) {
      throw codecError(`metadata block of type ${type} and ${length} bytes, not STREAMINFO`, at);
    }
    at += 4;
  }
  const bits = new BitReader(config.subarray(at), codecError);
  bits.skip(16 + 16 + 24 + 24);
  const sampleRate = bits.bits(20);
  const channels = bits.bits(3) + 1;
  const bitsPerSample = bits.bits(5) + 1;
  bits.skip(36 + 128);
  if (sampleRate === 0) throw codecError('STREAMINFO with a sample rate of 0', at);
  return { sampleRate, channels, bitsPerSample };
}
