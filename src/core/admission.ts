import type { EventEmitter } from 'node:events';
import { DeniedError, NmsError } from '../errors.ts';
import type { Decision } from './decision.ts';
import type { ServerEventName, ServerEvents } from './events.ts';
import type { Session } from './session.ts';

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

type Listener = (session: Session) => unknown;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** `rawListeners`, so that listeners added by `once` remove themselves when they are called. */
function listenersOf(audience: Audience, event: ServerEventName): Listener[] {
  return audience.eventEmitter.rawListeners(event) as Listener[];
}

/**
 * Asks the guards, then the `pre*` listeners, one after the other, whether the session may do this.
 * @throws DeniedError, or whatever NmsError refused; the reason of its end when the session closed meanwhile.
 */
export async function admit(audience: Audience, session: Session, action: 'publish' | 'play'): Promise<void> {
  if (session.internal) return;
  for (const guard of audience.guards) {
    const answer = guard(session, action);
    if (isThenable(answer)) await answer;
    throwIfClosed(session);
  }
  for (const listener of listenersOf(audience, action === 'publish' ? 'prePublish' : 'prePlay')) {
    try {
      const answer = listener.call(audience.eventEmitter, session);
      if (isThenable(answer)) await answer;
    } catch (error) {
      if (error instanceof NmsError) throw error;
      session.log('error', `a listener of pre${action === 'publish' ? 'Publish' : 'Play'} failed`, { err: error });
      throw new DeniedError('the decision failed', { cause: error });
    }
    throwIfClosed(session);
  }
}

/** Tells listeners what happened, of all but our own sessions. One that throws is logged and hurts nobody. */
export function tell(
  audience: Audience,
  event: Exclude<keyof ServerEvents, 'prePublish' | 'prePlay'>,
  session: Session,
): void {
  if (session.internal) return;
  for (const listener of listenersOf(audience, event)) {
    const failed = (error: unknown) => session.log('error', `a listener of ${event} failed`, { err: error });
    try {
      const answer = listener.call(audience.eventEmitter, session);
      if (isThenable(answer)) answer.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}

export function throwIfClosed(session: Session): void {
  if (session.closeReason !== null) throw session.closeReason;
}
