import type { Counters } from '../../core/counters.ts';
import type { Logger } from '../../core/logger.ts';

/** A target that goes on failing is in the log so often. */
const REPEAT_MS = 60_000;

interface Counts {
  /** Since that was said last. */
  failed: number;
  /** Has any failed since the last look? */
  hasFailed: boolean;
  reason: string;
  dead: number;
  dropped: number;
  /** What became of the last call: was it taken? */
  isTaken: boolean;
  isFailing: boolean;
  saidAt: number;
}

/** Counts what becomes of calls, and says it in the log once a second at most, of a target that goes on failing once a minute. */
export class CallReport {
  readonly #logger: Logger;
  readonly #counters: Counters;
  readonly #counts = new Map<string, Counts>();

  constructor(logger: Logger, counters: Counters) {
    this.#logger = logger;
    this.#counters = counters;
  }

  succeeded(target: string): void {
    this.#of(target).isTaken = true;
    this.#counters.count('webhook_calls', 'taken');
  }

  failed(target: string, reason: string): void {
    const counts = this.#of(target);
    counts.failed++;
    counts.hasFailed = true;
    counts.isTaken = false;
    counts.reason = reason;
    this.#counters.count('webhook_calls', 'failed');
  }

  /** Given up: it is a dead letter. */
  dead(target: string, calls: number): void {
    this.#of(target).dead += calls;
    this.#counters.count('webhook_calls', 'dead', calls);
  }

  /** Left out, and gone. */
  dropped(target: string, calls: number): void {
    this.#of(target).dropped += calls;
    this.#counters.count('webhook_calls', 'dropped', calls);
  }

  /** To be called about once a second. @param now milliseconds of any clock that only goes forward */
  say(now: number): void {
    for (const [target, counts] of this.#counts) {
      this.#sayLost(target, counts);
      if (counts.failed > 0 && now - counts.saidAt >= REPEAT_MS) {
        const { failed, reason } = counts;
        this.#logger.warn(
          { target, failed, reason },
          'a webhook does not take its calls; they are kept and tried again',
        );
        counts.saidAt = now;
        counts.isFailing = true;
        counts.failed = 0;
      } else if (counts.isFailing && counts.isTaken && !counts.hasFailed) {
        this.#logger.info({ target }, 'a webhook takes its calls again');
        counts.isFailing = false;
        counts.failed = 0;
        counts.saidAt = Number.NEGATIVE_INFINITY;
      }
      counts.hasFailed = false;
    }
  }

  #sayLost(target: string, counts: Counts): void {
    const { dead, dropped } = counts;
    if (dead > 0)
      this.#logger.warn({ target, calls: dead }, 'calls of a webhook were given up: nms outbox dead lists them');
    if (dropped > 0) this.#logger.error({ target, calls: dropped }, 'calls of a webhook are lost: the outbox is full');
    counts.dead = 0;
    counts.dropped = 0;
  }

  #of(target: string): Counts {
    let counts = this.#counts.get(target);
    if (counts === undefined) {
      const saidAt = Number.NEGATIVE_INFINITY;
      const none = { failed: 0, dead: 0, dropped: 0, hasFailed: false, isTaken: false, isFailing: false };
      counts = { ...none, reason: '', saidAt };
      this.#counts.set(target, counts);
    }
    return counts;
  }
}
