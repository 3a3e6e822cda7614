/** Operations on the disk at once: fewer than the threads that Node has for all files and names, so that a hanging disk leaves some. */
const AT_ONCE = 2;

/** Lets all recordings together keep so many threads busy and no more. */
export class DiskTurns {
  #free = AT_ONCE;
  readonly #waiting: (() => void)[] = [];

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
