import type { ServerEventName } from '../../core/events.ts';
import type { Session } from '../../core/session.ts';
import type { Advice } from '../../core/stream-statistics.ts';
import { NmsError } from '../../errors.ts';
import type { EventDraft } from './event-log.ts';

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
/** Bytes of what every event has: the names of its fields, its numbers, its ids. */
const FIXED_BYTES = 512;

/** Its own characters: what is left of a long text would keep all of it in memory. */
function cut(text: string): string {
  return text.length <= MAX_SAID ? text : Buffer.from(text.slice(0, MAX_SAID)).toString();
}

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
export function draftEvent({ name, session, advice, state, at }: Happening): EventDraft {
  const reason = reasonOf(session);
  const userAgent = cut(session.userAgent);
  const fields = {
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
    userAgent,
    droppedFrames: session.droppedFrames,
    playCount: session.playCount,
    reason,
    ...(advice === undefined ? {} : { advice, state }),
  };
  const said = [userAgent, session.user, session.streamPath, session.streamPath, reason?.message, advice?.message];
  const bytes = said.reduce((sum, text = '') => sum + text.length, FIXED_BYTES);
  return { name, fields, bytes };
}
