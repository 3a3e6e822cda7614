import type { Session } from './session.ts';

/**
 * What the server tells. Listeners of `pre*` are awaited in order and refuse by throwing, by rejecting, or by
 * `session.close()`; all others are told and cannot change anything.
 */
export interface ServerEvents {
  prePublish: [session: Session];
  postPublish: [session: Session];
  donePublish: [session: Session];
  prePlay: [session: Session];
  postPlay: [session: Session];
  donePlay: [session: Session];
}

/** The name of an event. */
export type ServerEventName = keyof ServerEvents;
