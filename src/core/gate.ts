import { DeniedError, NmsError } from '../errors.ts';
import type { Action } from './admission.ts';
import { MAX_TIMER_MS } from './deadline.ts';
import { allow, type Decision, readDecision } from './decision.ts';
import type { Session } from './session.ts';

/** Milliseconds that a decision may take, its wait for others included. */
const TIMEOUT_MS = 5_000;
/** Decisions that one handler makes at once. */
const CONCURRENCY = 1_000;

/** What a handler decides on. */
export interface AdmitRequest {
  readonly action: Action;
  readonly session: Session;
  /** `/app/name` */
  readonly streamPath: string;
  readonly app: string;
  readonly name: string;
  /** Decoded parameters of the address. */
  readonly query: Readonly<Record<string, string>>;
  /** The peer's address, without its port. */
  readonly address: string;
  readonly protocol: Session['protocol'];
  readonly userAgent: string;
  /** Who it has proved to be; '' for nobody in particular. */
  readonly user: string;
  /** Aborts when the peer has gone, or the time for the decision is over. */
  readonly signal: AbortSignal;
}

/** Decides with `allow()`, `deny(reason)`, `redirect(path)` or `limits({…})`; a thrown DeniedError denies too. */
export type AdmitHandler = (request: AdmitRequest) => Decision | Promise<Decision>;

/** How long and how often a handler is asked, and what holds when it gives no answer. */
export interface AdmitOptions {
  /** Milliseconds for a decision, its wait for others included; 5000 by default. */
  readonly timeoutMs?: number;
  /** Decisions made at once; others wait in order. 1000 by default. */
  readonly concurrency?: number;
  /** What a decision is that comes too late; `deny` by default. */
  readonly onTimeout?: 'allow' | 'deny';
  /** What it is when the handler throws, or returns no decision; `deny` by default. */
  readonly onError?: 'allow' | 'deny';
}

/** Asks one handler, a bounded number of times at once and for a bounded time each. */
export class Gate {
  readonly #handler: AdmitHandler;
  readonly #options: Required<AdmitOptions>;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @throws RangeError when a number is not above 0. */
  constructor(handler: AdmitHandler, options: AdmitOptions = {}) {
    const { timeoutMs = TIMEOUT_MS, concurrency = CONCURRENCY, onTimeout = 'deny', onError = 'deny' } = options;
    if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs is ${timeoutMs}; it must be above 0`);
    if (!(concurrency >= 1)) throw new RangeError(`concurrency is ${concurrency}; it must be 1 or more`);
    this.#handler = handler;
    this.#options = { timeoutMs, concurrency, onTimeout, onError };
  }

  /**
   * What the handler says of the session.
   * @throws the NmsError that it refused with; the reason of the session's end when that came first.
   */
  async ask(session: Session, action: Action): Promise<Decision> {
    const { timeoutMs } = this.#options;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), Math.min(timeoutMs, MAX_TIMER_MS));
    const signal = AbortSignal.any([session.signal, late.signal]);
    try {
      if (await this.#takeTurn(signal)) {
        const decision = await this.#decide(session, action, signal);
        if (decision !== null) return decision;
      }
      if (session.closeReason !== null) throw session.closeReason;
      session.log('warn', `the decision about ${action} took longer than ${timeoutMs} ms`, { timeoutMs });
      return this.#fallback(this.#options.onTimeout);
    } finally {
      clearTimeout(timer);
    }
  }

  /** `null`: the time was over first. The handler's place is free when it has really ended, not before. */
  async #decide(session: Session, action: Action, signal: AbortSignal): Promise<Decision | null> {
    const answer = this.#call(session, action, signal).finally(() => this.#release());
    const over = aborted(signal);
    const decision = await Promise.race([answer, over.promise]).finally(over.forget);
    if (decision === null) answer.catch(() => undefined);
    return decision;
  }

  async #call(session: Session, action: Action, signal: AbortSignal): Promise<Decision> {
    try {
      const answer: unknown = await this.#handler(requestOf(session, action, signal));
      const decision = readDecision(answer);
      if (decision !== null) return decision;
      throw new TypeError(`an admit handler returned ${typeof answer}; a decision is allowed`);
    } catch (error) {
      if (error instanceof NmsError) throw error;
      if (signal.aborted) return this.#fallback(this.#options.onTimeout);
      session.log('error', `the decision about ${action} failed`, { err: error });
      return this.#fallback(this.#options.onError);
    }
  }

  #fallback(choice: 'allow' | 'deny'): Decision {
    if (choice === 'allow') return allow();
    throw new DeniedError('the decision failed');
  }

  /** Resolves with `false` when the time was over before it was this one's turn. */
  async #takeTurn(signal: AbortSignal): Promise<boolean> {
    if (this.#running < this.#options.concurrency) {
      this.#running++;
      return true;
    }
    let resume = () => {};
    const turn = new Promise<void>((resolve) => {
      resume = resolve;
    });
    this.#waiting.push(resume);
    const over = aborted(signal);
    await Promise.race([turn, over.promise]).finally(over.forget);
    const index = this.#waiting.indexOf(resume);
    if (index >= 0) this.#waiting.splice(index, 1);
    else if (signal.aborted) this.#release();
    return index < 0 && !signal.aborted;
  }

  /** Gives the turn to the next who waits. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}

function aborted(signal: AbortSignal): { readonly promise: Promise<null>; readonly forget: () => void } {
  let onAbort = () => {};
  const promise = new Promise<null>((resolve) => {
    onAbort = () => resolve(null);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) };
}

function requestOf(session: Session, action: Action, signal: AbortSignal): AdmitRequest {
  const { streamPath, streamApp: app, streamName: name, streamQuery: query } = session;
  const { address, protocol, userAgent, user } = session;
  return { action, session, streamPath, app, name, query, address, protocol, userAgent, user, signal };
}
