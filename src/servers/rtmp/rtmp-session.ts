import type { BroadcastServer } from '../../core/broadcast-server.ts';
import { type Player, Session, type SessionOrigin, type SessionRegistry } from '../../core/session.ts';
import type { Subscription } from '../../core/subscription.ts';
import type { Format } from '../../media/format.ts';
import { createRtmpFormat, type RtmpFormatOptions } from '../../protocols/rtmp/rtmp-muxer.ts';

/** The connection that carries a session, as far as the session needs it. */
export interface RtmpCarrier {
  readonly backlogBytes: number;
  write(bytes: Buffer): void;
  askToReturn(why: string): boolean;
  streamEnded(session: RtmpSession): void;
  streamReturned(session: RtmpSession): void;
  released(session: RtmpSession, reason: Error): void;
}

/**
 * What one peer does with one message stream: idle, then a publisher or a player. A connection always has one; one that
 * publishes and plays at once has two.
 */
export class RtmpSession extends Session implements Player {
  /** The message stream; 0 while idle. */
  streamId = 0;
  /** What its peer wants of the stream. */
  action: 'publish' | 'play' | null = null;
  subscription: Subscription | null = null;
  /** The path as the peer said it; its own may hide that. */
  requestedPath = '';
  broadcast: BroadcastServer | null = null;
  readonly #carrier: RtmpCarrier;
  #formatOptions: RtmpFormatOptions | null = null;
  #format: Format | null = null;

  constructor(registry: SessionRegistry, origin: SessionOrigin, carrier: RtmpCarrier) {
    super(registry, origin);
    this.#carrier = carrier;
  }

  /** Only of a session that plays. */
  get format(): Format {
    if (this.#format === null) throw new TypeError('an RTMP session has a format once it plays');
    return this.#format;
  }

  setFormat(options: RtmpFormatOptions): void {
    this.#formatOptions = options;
    this.#format = createRtmpFormat(options);
  }

  /** The peer switched sound or picture off or on. */
  receive(audio: boolean, video: boolean): void {
    if (this.#formatOptions === null) return;
    this.setFormat({ ...this.#formatOptions, audio, video });
    this.subscription?.setFormat(this.format);
  }

  override get backlogBytes(): number {
    return this.#carrier.backlogBytes;
  }

  send(_units: readonly Buffer[], joined: Buffer | null): void {
    if (joined === null) return;
    this.outBytes += joined.length;
    this.#carrier.write(joined);
  }

  override askToReturn(why: string): boolean {
    return this.#carrier.askToReturn(why);
  }

  onStreamEnd(): void {
    this.#carrier.streamEnded(this);
  }

  onStreamStart(): void {
    this.#carrier.streamReturned(this);
  }

  protected release(reason: Error): void {
    this.#carrier.released(this, reason);
  }
}
