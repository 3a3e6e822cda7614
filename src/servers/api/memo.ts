/** How long a value holds while nothing is known to have changed: bytes and rates may be this old. */
const MAX_AGE_MS = 100;
/** A value that takes long to make holds longer, so that making it takes at most this part of the time. */
const COST_SHARE = 0.1;

/**
 * Keeps what is expensive to make for those who ask often. It is made again when it was called outdated, or is old; but not
 * before ten times as long has gone by as it took to make.
 */
export class Memo<Value> {
  readonly #make: () => Value;
  readonly #now: () => number;
  #value: { readonly value: Value; readonly madeAt: number; readonly costMs: number } | null = null;
  #isOutdated = false;

  /** @param now milliseconds of any clock that only goes forward */
  constructor(make: () => Value, now: () => number = () => performance.now()) {
    this.#make = make;
    this.#now = now;
  }

  /** What it is made of has changed. */
  outdate(): void {
    this.#isOutdated = true;
  }

  get(): Value {
    const begin = this.#now();
    if (this.#value !== null && this.#mayServe(this.#value, begin)) return this.#value.value;
    this.#isOutdated = false;
    const value = this.#make();
    const madeAt = this.#now();
    this.#value = { value, madeAt, costMs: madeAt - begin };
    return value;
  }

  #mayServe({ madeAt, costMs }: { readonly madeAt: number; readonly costMs: number }, now: number): boolean {
    const ageMs = now - madeAt;
    if (ageMs < costMs / COST_SHARE) return true;
    return !this.#isOutdated && ageMs < MAX_AGE_MS;
  }
}
