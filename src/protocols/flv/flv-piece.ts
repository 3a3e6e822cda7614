import type { CodecName, PacketType, Track } from '../../media/packet.ts';
import { smallestRecord } from './flv-codecs.ts';
import { flvError } from './flv-error.ts';

/** What a body says of one track, before it has a time. */
export interface Piece {
  readonly trackId: number;
  /** `null`: whatever the track is. */
  readonly codec: CodecName | null;
  readonly type: PacketType;
  /** Composition time, milliseconds. */
  readonly cts: number;
  /** To be added to the presentation time, in nanoseconds. */
  readonly nanos: number;
  readonly data: Buffer;
}

/** Finds a track as it is known so far. */
export type TrackLookup = (trackId: number) => Track | undefined;

export function piece(trackId: number, codec: CodecName | null, type: PacketType, data: Buffer): Piece {
  return { trackId, codec, type, cts: 0, nanos: 0, data };
}

/** A decoder configuration; throws `ProtocolError` when the record is too short to be one. */
export function configPiece(trackId: number, codec: CodecName, record: Buffer): Piece {
  const smallest = smallestRecord(codec);
  if (record.length < smallest) {
    throw flvError(`${codec} sequence header with a record of ${record.length} bytes, at least ${smallest} needed`);
  }
  return piece(trackId, codec, 'config', record);
}
