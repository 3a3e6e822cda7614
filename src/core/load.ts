import { performance } from 'node:perf_hooks';

/** The share of the time above which the process counts as busy; below the other it no longer does. */
const BUSY_UTILISATION = 0.4;
const CALM_UTILISATION = 0.2;

/** How busy this process is: many small streams load it as much as one with many players, and no pass shows that. */
export class Load {
  #last = performance.eventLoopUtilization();
  #utilisation = 0;
  #isBusy = false;

  /** Has the process so much to do that writes should be saved? */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** The share of the time between the last two samples in which the event loop was not idle. */
  get utilisation(): number {
    return this.#utilisation;
  }

  /** To be called about once a second. */
  sample(): void {
    const now = performance.eventLoopUtilization();
    this.measure(performance.eventLoopUtilization(now, this.#last).utilization);
    this.#last = now;
  }

  /** Takes a utilisation, 0 to 1, for the last second. */
  measure(utilisation: number): void {
    this.#utilisation = utilisation;
    if (utilisation > BUSY_UTILISATION) this.#isBusy = true;
    else if (utilisation < CALM_UTILISATION) this.#isBusy = false;
  }
}
