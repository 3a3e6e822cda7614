import { type Gear, Pace } from './pace.ts';

/** Never waits: for a stream on its way to where its players are, and its next pace, is. */
export class PromptPace extends Pace {
  constructor() {
    super({ relaxed: false, maxBatchDelayMs: 0 }, { isBusy: false });
  }

  override get gear(): Gear {
    return 'at once';
  }
}
