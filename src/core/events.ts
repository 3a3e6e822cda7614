import type { Decision } from './decision.ts';
import type { Session } from './session.ts';

/**
 * What the server tells. Listeners of `pre*` are awaited in order and refuse by throwing, by rejecting, by
 * `session.close()`, or by returning a `Decision`; all others are told and cannot change anything.
 */
export interface ServerEvents {
  /** A peer has connected; what it wants is not known yet. */
  sessionStart: [session: Session];
  /** Its connection has ended; the last of it, unless a publisher's place is kept. */
  sessionEnd: [session: Session];
  prePublish: [session: Session];
  postPublish: [session: Session];
  /** Nothing has come of a stream for `publish.stallMs`, or its publisher's connection dropped and his place is kept. */
  streamStall: [session: Session];
  /** Media comes again, of the same publisher or of the one who took the place. */
  streamResume: [session: Session];
  donePublish: [session: Session];
  prePlay: [session: Session];
  postPlay: [session: Session];
  donePlay: [session: Session];
  /** A recording began; told by a recorder. `session.filePath` is its file. */
  postRecord: [session: Session];
  doneRecord: [session: Session];
}

/** The name of an event. */
export type ServerEventName = keyof ServerEvents;

/** What a listener may return: of `pre*`, its decision. */
export type ListenerAnswer = Decision | void | Promise<Decision | void>;
