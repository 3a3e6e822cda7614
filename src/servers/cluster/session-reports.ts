import type { BroadcastServer } from '../../core/broadcast-server.ts';
import type { Context } from '../../core/context.ts';
import { CounterNews } from '../../core/counters.ts';
import { ProcessVitals } from '../../core/process-vitals.ts';
import type { Session, SessionId, SessionObserver } from '../../core/session.ts';
import { encodeError } from './error-data.ts';
import type { SessionCounts, SessionRow, StreamFacts, StreamFigures, ToldEvent, ToPrimary } from './messages.ts';

const TOLD: readonly ToldEvent[] = [
  'postPublish',
  'donePublish',
  'postPlay',
  'donePlay',
  'streamStall',
  'streamResume',
];

function countsOf(session: Session): SessionCounts {
  const { inBytes, outBytes, droppedFrames, backlogBytes, endTime } = session;
  return { inBytes, outBytes, droppedFrames, backlogBytes, endTime };
}

function rowOf(session: Session): SessionRow {
  return [session.id, session.inBytes, session.outBytes, session.droppedFrames, session.backlogBytes];
}

function figuresOf({ streamPath, statistics }: BroadcastServer): StreamFigures[] {
  return statistics === null ? [] : [[streamPath, statistics]];
}

/**
 * Tells the primary of a worker's sessions: their beginning, events and end at once and in order, their numbers and what is
 * known of their streams about once a second, of those that changed; and with that what was counted and measured in the
 * process. Internal sessions are nobody's business.
 */
export class SessionReports implements SessionObserver {
  readonly #context: Context;
  readonly #send: (message: ToPrimary) => void;
  /** What was said last, of those who are here. */
  readonly #rows = new Map<SessionId, SessionRow>();
  readonly #facts = new WeakMap<BroadcastServer, StreamFacts>();
  readonly #counts: CounterNews;
  readonly #vitals: ProcessVitals;

  constructor(context: Context, send: (message: ToPrimary) => void) {
    this.#context = context;
    this.#send = send;
    for (const name of TOLD) context.eventEmitter.on(name, (session) => this.#tell(name, session));
    this.#counts = new CounterNews(context.counters);
    this.#vitals = new ProcessVitals(context);
    this.#vitals.start();
    // What others measure in the same tick is in it.
    context.ticker.add(() => queueMicrotask(() => this.#report()));
  }

  opened(session: Session): void {
    if (session.internal) return;
    const { id, createTime, protocol, ip, address, userAgent, user } = session;
    this.#send({ kind: 'opened', session: id, createTime, origin: { protocol, ip, address, userAgent, user } });
  }

  ended(session: Session, reason: Error): void {
    if (session.internal) return;
    this.#rows.delete(session.id);
    this.#send({ kind: 'ended', session: session.id, counts: countsOf(session), reason: encodeError(reason) });
  }

  #tell(name: ToldEvent, session: Session): void {
    const { isClosed: isOver, media } = session;
    const isEnd = name === 'donePublish' || name === 'donePlay';
    const reason = isEnd && session.endReason !== null ? encodeError(session.endReason) : null;
    this.#send({ kind: 'event', name, session: session.id, counts: countsOf(session), media, reason, isOver });
  }

  #report(): void {
    const sessions = [...this.#context.sessions.values()].filter((session) => this.#hasChanged(session)).map(rowOf);
    for (const row of sessions) this.#rows.set(row[0], row);
    const streams = [...this.#context.broadcasts.values()].flatMap((broadcast) => this.#newsOf(broadcast) ?? []);
    const figures = [...this.#context.broadcasts.values()].flatMap(figuresOf);
    const counts = this.#counts.take();
    const process = this.#vitals.read();
    this.#send({ kind: 'statistics', at: Date.now(), sessions, streams, figures, counts, process });
  }

  #hasChanged(session: Session): boolean {
    if (session.internal) return false;
    const row = this.#rows.get(session.id);
    if (row === undefined) return session.inBytes + session.outBytes > 0;
    return rowOf(session).some((value, index) => value !== row[index]);
  }

  #newsOf(broadcast: BroadcastServer): StreamFacts | null {
    const { streamPath, tracks, metadata } = broadcast;
    const known = this.#facts.get(broadcast);
    const isKnown = known !== undefined && known.tracks === tracks && known.metadata === metadata;
    if (isKnown || !broadcast.isOrigin) return null;
    const facts = { streamPath, tracks, metadata };
    this.#facts.set(broadcast, facts);
    return facts;
  }
}
