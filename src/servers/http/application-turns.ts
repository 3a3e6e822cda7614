/** Requests that are begun in one turn of the event loop; then media has its turn. */
const MAX_PER_TURN = 2;

/** Lets requests to the application wait for one another, so that a burst of them never holds media up for long. */
export class ApplicationTurns {
  readonly #waiting: (() => void)[] = [];
  #begun = 0;
  #isScheduled = false;

  /** Runs `work` now, or in one of the next turns of the event loop; in the order in which it came. */
  run(work: () => void): void {
    this.#schedule();
    if (this.#begun >= MAX_PER_TURN || this.#waiting.length > 0) {
      this.#waiting.push(work);
      return;
    }
    this.#begun++;
    work();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    const works = this.#waiting.splice(0, MAX_PER_TURN);
    this.#begun = works.length;
    if (works.length > 0) this.#schedule();
    for (const work of works) work();
  }
}
