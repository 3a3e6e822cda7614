import { addressOf, admit, tell } from '../../core/admission.ts';
import type { Context } from '../../core/context.ts';
import type { SessionId } from '../../core/session.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import { ClosedError } from '../../errors.ts';
import { decodeError } from './error-data.ts';
import type { Pass, ToPrimary } from './messages.ts';
import { RemoteSession, type SessionHome } from './remote-session.ts';
import { RemoteStream } from './remote-stream.ts';

type Of<Kind extends ToPrimary['kind']> = Extract<ToPrimary, { readonly kind: Kind }>;

/**
 * Every session and stream of all workers, as the primary's Context shows them; asks guards and `pre*` listeners about
 * them, and tells all others: each event once, in the order in which it happened there.
 */
export class Mirror {
  readonly streams = new Map<StreamPath, RemoteStream>();
  readonly #context: Context;
  /** Also those that have left the Context and owe a `done…`. */
  readonly #sessions = new Map<SessionId, RemoteSession>();
  /** In which worker each stalled stream is. */
  readonly #stalled = new Map<StreamPath, SessionHome>();
  readonly #resuming = new Set<StreamPath>();

  constructor(context: Context) {
    this.#context = context;
  }

  opened(home: SessionHome, message: Of<'opened'>): void {
    this.#sessions.set(message.session, new RemoteSession(this.#context, home, message));
  }

  /** @throws whatever a guard or a listener refuses with; ClosedError when the session has ended. */
  async asked(message: Of<'asked'>): Promise<Pass> {
    const session = this.#sessions.get(message.session);
    if (session === undefined) throw new ClosedError('the session has ended');
    session.userAgent = message.userAgent;
    session.setTarget(message.target);
    const { redirect, limits } = await admit(this.#context, session, message.action);
    if (redirect !== null) session.setAddress(addressOf(session, redirect));
    return { redirect, limits, user: session.user };
  }

  /** @throws DeniedError, the next step of the conversation; ClosedError when the session has ended. */
  async signIn({ session: id, query }: Of<'signIn'>): Promise<Pass> {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new ClosedError('the session has ended');
    const user = (await this.#context.signIn?.(session, query)) ?? '';
    return { redirect: null, limits: {}, user };
  }

  /** Has the stream stalled in another worker than this? */
  isStalledElsewhere(home: SessionHome, streamPath: StreamPath): boolean {
    const stalledIn = this.#stalled.get(streamPath);
    return stalledIn !== undefined && stalledIn !== home;
  }

  /** A publisher in another worker has been given the place of a stream that had stalled: it goes on with him. */
  willResume(streamPath: StreamPath): void {
    this.#resuming.add(streamPath);
  }

  /** The stream is over. */
  released(streamPath: StreamPath): void {
    this.#stalled.delete(streamPath);
    this.#resuming.delete(streamPath);
  }

  told({ name, session: id, counts, media, reason, isOver }: Of<'event'>): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    session.count(counts);
    session.media = media;
    switch (name) {
      case 'postPublish':
        session.role = 'publisher';
        session.owes = 'donePublish';
        this.#streamOf(session).take(session);
        tell(this.#context, name, session);
        this.#resume(session);
        break;
      case 'postPlay':
        session.role = 'player';
        session.owes = 'donePlay';
        this.#streamOf(session).add(session);
        tell(this.#context, name, session);
        break;
      case 'streamStall':
        this.#stalled.set(session.streamPath as StreamPath, session.home);
        tell(this.#context, name, session);
        break;
      case 'streamResume':
        this.#stalled.delete(session.streamPath as StreamPath);
        tell(this.#context, name, session);
        break;
      case 'donePublish':
      case 'donePlay': {
        const why = reason === null ? null : decodeError(reason);
        session.endReason ??= why;
        this.#done(session, isOver ? why : null);
      }
    }
  }

  /** In its own worker the stream does not know that it had stalled in another. */
  #resume(session: RemoteSession): void {
    const streamPath = session.streamPath as StreamPath;
    if (!this.#resuming.delete(streamPath)) return;
    this.#stalled.delete(streamPath);
    tell(this.#context, 'streamResume', session);
  }

  ended({ session: id, counts, reason }: Of<'ended'>): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    session.count(counts);
    session.end(decodeError(reason));
    this.#forget(session);
  }

  statistics(worker: number, { sessions, streams, figures }: Of<'statistics'>): void {
    for (const row of sessions) this.#sessions.get(row[0])?.countRow(row);
    for (const facts of streams) this.streams.get(facts.streamPath)?.learn(facts, worker);
    for (const [streamPath, statistics] of figures) this.streams.get(streamPath)?.measure(statistics, worker);
  }

  /** A worker is gone, and with it its sessions; returns how many there were. */
  lost(home: SessionHome, reason: Error): number {
    const sessions = [...this.#sessions.values()].filter((session) => session.home === home);
    for (const session of sessions) {
      if (session.owes !== null && session.endTime === 0) session.endTime = Date.now();
      this.#done(session, reason);
      session.end(reason);
      this.#forget(session);
    }
    return sessions.length;
  }

  /** Tells the `done…` that is owed, while the session is on its way out as it is in one process: closed, still listed. */
  #done(session: RemoteSession, reason: Error | null): void {
    const { owes } = session;
    if (owes === null) return;
    session.owes = null;
    const tellIt = () => {
      const stream = this.#streamOf(session);
      if (owes === 'donePublish') stream.leave(session);
      else stream.remove(session);
      if (stream.isUnused) this.streams.delete(stream.streamPath);
      tell(this.#context, owes, session);
    };
    if (reason === null || session.isClosed) {
      tellIt();
    } else {
      session.onDetach(tellIt);
      session.end(reason);
    }
    this.#forget(session);
  }

  #streamOf(session: RemoteSession): RemoteStream {
    const streamPath = session.streamPath as StreamPath;
    let stream = this.streams.get(streamPath);
    if (stream === undefined) {
      stream = new RemoteStream(streamPath);
      this.streams.set(streamPath, stream);
    }
    return stream;
  }

  #forget(session: RemoteSession): void {
    if (session.hasEnded && session.owes === null) this.#sessions.delete(session.id);
  }
}
