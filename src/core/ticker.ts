/** One timer for all that happens about once a second: limits of silence, periodic lines, load. Never keeps the process alive. */
export class Ticker {
  readonly #tasks = new Set<() => void>();
  #timer: NodeJS.Timeout | null = null;

  /** Called about once a second until the returned function is called. */
  add(task: () => void): () => void {
    this.#tasks.add(task);
    this.#timer ??= setInterval(() => this.#tick(), 1000).unref();
    return () => {
      this.#tasks.delete(task);
      if (this.#tasks.size === 0) this.stop();
    };
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    for (const task of this.#tasks) task();
  }
}
