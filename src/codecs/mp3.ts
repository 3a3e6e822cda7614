import { codecError } from './codec-error.ts';

export interface Mp3Header {
  /** 1, 2 or 2.5. */
  readonly version: number;
  readonly layer: 1 | 2 | 3;
  /** Hertz. */
  readonly sampleRate: number;
  readonly channels: 1 | 2;
}

/** By the two version bits; 1 is reserved. */
const versions = [2.5, null, 2, 1] as const;
const layers = [null, 3, 2, 1] as const;
const sampleRates = [44100, 48000, 32000] as const;

/** The header of an MPEG audio frame (ISO/IEC 11172-3, 2.4.1.3; 13818-3). */
export function decodeMp3Header(frame: Buffer): Mp3Header {
  if (frame.length < 4) throw codecError(`MPEG audio frame of ${frame.length} bytes, at least 4 needed`, 0);
  const bits = frame.readUInt32BE(0);
  if (bits >>> 21 !== 0x7ff) throw codecError('no MPEG audio sync word', 0);
  const version = versions[((bits >>> 19) & 3) as 0 | 1 | 2 | 3];
  const layer = layers[((bits >>> 17) & 3) as 0 | 1 | 2 | 3];
  const rate = sampleRates[(bits >>> 10) & 3];
  if (version === null || layer === null || rate === undefined) {
    throw codecError('MPEG audio header with a reserved version, layer or rate', 1);
  }
  const divisor = version === 1 ? 1 : version === 2 ? 2 : 4;
  return { version, layer, sampleRate: rate / divisor, channels: ((bits >>> 6) & 3) === 3 ? 1 : 2 };
}
