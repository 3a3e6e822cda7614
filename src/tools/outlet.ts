import type { FlvBodyKind } from '../protocols/flv/flv-packet-reader.ts';
import type { Ending } from './ending.ts';

/** Where a publisher's FLV bodies go. */
export interface Outlet {
  /** Settles when the peer ends or refuses the stream. */
  readonly ending: Ending;
  /** Bytes accepted, not yet given to the system. */
  readonly pending: number;
  send(kind: FlvBodyKind, timestampMs: number, body: Buffer): void;
  /** Ends the stream in its protocol's words; resolves when the peer has taken note, or takes too long. */
  finish(): Promise<void>;
}
