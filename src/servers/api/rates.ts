import type { Context } from '../../core/context.ts';
import type { Session } from '../../core/session.ts';

/** Bytes a second, over about the last one. */
export interface Rate {
  readonly inBps: number;
  readonly outBps: number;
}

/** What all sessions have received and sent since the server began, those that have ended included. */
export interface NetworkTotals extends Rate {
  readonly inBytes: number;
  readonly outBytes: number;
}

interface Sample extends Rate {
  inBps: number;
  outBps: number;
  /** As they were when the rate was measured, at unix milliseconds. */
  inBytes: number;
  outBytes: number;
  at: number;
  /** How much of them is in the totals. */
  totalledIn: number;
  totalledOut: number;
}

const STILL: Rate = { inBps: 0, outBps: 0 };

/** Measures what every session receives and sends, and all of them together. */
export class Rates {
  readonly #context: Context;
  readonly #samples = new WeakMap<Session, Sample>();
  #inBytes = 0;
  #outBytes = 0;
  #rate: Rate = STILL;
  #sampledAt = Date.now();
  #sampledIn = 0;
  #sampledOut = 0;

  constructor(context: Context) {
    this.#context = context;
    // What it moved since the last sample would be lost with it.
    context.eventEmitter.on('sessionEnd', (session) => this.#take(session));
  }

  of(session: Session): Rate {
    const { inBps, outBps } = this.#samples.get(session) ?? STILL;
    return { inBps, outBps };
  }

  get network(): NetworkTotals {
    return { inBytes: this.#inBytes, outBytes: this.#outBytes, ...this.#rate };
  }

  /** To be called about once a second. */
  sample(): void {
    for (const session of this.#context.sessions.values()) this.#take(session);
    const now = Date.now();
    const seconds = (now - this.#sampledAt) / 1000;
    if (seconds <= 0) return;
    const inBps = Math.round((this.#inBytes - this.#sampledIn) / seconds);
    const outBps = Math.round((this.#outBytes - this.#sampledOut) / seconds);
    this.#rate = { inBps, outBps };
    this.#sampledAt = now;
    this.#sampledIn = this.#inBytes;
    this.#sampledOut = this.#outBytes;
  }

  #take(session: Session): void {
    const { inBytes, outBytes, countedAt: at } = session;
    const sample = this.#sampleOf(session);
    if (!session.internal) {
      this.#inBytes += inBytes - sample.totalledIn;
      this.#outBytes += outBytes - sample.totalledOut;
      sample.totalledIn = inBytes;
      sample.totalledOut = outBytes;
    }
    const seconds = (at - sample.at) / 1000;
    // A session of another process is counted there: nothing may be new.
    if (seconds <= 0) return;
    sample.inBps = Math.round((inBytes - sample.inBytes) / seconds);
    sample.outBps = Math.round((outBytes - sample.outBytes) / seconds);
    Object.assign(sample, { inBytes, outBytes, at });
  }

  #sampleOf(session: Session): Sample {
    let sample = this.#samples.get(session);
    if (sample === undefined) {
      sample = { ...STILL, inBytes: 0, outBytes: 0, at: session.createTime, totalledIn: 0, totalledOut: 0 };
      this.#samples.set(session, sample);
    }
    return sample;
  }
}
