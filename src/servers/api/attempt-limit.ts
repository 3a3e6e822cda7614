export interface AttemptLimitOptions {
  /** Attempts that one key has in a window. */
  readonly max: number;
  readonly windowMs: number;
  /** Keys remembered at once; the oldest is forgotten for a new one. */
  readonly maxKeys: number;
}

interface Window {
  count: number;
  readonly endsAt: number;
}

/** Counts attempts by key in windows of time, in bounded memory. The clock is the caller's, in milliseconds. */
export class AttemptLimit {
  readonly #options: AttemptLimitOptions;
  readonly #windows = new Map<string, Window>();

  constructor(options: AttemptLimitOptions) {
    this.#options = options;
  }

  get max(): number {
    return this.#options.max;
  }

  /** Attempts left in the window. */
  left(key: string, now: number): number {
    return Math.max(0, this.#options.max - (this.#current(key, now)?.count ?? 0));
  }

  /** Milliseconds until the window of `key` ends; 0 without one. */
  waitMs(key: string, now: number): number {
    const window = this.#current(key, now);
    return window === null ? 0 : window.endsAt - now;
  }

  /** Counts one attempt. */
  count(key: string, now: number): void {
    const window = this.#current(key, now);
    if (window !== null) {
      window.count++;
      return;
    }
    if (this.#windows.size >= this.#options.maxKeys) this.#makeRoom(now);
    this.#windows.set(key, { count: 1, endsAt: now + this.#options.windowMs });
  }

  forget(key: string): void {
    this.#windows.delete(key);
  }

  #current(key: string, now: number): Window | null {
    const window = this.#windows.get(key);
    if (window === undefined) return null;
    if (window.endsAt > now) return window;
    this.#windows.delete(key);
    return null;
  }

  /** Windows are all equally long: the first in the map ends first. */
  #makeRoom(now: number): void {
    for (const [key, window] of this.#windows) {
      if (window.endsAt > now && this.#windows.size < this.#options.maxKeys) return;
      this.#windows.delete(key);
    }
  }
}
