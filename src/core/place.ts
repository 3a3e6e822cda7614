import { performance } from 'node:perf_hooks';
import { BusyError, ClosedError, ConnectionError, ProtocolError, TimeoutError } from '../errors.ts';
import { type Audience, tell } from './admission.ts';
import { Claim, type ClaimHost } from './claim.ts';
import type { CoreConfig } from './config.ts';
import { type Absence, KeptPlace } from './kept-place.ts';
import type { Session } from './session.ts';
import type { StreamPath } from './stream-path.ts';
import type { Ticker } from './ticker.ts';

/** What the place of a stream's publisher needs of the Context. */
export interface PlaceHost extends Audience, ClaimHost {
  readonly config: CoreConfig;
  readonly ticker: Ticker;
  readonly isStopping: boolean;
}

/** How long the place of a stream that is published elsewhere is kept at least, whatever `publish.graceMs` says. */
const MOVE_MS = 5_000;

/** Sessions that end for these reasons did not mean to: their place is kept for `publish.graceMs`. */
function isDropped(reason: Error): boolean {
  return reason instanceof ConnectionError || reason instanceof TimeoutError || reason instanceof ProtocolError;
}

/**
 * The place of a stream's publisher: who has it, who may take it from whom, and for how long it is kept for one who is
 * away. Tells `donePublish`, once for each publisher.
 */
export class Place {
  readonly claim: Claim;
  readonly #host: PlaceHost;
  readonly #streamPath: StreamPath;
  readonly #kept = new KeptPlace();
  #publisher: Session | null = null;
  #lastPacketAt = 0;
  #lastPacketTime = 0;
  #removeTask: (() => void) | null = null;
  /** Was `streamStall` told, and `streamResume` not yet? */
  #isStalled = false;

  constructor(host: PlaceHost, streamPath: StreamPath) {
    this.#host = host;
    this.#streamPath = streamPath;
    this.claim = new Claim(host, streamPath);
  }

  get publisher(): Session | null {
    return this.#publisher;
  }

  get absence(): Absence | null {
    return this.#kept.absence;
  }

  /** Does the stream come from a publisher of this process (who may be away), so that others can fetch it here? */
  get isOrigin(): boolean {
    if (this.#publisher !== null) return !this.#publisher.internal;
    const { absence } = this.#kept;
    return absence !== null && !absence.hasMoved && !absence.session.internal;
  }

  /** A packet came; returns when, in milliseconds of a clock that only goes forward. */
  touch(): number {
    this.#beginSilence();
    if (this.#isStalled) this.#resume();
    return this.#lastPacketAt;
  }

  #beginSilence(): void {
    this.#lastPacketAt = performance.now();
    this.#lastPacketTime = Date.now();
  }

  /** @throws BusyError, ClosedError when the session may not have the place now. */
  check(session: Session): void {
    if (this.#host.isStopping) throw new ClosedError('the server is stopping');
    if (!session.internal) this.defend();
    else if (this.isOrigin || this.claim.isHeld) throw this.#busy();
  }

  /**
   * What comes from elsewhere is not defended here: the registry asks where it comes from.
   * @throws BusyError unless another publisher may take the place.
   */
  defend(): void {
    const { publish } = this.#host.config;
    const publisher = this.#publisher;
    if (publisher === null || publisher.internal || publish.takeover) return;
    const silentMs = performance.now() - this.#lastPacketAt;
    if (silentMs < publish.stallMs) throw this.#busy();
  }

  /** Gives the place to a session that may have it, and the previous one back; his publish is done. */
  take(session: Session): Session | null {
    const previous = this.#vacate(new ClosedError(`replaced by ${session.ip}`));
    this.#publisher = session;
    this.#beginSilence();
    session.role = 'publisher';
    // What comes from elsewhere is watched over there.
    if (!session.internal) this.#removeTask = this.#host.ticker.add(() => this.#checkSilence());
    return previous;
  }

  /** Gives the place to another process and keeps it meanwhile. Says whether there was anything to give. */
  yield(by: string, onOver: (session: Session, reason: Error) => void): boolean {
    this.claim.lose();
    if (!this.isOrigin) return false;
    const reason = new ClosedError(`replaced by ${by}`);
    const session = this.#vacate(reason)!;
    const ms = Math.max(this.#host.config.publish.graceMs, MOVE_MS);
    this.#kept.keep({ session, reason, hasMoved: true }, ms, () => onOver(session, reason));
    return true;
  }

  /**
   * The publisher has gone. Says whether his place is kept: then `onOver` is called unless somebody takes it in time. That
   * of a stream from elsewhere is kept as long as it `isWanted` here.
   */
  leave(
    session: Session,
    reason: Error,
    options: { readonly isWanted: boolean; readonly onOver: () => void },
  ): boolean {
    session.endTime = this.#lastPacketTime;
    this.#publisher = null;
    this.#stopChecks();
    const { graceMs } = this.#host.config.publish;
    let left = graceMs - (performance.now() - this.#lastPacketAt);
    if (session.internal) left = options.isWanted ? Math.max(left, MOVE_MS) : 0;
    if (!isDropped(reason) || this.#host.isStopping || left <= 0) return false;
    this.#kept.keep({ session, reason, hasMoved: false }, left, () => {
      session.log('info', 'the publisher did not come back', { graceMs });
      options.onOver();
    });
    session.log('info', 'the publisher dropped; his place is kept', { graceMs: Math.round(left) });
    this.#stall(session);
    return true;
  }

  /** The stream of this session, who has left, is over. */
  end(session: Session): void {
    const isTold = this.#kept.absence?.hasMoved === true;
    this.#kept.free();
    this.#isStalled = false;
    this.claim.release();
    if (!isTold) tell(this.#host, 'donePublish', session);
  }

  #busy(): BusyError {
    return new BusyError(`${this.#streamPath} is being published already`);
  }

  #vacate(reason: Error): Session | null {
    const { absence } = this.#kept;
    const previous = this.#publisher ?? absence?.session ?? null;
    this.#stopChecks();
    this.#kept.free();
    this.#publisher = null;
    if (previous === null) return null;
    if (previous.endTime === 0) previous.endTime = this.#lastPacketTime;
    previous.endReason ??= reason;
    if (absence?.hasMoved !== true) tell(this.#host, 'donePublish', previous);
    if (!previous.isClosed) {
      previous.onDetach(null);
      previous.close(reason);
    }
    return previous;
  }

  #stopChecks(): void {
    this.#removeTask?.();
    this.#removeTask = null;
  }

  /** Media has stopped, the publish has not: told once, until media comes again. */
  #stall(session: Session): void {
    if (this.#isStalled || session.internal) return;
    this.#isStalled = true;
    tell(this.#host, 'streamStall', session);
  }

  #resume(): void {
    this.#isStalled = false;
    if (this.#publisher !== null) tell(this.#host, 'streamResume', this.#publisher);
  }

  #checkSilence(): void {
    if (this.#publisher === null) return;
    const { idleTimeoutMs: limit, stallMs } = this.#host.config.publish;
    const silentMs = performance.now() - this.#lastPacketAt;
    if (silentMs >= stallMs) this.#stall(this.#publisher);
    if (limit === 0 || silentMs < limit || this.#publisher === null) return;
    const seconds = Math.round(silentMs / 1000);
    this.#publisher.close(new TimeoutError('publish.idleTimeoutMs', `the publisher sent nothing for ${seconds} s`));
  }
}
