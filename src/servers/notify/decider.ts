import type { Counters } from '../../core/counters.ts';
import { type Decision, FULL_GRANT, type Grant, narrow } from '../../core/decision.ts';
import type { Session } from '../../core/session.ts';
import { DeniedError, TimeoutError } from '../../errors.ts';
import { readAnswer, UselessAnswer } from './answer.ts';
import { CallGate } from './call-gate.ts';
import type { NotifyConfig } from './config.ts';
import type { HttpCaller } from './http-caller.ts';
import type { Target } from './target.ts';
import { writeBody } from './write-body.ts';
import type { Happening } from './payload.ts';

/** Asks targets whether a session may do what it asks for: one after the other, and all must agree. */
export class Decider {
  readonly #caller: HttpCaller;
  readonly #counters: Counters;
  readonly #gate: CallGate;

  constructor(caller: HttpCaller, counters: Counters, config: () => NotifyConfig) {
    this.#caller = caller;
    this.#counters = counters;
    this.#gate = new CallGate(() => {
      const { maxCalls, maxCallsPerTarget, maxWaitingDecisions: maxWaiting } = config();
      return { maxCalls, maxCallsPerTarget, maxWaiting };
    });
  }

  /** @throws DeniedError; the reason of the session's end when that comes first */
  async decide(targets: readonly Target[], happening: Happening): Promise<Decision> {
    let grant: Grant = FULL_GRANT;
    for (const target of targets) {
      const decision = await this.#ask(target, happening);
      if (!decision.allow) throw new DeniedError(decision.reason ?? 'refused');
      grant = narrow(grant, decision);
    }
    return { allow: true, ...(grant.redirect === null ? {} : { redirect: grant.redirect }), limits: grant.limits };
  }

  async #ask(target: Target, happening: Happening): Promise<Decision> {
    const { session } = happening;
    try {
      const decision = readAnswer(await this.#call(target, happening), target.format);
      this.#counters.count('webhook_decisions', 'answered');
      return decision;
    } catch (error) {
      if (session.closeReason !== null) throw session.closeReason;
      this.#counters.count('webhook_decisions', 'failed');
      return this.#withoutAnswer(target, session, error);
    }
  }

  async #call(target: Target, happening: Happening) {
    const { timeoutMs } = target;
    const late = new AbortController();
    const signal = AbortSignal.any([happening.session.signal, late.signal]);
    const onLate = () => late.abort(new TimeoutError('notify.targets[].timeoutMs', `no answer within ${timeoutMs} ms`));
    const timer = setTimeout(onLate, timeoutMs);
    try {
      const leave = await this.#gate.enter(target.name, signal);
      try {
        return await this.#caller.post({ target, id: happening.id, body: writeBody(target, happening), signal });
      } finally {
        leave();
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #withoutAnswer({ name, onError }: Target, session: Session, error: unknown): Decision {
    const reason = error instanceof Error ? error.message : String(error);
    const isForeseen = error instanceof UselessAnswer || (error instanceof Error && 'code' in error);
    const fields = { target: name, onError, reason, ...(isForeseen ? {} : { err: error }) };
    session.log('warn', `a webhook gave no decision: ${onError === 'allow' ? 'allowed' : 'denied'}`, fields);
    return onError === 'allow' ? { allow: true } : { allow: false, reason: 'the decision failed' };
  }
}
