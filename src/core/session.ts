import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Format } from '../media/format.ts';
import type { Track } from '../media/packet.ts';
import { ClosedError, DeniedError, NmsError } from '../errors.ts';
import type { Logger } from './logger.ts';
import { describeMedia, type SessionMedia } from './session-media.ts';
import type { StreamAddress, StreamPath } from './stream-path.ts';

/** What names a session; no other ever has the same. */
export type SessionId = string & { readonly unit: 'session id' };

/** Where sessions are registered: the part of the Context that a session needs. */
export interface SessionRegistry {
  readonly sessions: Map<SessionId, Session>;
  readonly logger: Logger;
  readonly observer?: SessionObserver | null;
}

/** Follows every session of a Context from its beginning to its end. */
export interface SessionObserver {
  /** It is registered; its subclass is not constructed yet. */
  opened(session: Session): void;
  /** It has left; nothing is counted any more. */
  ended(session: Session, reason: Error): void;
}

/** Where a session's peer is and how it speaks. */
export interface SessionOrigin {
  /** The transport, as the API and webhooks name it. */
  readonly protocol: 'rtmp' | 'rtmps' | 'http-flv' | 'https-flv' | 'ws-flv' | 'wss-flv' | 'internal';
  /** `host:port` of the peer; without brackets only when it is not an IPv6 address. */
  readonly ip: string;
  /** The address alone. */
  readonly address: string;
  readonly userAgent?: string;
  /** Who the connection has proved to be, before there was a session. */
  readonly user?: string;
  /** It lives in another process of this server, which logs its life. */
  readonly remote?: { readonly id: SessionId; readonly createTime: number };
}

/** What a session asked for, as it asked: set once, before it publishes or plays. */
export interface SessionTarget {
  readonly address: StreamAddress;
  /** The host it called us. */
  readonly host: string;
  /** Decoded parameters; never logged. */
  readonly query: Readonly<Record<string, string>>;
}

const NO_TRACKS: readonly Track[] = [];
const NO_MEDIA = describeMedia(NO_TRACKS, null);

/**
 * One peer. Lives from its connection to its one exit, `close`; is in `context.sessions` all that time. Subclasses own the
 * socket: they release it in `release`, and add to `inBytes` and `outBytes`.
 */
export abstract class Session implements SessionMedia {
  readonly #registry: SessionRegistry;
  readonly id: SessionId;
  readonly protocol: SessionOrigin['protocol'];
  readonly ip: string;
  readonly address: string;
  /** What the peer says it is; the protocol may learn it later than its address. */
  userAgent: string;
  /** Ours (recorder, relay): not asked by guards, not counted as a viewer. */
  readonly internal: boolean;
  /** Lives in another process of this server; here it is shown, asked about, and can be closed. */
  readonly isRemote: boolean;
  /** Unix milliseconds. */
  readonly createTime: number;
  /** Unix milliseconds at which the media stopped; 0 while it flows. */
  endTime = 0;
  /** Why its publish or play, or all of it, is over; `null` before. Set when `done…` is told. */
  endReason: Error | null = null;
  role: 'idle' | 'publisher' | 'player' = 'idle';
  /** Who it has proved to be, by a token or a password; '' for nobody in particular. */
  user = '';
  streamHost = '';
  streamApp = '';
  streamName = '';
  streamPath: StreamPath | '' = '';
  streamQuery: Readonly<Record<string, string>> = {};
  inBytes = 0;
  outBytes = 0;
  /** Frames left out because this player was behind. */
  droppedFrames = 0;
  /** Plays that began while this one published. */
  playCount = 0;
  /** Of a recording, its file. */
  filePath = '';
  /** What a publisher says of his media, all of it. */
  media: SessionMedia = NO_MEDIA;
  #tracks: readonly Track[] = NO_TRACKS;
  #metadata: Readonly<Record<string, unknown>> | null = null;
  #controller: AbortController | null = null;
  #closed: Error | null = null;
  /** Detaches from the broadcast; set by the broadcast, called once by `close`. */
  #detach: ((reason: Error) => void) | null = null;

  constructor(registry: SessionRegistry, origin: SessionOrigin) {
    this.#registry = registry;
    this.isRemote = origin.remote !== undefined;
    this.id = origin.remote?.id ?? (randomBytes(12).toString('base64url') as SessionId);
    this.createTime = origin.remote?.createTime ?? Date.now();
    this.protocol = origin.protocol;
    this.ip = origin.ip;
    this.address = origin.address;
    this.userAgent = origin.userAgent ?? '';
    this.user = origin.user ?? '';
    this.internal = origin.protocol === 'internal';
    registry.sessions.set(this.id, this);
    if (!this.isRemote) this.log('info', 'session created');
    registry.observer?.opened(this);
  }

