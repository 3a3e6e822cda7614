import type { Lane } from '../../core/outbox.ts';
import type { Target } from './target.ts';

/** So many failures in a row are not those of single calls: the target is down. */
export const FAILURES_OF_TARGET = 16;

/** What goes on for one target. While it is down it is tried with one call at a time, at growing intervals. */
export class Desk {
  target: Target;
  /** The configuration has it no more: nothing new is begun. */
  isRetired = false;
  /** Lanes that were due when they were looked up, and wait for room. */
  ready: Lane[] = [];
  /** Of `ready`, and those that are at work. */
  readonly taken = new Set<number>();
  active = 0;
  #failures = 0;
  #pauses = 0;
  #pausedUntil = 0;

  constructor(target: Target) {
    this.target = target;
  }

  /** When it may be tried again; 0: it is not down. Unix milliseconds. */
  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** How many calls may be under way. */
  room(max: number, now: number): number {
    if (this.#pausedUntil === 0) return max;
    return now >= this.#pausedUntil ? 1 : 0;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#pauses = 0;
    this.#pausedUntil = 0;
  }

  /** @param waitMs the pause after so many attempts */
  failed(now: number, waitMs: (attempts: number) => number): void {
    this.#failures++;
    // Calls that were under way when it went down fail too; they tell nothing new.
    if (this.#failures < FAILURES_OF_TARGET || now < this.#pausedUntil) return;
    this.#pauses++;
    this.#pausedUntil = now + waitMs(this.#pauses);
  }
}
