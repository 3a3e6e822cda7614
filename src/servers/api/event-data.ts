import type { ServerEventName } from '../../core/events.ts';
import type { Session } from '../../core/session.ts';
import type { Advice } from '../../core/stream-statistics.ts';
import { NmsError } from '../../errors.ts';

/** Every event of the server: one that is missing here does not compile. */
const told: Readonly<Record<ServerEventName, true>> = {
  sessionStart: true,
  sessionEnd: true,
  prePublish: true,
  postPublish: true,
  streamStall: true,
  streamResume: true,
  donePublish: true,
  streamHealth: true,
  prePlay: true,
  postPlay: true,
  donePlay: true,
  postRecord: true,
  doneRecord: true,
};

/** The names of the events that can be read. */
export const eventNames = Object.keys(told) as readonly ServerEventName[];

/** Characters of what a peer may say at any length. */
const MAX_SAID = 512;

function reasonOf({ endReason }: Session) {
  if (endReason === null) return null;
  return {
    code: endReason instanceof NmsError ? endReason.code : '',
    message: endReason instanceof NmsError ? endReason.message : 'the server failed',
  };
}

/** One event, to be put into words. */
export interface Happening {
  readonly name: ServerEventName;
  readonly session: Session;
  /** Of `streamHealth`: what was found, and is it there or over? */
  readonly advice?: Advice | undefined;
  readonly state?: 'raised' | 'cleared' | undefined;
  /** Unix milliseconds. */
  readonly at: number;
}

/** What is told of a session: the fields of Node-Media-Server 4 and some more. Never the query of its address. */
export function eventData({ name, session, advice, state, at }: Happening): string {
  return JSON.stringify({
    id: session.id,
    ip: session.ip,
    app: session.streamApp,
    name: session.streamName,
    streamPath: session.streamPath,
    protocol: session.protocol,
    isPublisher: name === 'prePublish' || session.isPublisher,
    createTime: session.createTime,
    endTime: session.endTime,
    inBytes: session.inBytes,
    outBytes: session.outBytes,
    at,
    user: session.user,
    userAgent: session.userAgent.slice(0, MAX_SAID),
    droppedFrames: session.droppedFrames,
    playCount: session.playCount,
    reason: reasonOf(session),
    ...(advice === undefined ? {} : { advice, state }),
  });
}
