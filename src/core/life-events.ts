import { type Audience, tell } from './admission.ts';
import type { Session, SessionObserver } from './session.ts';

/** Tells `sessionStart` and `sessionEnd` of every session that is not our own. */
export class LifeEvents implements SessionObserver {
  readonly #audience: Audience;
  readonly #untold = new Set<Session>();

  constructor(audience: Audience) {
    this.#audience = audience;
  }

  opened(session: Session): void {
    if (session.internal) return;
    this.#untold.add(session);
    // Its subclass is not constructed yet: nobody can close it, or ask what waits for it.
    queueMicrotask(() => this.#start(session));
  }

  ended(session: Session): void {
    if (session.internal) return;
    this.#start(session);
    tell(this.#audience, 'sessionEnd', session);
  }

  #start(session: Session): void {
    if (this.#untold.delete(session)) tell(this.#audience, 'sessionStart', session);
  }
}
