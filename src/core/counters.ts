import { NmsError } from '../errors.ts';

/** Counts of one process by name and label, all of which only grow: what was counted since the last time is easily told. */
export type CounterRow = readonly [name: string, label: string, count: number];

/** Labels of one counter; more are counted together under `other`. */
const MAX_LABELS = 64;
export const OTHER_LABEL = 'other';

/** The code of whatever was thrown, as a label. */
export function errorLabel(error: unknown): string {
  return error instanceof NmsError ? error.code : OTHER_LABEL;
}

/** Counts things that happen, by name and at most one label of few values. Cheap enough for the road of media. */
export class Counters {
  readonly #counts = new Map<string, Map<string, number>>();

  /** One more, or `by` more. */
  count(name: string, label = '', by = 1): void {
    let labels = this.#counts.get(name);
    if (labels === undefined) {
      labels = new Map();
      this.#counts.set(name, labels);
    }
    const known = labels.get(label);
    if (known !== undefined) labels.set(label, known + by);
    else if (labels.size < MAX_LABELS) labels.set(label, by);
    else labels.set(OTHER_LABEL, (labels.get(OTHER_LABEL) ?? 0) + by);
  }

  /** Takes over what another process has counted. */
  add(rows: Iterable<CounterRow>): void {
    for (const [name, label, count] of rows) this.count(name, label, count);
  }

  get(name: string, label = ''): number {
    return this.#counts.get(name)?.get(label) ?? 0;
  }

  /** Everything counted so far. */
  *rows(): Generator<CounterRow> {
    for (const [name, labels] of this.#counts) for (const [label, count] of labels) yield [name, label, count];
  }
}

/** Tells what was counted since it was last asked: what one process says to another, which adds it up. */
export class CounterNews {
  readonly #counters: Counters;
  readonly #told = new Map<string, number>();

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  take(): CounterRow[] {
    const news: CounterRow[] = [];
    for (const [name, label, count] of this.#counters.rows()) {
      const key = `${name} ${label}`;
      const told = this.#told.get(key) ?? 0;
      if (count === told) continue;
      this.#told.set(key, count);
      news.push([name, label, count - told]);
    }
    return news;
  }
}
