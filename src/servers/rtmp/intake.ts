import type { Socket } from 'node:net';

/** Why nothing is read of a peer for a while. */
export type Hold =
  /** Somebody decides what it may do. */
  | 'asking'
  /** It was faster than it may be. */
  | 'fast'
  /** It does not read the answers to what it sent. */
  | 'deaf'
  /** It has had its turn. */
  | 'turn';

/** What is read of a peer: all it sends, as long as there is no reason to wait. */
export class Intake {
  readonly #socket: Socket;
  readonly #holds = new Set<Hold>();
  #isOver = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Is it held for this reason? */
  has(hold: Hold): boolean {
    return this.#holds.has(hold);
  }

  hold(hold: Hold): void {
    if (this.#isOver) return;
    this.#holds.add(hold);
    this.#socket.pause();
  }

  release(hold: Hold): void {
    const wasHeld = this.#holds.delete(hold);
    if (wasHeld && !this.#isOver && this.#holds.size === 0) this.#socket.resume();
  }

  /** What comes from now on is read without a wait, to be thrown away. */
  end(): void {
    this.#isOver = true;
    this.#socket.resume();
  }
}
