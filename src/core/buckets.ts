/** What a `Buckets` has counted; can be sent to another process. */
export interface BucketCounts {
  /** Upper ends, inclusive; the last of `counts` is beyond all of them. */
  readonly bounds: readonly number[];
  /** How many values were in each bucket: not added up. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A distribution in fixed buckets: what is measured so often that single values cannot be kept. */
export class Buckets {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds upper ends, rising */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  add(value: number): void {
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > bounds[index]!) index++;
    this.#counts[index]!++;
    this.#sum += value;
  }

  read(): BucketCounts {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum };
  }
}
