import type { Socket } from 'node:net';
import type { Intake } from '../../core/intake.ts';

/** Bytes of answers that may wait for a peer who does not read; until he has read them all, nothing more is read of him. */
const MAX_UNREAD_ANSWER_BYTES = 256 * 1024;

/** Writes the answers to what a peer asks: each is small, and how many there are is the peer's choice. */
export class Answers {
  readonly #socket: Socket;
  readonly #intake: Intake;
  /** Written since nothing waited for the peer. */
  #bytes = 0;

  constructor(socket: Socket, intake: Intake) {
    this.#socket = socket;
    this.#intake = intake;
    socket.on('drain', () => {
      this.#bytes = 0;
      intake.release('deaf');
    });
  }

  write(bytes: Buffer): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (socket.writableLength === 0) this.#bytes = 0;
    socket.write(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_UNREAD_ANSWER_BYTES && socket.writableNeedDrain) this.#intake.hold('deaf');
  }
}
