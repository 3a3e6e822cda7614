import type { EventEmitter } from 'node:events';
import { DeniedError, NmsError } from '../errors.ts';
import { type Decision, FULL_GRANT, type Grant, narrow, readDecision } from './decision.ts';
import type { ServerEventName, ServerEvents } from './events.ts';
import type { Session } from './session.ts';
import { parseStreamPath, type StreamAddress } from './stream-path.ts';

/** What a session wants of a stream. */
export type Action = 'publish' | 'play';

/**
 * May this session publish or play? Throws `DeniedError` or returns a decision when not. Runs before the `pre*` events; may
 * be asynchronous; `session.signal` aborts when the peer has gone.
 */
export type Guard = (session: Session, action: Action) => Decision | void | Promise<Decision | void>;

/** Who is asked and who is told: the part of the Context that decisions need. */
export interface Audience {
  readonly guards: readonly Guard[];
  readonly eventEmitter: EventEmitter<ServerEvents>;
}

type Listener = (session: Session, ...more: unknown[]) => unknown;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** `rawListeners`, so that listeners added by `once` remove themselves when they are called. */
function listenersOf(audience: Audience, event: ServerEventName): Listener[] {
  return audience.eventEmitter.rawListeners(event) as Listener[];
}

/**
 * Asks the guards, then the `pre*` listeners, one after the other, whether the session may do this; all must agree.
 * @throws DeniedError, or whatever NmsError refused; the reason of its end when the session closed meanwhile.
 */
export async function admit(audience: Audience, session: Session, action: Action): Promise<Grant> {
  if (session.internal) return FULL_GRANT;
  // Its beginning, which may be a moment ago, is told first.
  await Promise.resolve();
  throwIfClosed(session);
  const guards = audience.guards.map((guard) => () => guard(session, action));
  const guarded = await askAll(session, FULL_GRANT, `a guard of ${action}`, guards);
  const event = action === 'publish' ? 'prePublish' : 'prePlay';
  const { eventEmitter } = audience;
  const listeners = listenersOf(audience, event).map((listener) => () => listener.call(eventEmitter, session));
  return askAll(session, guarded, `a listener of ${event}`, listeners);
}

/** What is left of the grant once all have answered, in order. */
async function askAll(session: Session, given: Grant, who: string, questions: (() => unknown)[]): Promise<Grant> {
  let grant = given;
  for (const ask of questions) {
    let decision: Decision | null;
    try {
      const answer = ask();
      // Most know at once.
      decision = readDecision(isThenable(answer) ? await answer : answer);
    } catch (error) {
      throw refusalOf(session, who, error);
    }
    throwIfClosed(session);
    if (decision === null) continue;
    if (!decision.allow) throw new DeniedError(decision.reason ?? 'refused');
    grant = narrow(grant, decision);
  }
  return grant;
}

/** Who is asked and fails is no reason to let anybody in. */
function refusalOf(session: Session, who: string, error: unknown): Error {
  if (error instanceof NmsError) return error;
  session.log('error', `${who} failed`, { err: error });
  return new DeniedError('the decision failed', { cause: error });
}

/** The stream that a decision names. @throws DeniedError when there can be none; the log has the reason. */
export function addressOf(session: Session, redirect: string): StreamAddress {
  try {
    return parseStreamPath(redirect);
  } catch (error) {
    session.log('error', 'a decision names a stream that cannot be', { redirect, err: error });
    throw new DeniedError('the decision failed', { cause: error });
  }
}

/** Of our own sessions, what is told of a recorder. */
const OWN_EVENTS: ReadonlySet<string> = new Set<ServerEventName>(['postRecord', 'doneRecord']);

/**
 * Tells listeners what happened: of our own sessions, only that they record. A listener that throws is logged and hurts
 * nobody.
 */
export function tell<Event extends Exclude<keyof ServerEvents, 'prePublish' | 'prePlay'>>(
  audience: Audience,
  event: Event,
  ...args: ServerEvents[Event]
): void {
  const [session] = args;
  if (session.internal && !OWN_EVENTS.has(event)) return;
  const failed = (error: unknown) => session.log('error', `a listener of ${event} failed`, { err: error });
  for (const listener of listenersOf(audience, event)) {
    try {
      const answer = listener.call(audience.eventEmitter, ...args);
      if (isThenable(answer)) answer.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}

export function throwIfClosed(session: Session): void {
  if (session.closeReason !== null) throw session.closeReason;
}
