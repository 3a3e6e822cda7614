import type { FlushTimes } from './flush-times.ts';

/**
 * When a feed writes: `at once` while a pass over the players is short and the process not busy; with each `video frame`
 * else (audio rides along); `relaxed` when even that would not keep up, or when the configuration asks for it.
 */
export type Gear = 'at once' | 'video frame' | 'relaxed';

export interface PaceOptions {
  readonly relaxed: boolean;
  readonly maxBatchDelayMs: number;
}

/** How long audio may wait for the next video frame. */
export const AUDIO_RIDE_MS = 40;
/** A pass longer than this leaves `at once`. */
const LONG_PASS_MS = 1;
/** A pass shorter than this returns there. */
const SHORT_PASS_MS = 0.75;
/** The share of the time that passes may take before the gear goes to `relaxed`; half of it returns. */
const BUSY_SHARE = 0.6;
/** A pass counts as at most so many times the usual one: more is the system's doing, not the players'. */
const MAX_SAMPLE = 4;
/** Weight of the newest measurement. */
const WEIGHT = 0.1;
/** Weight of the newest share: a second or two of passes decide, not one that the system interrupted. */
const SHARE_WEIGHT = 0.02;

/** Chooses the gear from the measured length of the passes. All times in milliseconds of a monotonic clock. */
export class Pace {
  readonly #options: PaceOptions;
  readonly #load: { readonly isBusy: boolean };
  readonly #times: FlushTimes | null;
  #playerMs = 0;
  #passMs = 0;
  #share = 0;
  #lastEndAt = -1;
  #gear: Gear;

  /** @param times are told of every pass */
  constructor(options: PaceOptions, load: { readonly isBusy: boolean }, times: FlushTimes | null = null) {
    this.#options = options;
    this.#load = load;
    this.#times = times;
    this.#gear = options.relaxed ? 'relaxed' : 'at once';
  }

  get gear(): Gear {
    return this.#gear;
  }

  /** How long a pass takes: over as many players as the last one had, each at the smoothed cost of one. */
  get passMs(): number {
    return this.#passMs;
  }

  /** The longest that anything may wait. */
  get maxDelayMs(): number {
    return this.#gear === 'relaxed' ? this.#options.maxBatchDelayMs : AUDIO_RIDE_MS;
  }

  /** The oldest unit of a flush has waited so long for it. */
  waited(ms: number): void {
    this.#times?.delays.add(ms);
  }

  /** Takes the times of a pass over so many players: a crowd that has just come counts at once. */
  measure(startedAt: number, endedAt: number, players: number): void {
    const passMs = endedAt - startedAt;
    this.#times?.passes.add(passMs);
    const usualMs = Math.max(this.#playerMs * players, LONG_PASS_MS / 4);
    this.#playerMs += (Math.min(passMs, usualMs * MAX_SAMPLE) / players - this.#playerMs) * WEIGHT;
    this.#passMs = this.#playerMs * players;
    if (this.#lastEndAt >= 0) {
      const share = passMs / Math.max(endedAt - this.#lastEndAt, 0.001);
      this.#share += (share - this.#share) * SHARE_WEIGHT;
    }
    this.#lastEndAt = endedAt;
    if (!this.#options.relaxed) this.#gear = this.#choose();
  }

  #choose(): Gear {
    switch (this.#gear) {
      case 'at once':
        return this.#passMs > LONG_PASS_MS || this.#load.isBusy ? 'video frame' : 'at once';
      case 'video frame':
        if (this.#share > BUSY_SHARE && this.#options.maxBatchDelayMs > AUDIO_RIDE_MS) return 'relaxed';
        return this.#passMs < SHORT_PASS_MS && !this.#load.isBusy ? 'at once' : 'video frame';
      case 'relaxed':
        return this.#share * (this.#options.maxBatchDelayMs / AUDIO_RIDE_MS) < BUSY_SHARE / 2
          ? 'video frame'
          : 'relaxed';
    }
  }
}
