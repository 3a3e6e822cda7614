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
  /** When they were counted, in unix milliseconds. */
  readonly at: number;
}

const STILL: Rate = { inBps: 0, outBps: 0 };

/** Measures what every session receives and sends. */
export class Rates {
  readonly #context: Context;
  readonly #samples = new WeakMap<Session, Sample>();

  constructor(context: Context) {
    this.#context = context;
  }

  of(session: Session): Rate {
    const { inBps, outBps } = this.#samples.get(session) ?? STILL;
    return { inBps, outBps };
  }

  /** To be called about once a second. */
  sample(): void {
    for (const session of this.#context.sessions.values()) {
      const { inBytes, outBytes, countedAt: at } = session;
      const last = this.#samples.get(session) ?? { inBytes: 0, outBytes: 0, at: session.createTime };
      const seconds = (at - last.at) / 1000;
      // A session of another process is counted there: nothing may be new.
      if (seconds <= 0) continue;
      const inBps = Math.round((inBytes - last.inBytes) / seconds);
      const outBps = Math.round((outBytes - last.outBytes) / seconds);
      this.#samples.set(session, { inBytes, outBytes, at, inBps, outBps });
    }
  }
}
