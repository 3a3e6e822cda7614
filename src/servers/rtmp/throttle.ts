/** What is slowed down. */
export interface Throttled {
  pause(): void;
  resume(): void;
}

/** Slows a fast sender down by not reading: a bucket of one second's bytes. */
export class Throttle {
  readonly #bytesPerSecond: number;
  readonly #source: Throttled;
  #left: number;
  #filledAt = performance.now();
  #timer: NodeJS.Timeout | null = null;

  /** `bytesPerSecond` 0: no limit. */
  constructor(bytesPerSecond: number, source: Throttled) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#source = source;
    this.#left = bytesPerSecond;
  }

  /** Is the source paused by this? Then nobody else may resume it. */
  get isHolding(): boolean {
    return this.#timer !== null;
  }

  spend(bytes: number): void {
    if (this.#bytesPerSecond === 0) return;
    const now = performance.now();
    const filled = this.#left + ((now - this.#filledAt) / 1000) * this.#bytesPerSecond;
    this.#left = Math.min(filled, this.#bytesPerSecond) - bytes;
    this.#filledAt = now;
    if (this.#left >= 0 || this.#timer !== null) return;
    this.#source.pause();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#source.resume();
      },
      (-this.#left / this.#bytesPerSecond) * 1000,
    );
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
