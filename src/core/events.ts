import type { Decision } from './decision.ts';
import type { Session } from './session.ts';
import type { Advice } from './stream-statistics.ts';

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
  /** The ingest doctor has found something wrong with the stream of this publisher, or it is well again. */
  streamHealth: [session: Session, advice: Advice, state: 'raised' | 'cleared'];
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

/** When each event comes, and whether its listeners are awaited. The reference is made from this. */
export const serverEvents = {
  sessionStart: { isAwaited: false, when: 'a peer has connected; it has not said what it wants (over HTTP it has)' },
  sessionEnd: { isAwaited: false, when: 'its connection is over' },
  prePublish: {
    isAwaited: true,
    when: 'a peer wants to publish; the place is free; addresses, credentials and `server.admit` said yes',
  },
  postPublish: { isAwaited: false, when: 'the place is taken; media may come' },
  streamStall: {
    isAwaited: false,
    when: 'nothing came for `publish.stallMs`, or the publisher dropped and his place is kept',
  },
  streamResume: { isAwaited: false, when: 'media comes again' },
  donePublish: {
    isAwaited: false,
    when: 'the publish is over: it was ended, its [kept place](../2-publish/reconnect.md) was given up, or another took it',
  },
  streamHealth: {
    isAwaited: false,
    when: 'the [ingest doctor](../4-operate/ingest-doctor.md) has found something wrong with a stream, or it is well again',
  },
  prePlay: {
    isAwaited: true,
    when: 'a peer wants to play; addresses, credentials and `server.admit` said yes. The stream may be absent',
  },
  postPlay: { isAwaited: false, when: 'the stream is there, and the player is on it' },
  donePlay: { isAwaited: false, when: 'the player has left, or was closed' },
  postRecord: { isAwaited: false, when: 'a [recording](../4-operate/recording.md) began: its file is open' },
  doneRecord: {
    isAwaited: false,
    when: 'a recording is over and its file is closed; of one that failed, `endReason` says why',
  },
} as const satisfies Readonly<Record<ServerEventName, { readonly isAwaited: boolean; readonly when: string }>>;
