import { performance } from 'node:perf_hooks';
import type { Context } from '../../core/context.ts';
import type { Session } from '../../core/session.ts';

/** Bytes a second, over about the last one. */
export interface Rate {
  readonly inBps: number;
  readonly outBps: number;
}

interface Sample extends Rate {
  readonly inBytes: number;
  readonly outBytes: number;
}

const STILL: Rate = { inBps: 0, outBps: 0 };

/** Measures what every session receives and sends. */
export class Rates {
  readonly #context: Context;
  readonly #samples = new WeakMap<Session, Sample>();
  #sampledAt = performance.now();

  constructor(context: Context) {
    this.#context = context;
  }

  of(session: Session): Rate {
    return this.#samples.get(session) ?? STILL;
  }

  /** To be called about once a second. */
  sample(now = performance.now()): void {
    const seconds = (now - this.#sampledAt) / 1000;
    this.#sampledAt = now;
    if (seconds <= 0) return;
    for (const session of this.#context.sessions.values()) {
      const { inBytes, outBytes } = session;
      const last = this.#samples.get(session);
      this.#samples.set(session, {
        inBytes,
        outBytes,
        inBps: Math.round((inBytes - (last?.inBytes ?? 0)) / seconds),
        outBps: Math.round((outBytes - (last?.outBytes ?? 0)) / seconds),
      });
    }
  }
}
