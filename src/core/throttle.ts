/** Measures what a peer sends against a rate: a full second may come at once, then it has to wait. */
export class Throttle {
  readonly #bytesPerMs: number;
  readonly #burst: number;
  #allowance: number;
  #at: number;

  /** @param maxBytesPerSecond 0: no limit. @param now milliseconds of any clock that only goes forward */
  constructor(maxBytesPerSecond: number, now: number) {
    this.#bytesPerMs = maxBytesPerSecond / 1000;
    this.#burst = maxBytesPerSecond;
    this.#allowance = maxBytesPerSecond;
    this.#at = now;
  }

  /** Counts `bytes` and says for how many milliseconds no more should be read; usually 0. */
  take(bytes: number, now: number): number {
    if (this.#burst === 0) return 0;
    this.#allowance = Math.min(this.#burst, this.#allowance + (now - this.#at) * this.#bytesPerMs) - bytes;
    this.#at = now;
    return this.#allowance >= 0 ? 0 : Math.ceil(-this.#allowance / this.#bytesPerMs);
  }
}
