import { performance } from 'node:perf_hooks';
import type { Intake } from './intake.ts';

/** What may come in one rest: it waits with the system, and where that has no room for it, the publisher waits. */
const MAX_REST_BYTES = 64 * 1024;
/** The longest rest: a publisher who ends, or asks something, is heard after it. */
const MAX_REST_MS = 100;
/** Shorter ones save nothing. */
const MIN_REST_MS = 20;
/** A rest ends so long before the feeds write, that what came meanwhile is written with them. */
const READ_MS = 5;

/**
 * Lets a publisher go unread while what it sends would only wait for the next flush: a process that reads a flush's worth at
 * once is cheaper than one that wakes for each message.
 */
export class Rest {
  readonly #intake: Intake;
  readonly #now: () => number;
  /** When the rate was looked at. */
  #since: number;
  /** Read since then. */
  #bytes = 0;
  #isLooking = false;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(intake: Intake, now = () => performance.now()) {
    this.#intake = intake;
    this.#now = now;
    this.#since = now();
  }

  /**
   * So many bytes of the publisher were read, and what was in them is with the stream.
   * @param stream says for how many milliseconds its publisher may go unread
   */
  take(bytes: number, stream: { readonly restMs: number }): void {
    this.#bytes += bytes;
    if (this.#isLooking || stream.restMs < MIN_REST_MS) return;
    this.#isLooking = true;
    // More of it may be read in this turn of the event loop.
    setImmediate(() => this.#look(Math.min(stream.restMs - READ_MS, MAX_REST_MS)));
  }

  #look(restMs: number): void {
    this.#isLooking = false;
    const now = this.#now();
    const ms = now - this.#since;
    if (restMs < MIN_REST_MS || ms < MIN_REST_MS) return;
    const isSlow = this.#bytes * restMs <= MAX_REST_BYTES * ms;
    this.#since = now;
    this.#bytes = 0;
    if (isSlow && !this.#intake.has('turn')) this.#intake.holdFor('rest', restMs);
  }
}
