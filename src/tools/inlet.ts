import type { AVPacket } from '../media/packet.ts';
import type { Ending } from './ending.ts';

/** Told what comes, as it comes. */
export interface InletListener {
  /** Bytes of the connection, all protocols' overhead included; before the packets in them. */
  onBytes(count: number): void;
  onPacket(packet: AVPacket): void;
  /** A message was dropped because it made no sense. */
  onMalformed(): void;
}

/** Where a player's packets come from. */
export interface Inlet {
  /** Settles when the stream is over. */
  readonly ending: Ending;
  close(): Promise<void>;
}
