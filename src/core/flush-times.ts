import { Buckets } from './buckets.ts';

const PASS_MS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250];
const DELAY_MS = [1, 5, 10, 20, 40, 60, 80, 100, 150, 250, 500, 1000];

/** How long the flushes of all feeds of a process took, and how long media had waited for them. Milliseconds. */
export class FlushTimes {
  /** One pass over the players of a feed. */
  readonly passes = new Buckets(PASS_MS);
  /** From the oldest unit of a flush to its pass; 0 where nothing is held back. */
  readonly delays = new Buckets(DELAY_MS);
}
