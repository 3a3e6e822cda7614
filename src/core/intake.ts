/** Why nothing is read of a peer for a while. */
export type Hold =
  /** Somebody decides what it may do. */
  | 'asking'
  /** It was faster than it may be. */
  | 'fast'
  /** It does not read the answers to what it sent. */
  | 'deaf'
  /** It has had its turn. */
  | 'turn'
  /** Nobody waits for what it sends. */
  | 'rest';

/** Where bytes come from: a socket, a request, a WebSocket. */
export interface ByteSource {
  pause(): unknown;
  resume(): unknown;
}

/** What is read of a peer: all it sends, as long as there is no reason to wait. */
export class Intake {
  readonly #source: ByteSource;
  readonly #holds = new Set<Hold>();
  #timers: Map<Hold, NodeJS.Timeout> | null = null;
  #isOver = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Is it held for this reason? */
  has(hold: Hold): boolean {
    return this.#holds.has(hold);
  }

  hold(hold: Hold): void {
    if (this.#isOver) return;
    this.#holds.add(hold);
    this.#source.pause();
  }

  /** Holds it for `ms` milliseconds; when it is held for this reason already, that goes on as it is. */
  holdFor(hold: Hold, ms: number): void {
    if (this.#isOver || this.#holds.has(hold)) return;
    this.hold(hold);
    this.#timers ??= new Map();
    this.#timers.set(
      hold,
      setTimeout(() => this.release(hold), ms),
    );
  }

  release(hold: Hold): void {
    const wasHeld = this.#holds.delete(hold);
    if (wasHeld && !this.#isOver && this.#holds.size === 0) this.#source.resume();
  }

  /** What comes from now on is read without a wait, to be thrown away. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers?.values() ?? []) clearTimeout(timer);
    this.#source.resume();
  }
}
