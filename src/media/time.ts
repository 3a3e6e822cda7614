/** A time or a duration in microseconds. Integers below 2^53; negative values are legal. */
export type Micros = number & { readonly unit: 'µs' };

export function micros(value: number): Micros {
  return value as Micros;
}

export function fromMillis(value: number): Micros {
  return (value * 1000) as Micros;
}

/** Rounded down, so that what came in as milliseconds leaves as the same milliseconds. */
export function toMillis(value: Micros): number {
  return Math.floor(value / 1000);
}