  /** For the broadcast only: what is known of the publisher's media now. */
  describe(tracks: readonly Track[], metadata: Readonly<Record<string, unknown>> | null): void {
    if (tracks === this.#tracks && metadata === this.#metadata) return;
    this.#tracks = tracks;
    this.#metadata = metadata;
    this.media = describeMedia(tracks, metadata);
  }

  /** What a publisher says of his media, piece by piece as listeners of Node-Media-Server 4 know it. */
  get videoCodec(): number {
    return this.media.videoCodec;
  }

  get videoWidth(): number {
    return this.media.videoWidth;
  }

  get videoHeight(): number {
    return this.media.videoHeight;
  }

  get videoFramerate(): number {
    return this.media.videoFramerate;
  }

  get videoDatarate(): number {
    return this.media.videoDatarate;
  }

  get audioCodec(): number {
    return this.media.audioCodec;
  }

  get audioChannels(): number {
    return this.media.audioChannels;
  }

  get audioSamplerate(): number {
    return this.media.audioSamplerate;
  }

  get audioDatarate(): number {
    return this.media.audioDatarate;
  }

  get isPublisher(): boolean {
    return this.role === 'publisher';
  }

  get isClosed(): boolean {
    return this.#closed !== null;
  }

  /** Why it ended; `null` while it lives. */
  get closeReason(): Error | null {
    return this.#closed;
  }

  /** Aborts when the session ends. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#closed !== null) this.#controller.abort(this.#closed);
    }
    return this.#controller.signal;
  }

  setTarget(target: SessionTarget): void {
    this.streamHost = target.host;
    this.streamQuery = target.query;
    this.setAddress(target.address);
  }

  /** It was let in to another stream than it asked for. */
  setAddress(address: StreamAddress): void {
    this.streamApp = address.app;
    this.streamName = address.name;
    this.streamPath = address.path;
  }

  /** One line of the log, with who this is. The life of an internal session is for those who look for a fault. */
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: object = {}): void {
    this.#registry.logger[this.internal && level === 'info' ? 'debug' : level](
      {
        session: this.id,
        protocol: this.protocol,
        ip: this.ip,
        ...(this.streamPath === '' ? {} : { stream: this.streamPath }),
        ...fields,
      },
      message,
    );
  }

  /** The periodic line: how it goes. */
  logState(): void {
    this.log('info', 'session state', {
      role: this.role,
      seconds: Math.round((Date.now() - this.createTime) / 1000),
      inBytes: this.inBytes,
      outBytes: this.outBytes,
      ...(this.role === 'player' ? { droppedFrames: this.droppedFrames, backlogBytes: this.backlogBytes } : {}),
    });
  }

  /** Bytes accepted for the peer and not yet handed to the system. */
  get backlogBytes(): number {
    return 0;
  }

  /** Unix milliseconds at which `inBytes` and `outBytes` were counted. */
  get countedAt(): number {
    return Date.now();
  }

  /** Resolves when the session has ended. */
  async over(): Promise<void> {
    if (!this.isClosed) await once(this.signal, 'abort');
  }

  /**
   * The server stops: asks the peer to come back by itself, in words that it announced to know. `false`: it was not asked;
   * otherwise it is served until it leaves.
   */
  askToReturn(_why: string): boolean {
    return false;
  }

  /** For the broadcast only: what to do when this session ends. */
  onDetach(detach: ((reason: Error) => void) | null): void {
    this.#detach = detach;
  }

  /** Refuses what the session asks for, or ends what it does; the peer hears the reason. */
  reject(reason = 'refused'): void {
    this.close(new DeniedError(reason));
  }

  /**
   * Ends the session; the first call wins, later ones do nothing. Never throws. A text, or no reason, is a refusal as long as
   * the session has only asked to publish or play, and an operator's decision later.
   */
  close(why?: Error | string): void {
    if (this.#closed !== null) return;
    const reason = why instanceof Error ? why : this.#reasonFor(why);
    this.#closed = reason;
    this.endReason ??= reason;
    const detach = this.#detach;
    this.#detach = null;
    detach?.(reason);
    this.#registry.sessions.delete(this.id);
    this.release(reason);
    if (!this.isRemote) this.#logEnd(reason);
    this.#registry.observer?.ended(this, reason);
    this.#controller?.abort(reason);
  }

  #logEnd(reason: Error): void {
    this.log('info', 'session ended', {
      role: this.role,
      reason: reason.message,
      ...(reason instanceof NmsError ? { code: reason.code } : {}),
      seconds: Math.round((Date.now() - this.createTime) / 100) / 10,
      inBytes: this.inBytes,
      outBytes: this.outBytes,
      ...(this.droppedFrames > 0 ? { droppedFrames: this.droppedFrames } : {}),
    });
  }

  #reasonFor(why: string | undefined): Error {
    const hasOnlyAsked = this.role === 'idle' && this.streamPath !== '';
    return hasOnlyAsked ? new DeniedError(why ?? 'refused') : new ClosedError(why ?? 'closed by the server');
  }

  /** Says goodbye in the protocol's words and lets the socket go. Called once. */
  protected abstract release(reason: Error): void;
}

/** A session that receives a stream. */
export interface Player<Unit = Buffer> extends Session {
  readonly format: Format<Unit>;
  /** Takes one flush: `units` in order; for byte formats `joined` is all of them in one Buffer shared by all players. */
  send(units: readonly Unit[], joined: Buffer | null): void;
  /** The stream ended by its publisher's will; he may return. Sessions that cannot wait close themselves. */
  onStreamEnd(reason: Error): void;
  /** The stream of a player that waited after `onStreamEnd` is back; units follow. */
  onStreamStart(): void;
  /** Another publisher's media follows on the same stream: headers first. */
  onStreamRenew?(): void;
  /** The stream goes on in another process: whoever fetches it for others fetches it there. */
  onStreamMove?(): void;
}
