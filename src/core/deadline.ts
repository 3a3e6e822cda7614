import { performance } from 'node:perf_hooks';

/** The longest time that a timer of Node takes, in milliseconds (24 days): of a longer one it makes one millisecond. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A moment by which something has to be over. */
export class Deadline {
  readonly #at: number;

  constructor(timeoutMs: number) {
    this.#at = performance.now() + timeoutMs;
  }

  /** Milliseconds until then; 0 when it has passed. */
  get leftMs(): number {
    return Math.max(0, this.#at - performance.now());
  }

  /** Waits for `work`, but not past the deadline: `false` when it was not done by then. Rejects as `work` does. */
  async meets(work: Promise<unknown>): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const isOver = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), Math.min(this.leftMs, MAX_TIMER_MS));
    });
    try {
      return await Promise.race([work.then(() => true), isOver]);
    } finally {
      clearTimeout(timer);
    }
  }
}
