import { performance } from 'node:perf_hooks';

/** So many newcomers begin before those who watch get what came meanwhile. */
export const NEWCOMERS_PER_TURN = 4;
/** Newcomers with no more than this between them, in milliseconds, are a crowd. */
export const MAX_CROWD_GAP_MS = 3;
/** What waits until a crowd is through waits no longer than this, in milliseconds: a crowd may have no end. */
export const MAX_CROWD_WAIT_MS = 100;

interface Later {
  readonly since: number;
  readonly work: () => void;
}

/**
 * Lets newcomers begin a few at a time. Each costs the cached group's write and some work; a crowd let in at once would keep
 * what the publishers send waiting until the last of them has been served.
 */
export class Turns {
  readonly #clock: () => number;
  #now = 0;
  #left = NEWCOMERS_PER_TURN;
  readonly #waiting: (() => void)[] = [];
  #isScheduled = false;
  #lastCame = Number.NEGATIVE_INFINITY;
  readonly #later: Later[] = [];
  #isLaterScheduled = false;
  readonly #next = () => this.#begin();
  readonly #look = () => this.#work();

  /** @param clock a clock in milliseconds that never goes back */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Names this turn: who was let in in it, and has not waited for anything since, need not ask again. */
  get now(): number {
    return this.#now;
  }

  /** Resolves when it is the caller's turn, in the order of the calls; `null`: at once. */
  take(): Promise<void> | null {
    this.#lastCame = this.#clock();
    this.#schedule();
    if (this.#left > 0) {
      this.#left--;
      return null;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /**
   * Does `work` when nobody has come for `MAX_CROWD_GAP_MS`, or after `MAX_CROWD_WAIT_MS`: what one newcomer can wait for
   * and would keep the next one waiting.
   */
  afterCrowd(work: () => void): void {
    this.#later.push({ since: this.#clock(), work });
    this.#lookLater();
  }

  /** After the sockets were read, and the media in them sent on. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#next);
  }

  #begin(): void {
    this.#isScheduled = false;
    this.#now++;
    const turn = this.#waiting.splice(0, NEWCOMERS_PER_TURN);
    this.#left = NEWCOMERS_PER_TURN - turn.length;
    if (turn.length > 0) this.#schedule();
    for (const resolve of turn) resolve();
  }

  #work(): void {
    this.#isLaterScheduled = false;
    const now = this.#clock();
    const isCrowded = this.#waiting.length > 0 || now - this.#lastCame < MAX_CROWD_GAP_MS;
    const isDue = ({ since }: Later) => !isCrowded || now - since >= MAX_CROWD_WAIT_MS;
    const due = this.#later.slice(0, NEWCOMERS_PER_TURN).filter(isDue);
    this.#later.splice(0, due.length);
    for (const { work } of due) work();
    this.#lookLater(due.length === NEWCOMERS_PER_TURN);
  }

  /** `isMore`: others are due as well; in the next turn of the event loop, so that sockets are read between. */
  #lookLater(isMore = false): void {
    if (this.#isLaterScheduled || this.#later.length === 0) return;
    this.#isLaterScheduled = true;
    if (isMore) setImmediate(this.#look);
    else setTimeout(this.#look, MAX_CROWD_GAP_MS);
  }
}
