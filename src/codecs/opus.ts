import { codecError } from './codec-error.ts';

export interface OpusHead {
  readonly channels: number;
  /** Samples at 48 kHz that a decoder throws away at the beginning. */
  readonly preSkip: number;
  /** Hertz of what was encoded; Opus always decodes at 48000. */
  readonly inputSampleRate: number;
  readonly mappingFamily: number;
}

/** The identification header (RFC 7845, 5.1). */
export function decodeOpusHead(head: Buffer): OpusHead {
  if (head.length < 19) throw codecError(`OpusHead of ${head.length} bytes, at least 19 needed`, 0);
  if (head.toString('latin1', 0, 8) !== 'OpusHead') throw codecError('no "OpusHead" at the beginning', 0);
  const version = head[8]!;
  if (version >> 4 !== 0) throw codecError(`OpusHead version ${version}, at most 15`, 8);
  const channels = head[9]!;
  if (channels === 0) throw codecError('OpusHead of 0 channels', 9);
  return {
    channels,
    preSkip: head.readUInt16LE(10),
    inputSampleRate: head.readUInt32LE(12),
    mappingFamily: head[18]!,
  };
}
