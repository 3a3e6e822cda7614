/** So many newcomers begin before those who watch get what came meanwhile. */
export const NEWCOMERS_PER_TURN = 4;

/**
 * Lets newcomers begin a few at a time. Each costs the cached group's write and some work; a crowd let in at once would keep
 * what the publishers send waiting until the last of them has been served.
 */
export class Turns {
  #left = NEWCOMERS_PER_TURN;
  readonly #waiting: (() => void)[] = [];
  #isScheduled = false;
  readonly #next = () => this.#begin();

  /** Resolves when it is the caller's turn, in the order of the calls; `null`: at once. */
  take(): Promise<void> | null {
    this.#schedule();
    if (this.#left > 0) {
      this.#left--;
      return null;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** After the sockets were read, and the media in them sent on. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#next);
  }

  #begin(): void {
    this.#isScheduled = false;
    const turn = this.#waiting.splice(0, NEWCOMERS_PER_TURN);
    this.#left = NEWCOMERS_PER_TURN - turn.length;
    if (turn.length > 0) this.#schedule();
    for (const resolve of turn) resolve();
  }
}
