import { performance } from 'node:perf_hooks';
import type { Intake } from './intake.ts';

/** How long what one peer sent may keep others waiting; the rest of it is looked at when they have had their turn. */
const MAX_TURN_MS = 10;
/** The clock is asked once for so many events. */
const EVENTS_PER_LOOK = 64;

export interface PumpHost {
  /** Handles the next event; `false`: there is none. Never throws. */
  step(): boolean;
  /** The events of this turn are handled. */
  turned?(): void;
}

/** Works through what a peer has sent, in turns with all others: meanwhile nothing more is read of it. */
export class Pump {
  readonly #intake: Intake;
  readonly #host: PumpHost;
  #isRunning = false;
  #last: (() => void) | null = null;

  constructor(intake: Intake, host: PumpHost) {
    this.#intake = intake;
    this.#host = host;
  }

  /** Never runs inside itself: what an event's handler causes is picked up by the loop that called it. */
  run(): void {
    if (this.#isRunning || this.#intake.has('turn') || this.#work()) return;
    this.#intake.hold('turn');
    setImmediate(() => this.#takeTurn());
  }

  /** Does the peer's last wish once all that it sent before is handled: at once, when that is so. Only the first counts. */
  finish(last: () => void): void {
    if (!this.#intake.has('turn')) last();
    else this.#last ??= last;
  }

  #takeTurn(): void {
    if (!this.#work()) {
      setImmediate(() => this.#takeTurn());
      return;
    }
    this.#intake.release('turn');
    this.#last?.();
  }

  /** `false`: it took longer than others may be kept waiting. */
  #work(): boolean {
    this.#isRunning = true;
    const endAt = performance.now() + MAX_TURN_MS;
    for (let count = 1; this.#host.step(); count++) {
      if (count % EVENTS_PER_LOOK === 0 && performance.now() > endAt) break;
    }
    this.#isRunning = false;
    this.#host.turned?.();
    return performance.now() <= endAt;
  }
}
