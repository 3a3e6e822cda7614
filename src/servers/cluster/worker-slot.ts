import { performance } from 'node:perf_hooks';
import type { WorkerEnd, WorkerProcess } from './worker-process.ts';

/** A worker that died is replaced after this; each further death in a row doubles it. */
const RESTART_MS = 100;
/** The longest time after which a worker that died is replaced. */
const MAX_RESTART_MS = 10_000;
/** Whoever lived this long does not count as one in a row. */
const STABLE_MS = 60_000;

export interface SlotEvents {
  /** Makes a process, whose end is to be told by `replace`. */
  readonly start: (number: number) => WorkerProcess;
  /** The system gave us no other process; it is asked again. */
  readonly onFailed: (number: number, error: unknown) => void;
}

/** One of the places for workers: has a process in it, or soon will again. */
export class WorkerSlot {
  readonly number: number;
  readonly #events: SlotEvents;
  #worker: WorkerProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #startedAt = 0;
  #deaths = 0;

  constructor(number: number, events: SlotEvents) {
    this.number = number;
    this.#events = events;
  }

  get worker(): WorkerProcess | null {
    return this.#worker;
  }

  start(): WorkerProcess {
    this.#startedAt = performance.now();
    this.#worker = this.#events.start(this.number);
    return this.#worker;
  }

  /** Its process died: another is made after a delay, which is returned in milliseconds. */
  replace(): number {
    this.#worker = null;
    this.#deaths = performance.now() - this.#startedAt > STABLE_MS ? 0 : this.#deaths;
    const delayMs = Math.min(MAX_RESTART_MS, RESTART_MS * 2 ** this.#deaths);
    this.#deaths++;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      try {
        this.start();
      } catch (error) {
        this.#events.onFailed(this.number, error);
        this.replace();
      }
    }, delayMs);
    return delayMs;
  }

  /** No other process is made any more. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Why a worker died, for people. */
export function describeEnd({ code, signal }: WorkerEnd): string {
  if (signal !== null) return `signal ${signal}`;
  return code === null ? 'it could not be started' : `exit code ${code}`;
}
