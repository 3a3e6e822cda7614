import { Session, type SessionId, type SessionOrigin, type SessionRegistry } from '../../core/session.ts';
import type { SessionCounts, SessionRow } from './messages.ts';

/** The worker that a session lives in. */
export interface SessionHome {
  readonly number: number;
  /** When the last statistics were made, in unix milliseconds. */
  readonly countedAt: number;
  /** Ends the session there. */
  closeSession(id: SessionId, reason: Error): void;
}

/** A session of a worker, as the primary shows it. */
export class RemoteSession extends Session {
  readonly home: SessionHome;
  /** What will have to be told of it at its end: the `post…` was. */
  owes: 'donePublish' | 'donePlay' | null = null;
  #backlogBytes = 0;
  #hasEnded = false;
  #lastCountedAt = Date.now();

  constructor(
    registry: SessionRegistry,
    home: SessionHome,
    opening: { readonly session: SessionId; readonly createTime: number; readonly origin: SessionOrigin },
  ) {
    const { session: id, createTime, origin } = opening;
    super(registry, { ...origin, remote: { id, createTime } });
    this.home = home;
  }

  override get backlogBytes(): number {
    return this.#backlogBytes;
  }

  override get countedAt(): number {
    return Math.max(this.home.countedAt, this.#lastCountedAt);
  }

  /** Has it ended where it lives? Its kept place may outlast it. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  count(counts: SessionCounts): void {
    this.inBytes = counts.inBytes;
    this.outBytes = counts.outBytes;
    this.droppedFrames = counts.droppedFrames;
    this.endTime = counts.endTime;
    this.#backlogBytes = counts.backlogBytes;
    this.#lastCountedAt = Date.now();
  }

  countRow([, inBytes, outBytes, dropped, backlog]: SessionRow): void {
    this.inBytes = inBytes;
    this.outBytes = outBytes;
    this.droppedFrames = dropped;
    this.#backlogBytes = backlog;
  }

  override log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: object = {}): void {
    super.log(level, message, { ...fields, worker: this.home.number });
  }

  /** Its worker logs how it goes. */
  override logState(): void {}

  /** It has ended where it lives. */
  end(reason: Error): void {
    this.#hasEnded = true;
    this.close(reason);
  }

  protected release(reason: Error): void {
    if (!this.#hasEnded) this.home.closeSession(this.id, reason);
  }
}
