import type { Socket } from 'node:net';
import type { Slab, SlabPool } from '../../bytes/slab.ts';
import { BroadcastServer } from '../../core/broadcast-server.ts';
import type { Context } from '../../core/context.ts';
import { Intake } from '../../core/intake.ts';
import { joinAddress } from '../../core/listener.ts';
import { peerAddress } from '../../core/peer-address.ts';
import { Pump } from '../../core/pump.ts';
import { inPeersWords } from '../../core/requested-path.ts';
import { Rest } from '../../core/rest.ts';
import { isAskedForPassword, type SignIn } from '../../core/sign-in.ts';
import { parseStreamAddress } from '../../core/stream-path.ts';
import {
  AbsentError,
  BusyError,
  ClosedError,
  ConnectionError,
  DeniedError,
  EndError,
  NmsError,
  SlowError,
  TimeoutError,
} from '../../errors.ts';
import { readBodyOptions } from '../../protocols/flv/body-options.ts';
import { describeAdobeRefusal } from '../../protocols/rtmp/adobe-auth.ts';
import type { RtmpFormatOptions } from '../../protocols/rtmp/rtmp-muxer.ts';
import { type RtmpEvent, RtmpProtocol } from '../../protocols/rtmp/rtmp-protocol.ts';
import { Answers } from './answers.ts';
import { MAX_MISSED_PINGS, Pulse } from './pulse.ts';
import { readInto } from './read-into.ts';
import { refusalCode } from './refusal.ts';
import { RtmpSession } from './rtmp-session.ts';
import { targetOf } from './rtmp-target.ts';
import { Throttle } from '../../core/throttle.ts';

/** How long the last bytes may take before the socket is cut. */
const LINGER_MS = 2000;
/** Characters kept of what a peer says it is. */
const MAX_USER_AGENT_LENGTH = 256;

export interface RtmpConnectionOptions {
  readonly protocol: 'rtmp' | 'rtmps';
  readonly chunkSize: number;
  readonly windowAckSize: number;
  /** Where bytes are read into; shared by all connections. */
  readonly readBuffer: Buffer;
  /** Where messages are put together; shared by all connections. */
  readonly slab: Slab;
  /** Where messages to players are made; shared likewise. */
  readonly slabs: SlabPool;
}

type OpenSession = RtmpSession & { broadcast: BroadcastServer };
type EventOf<Kind extends RtmpEvent['kind']> = Extract<RtmpEvent, { readonly kind: Kind }>;

/** One socket: feeds the protocol, carries its sessions, and keeps its limits of time. */
export class RtmpConnection {
  readonly #context: Context;
  readonly #socket: Socket;
  readonly #options: RtmpConnectionOptions;
  readonly #origin: { protocol: 'rtmp' | 'rtmps'; ip: string; address: string; userAgent: string; user: string };
  readonly #protocol: RtmpProtocol;
  readonly #intake: Intake;
  readonly #answers: Answers;
  readonly #pump: Pump;
  readonly #throttle: Throttle;
  readonly #rest: Rest;
  readonly #sessions = new Map<number, RtmpSession>();
  /** The session that has not yet said what it wants; `null` once it has. */
  #idle: RtmpSession | null;
  #connect: EventOf<'connect'> | null = null;
  #deadline: NodeJS.Timeout | null;
  #isShut = false;
  /** The server stops, and the peer was asked to come back by itself. */
  #isAsked = false;
  readonly #pulse = new Pulse();
  #publisher: RtmpSession | null = null;

  constructor(context: Context, socket: Socket, options: RtmpConnectionOptions) {
    this.#context = context;
    this.#socket = socket;
    this.#intake = new Intake(socket);
    this.#rest = new Rest(this.#intake);
    this.#answers = new Answers(socket, this.#intake);
    this.#pump = new Pump(this.#intake, { step: () => this.#step(), turned: () => this.#flush() });
    this.#options = options;
    const address = peerAddress(socket);
    this.#origin = {
      protocol: options.protocol,
      ip: joinAddress(address, socket.remotePort ?? 0),
      address,
      userAgent: '',
      user: '',
    };
    this.#protocol = new RtmpProtocol({
      limits: context.config.limits,
      chunkSize: options.chunkSize,
      windowAckSize: options.windowAckSize,
      slab: options.slab,
    });
    this.#throttle = new Throttle(context.config.publish.maxBytesPerSecond, performance.now());
    this.#idle = new RtmpSession(context, this.#origin, this);
    this.#deadline = this.#startDeadline('handshakeTimeoutMs', 'the handshake was not finished');
    const onData = (chunk: Buffer) => this.#onData(chunk);
    // Behind a proxy's header the first bytes are here already.
    const early: unknown = socket.readableLength > 0 ? socket.read() : null;
    if (!readInto(socket, options.readBuffer, onData)) socket.on('data', onData);
    socket.on('end', () => this.close(new ConnectionError('the peer closed the connection')));
    socket.on('error', (error) => this.close(new ConnectionError(error.message, { cause: error })));
    socket.on('close', () => this.close(new ConnectionError('the connection is gone')));
    if (Buffer.isBuffer(early)) onData(early);
  }

  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** About once a second. */
  tick(): void {
    const { pingIntervalMs } = this.#context.config.limits;
    if (pingIntervalMs === 0 || !this.#protocol.connected || this.#isShut) return;
    switch (this.#pulse.check(this.#takenBytes, pingIntervalMs)) {
      case 'ask':
        this.#protocol.ping(Math.floor(performance.now()) >>> 0);
        this.#flush();
        this.#pulse.asked(this.#takenBytes);
        break;
      case 'gone':
        this.close(new TimeoutError('limits.pingIntervalMs', `${MAX_MISSED_PINGS} pings were not answered`));
        break;
      case 'lives':
        break;
    }
  }

  /** What the system has taken for the peer. */
  get #takenBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  /** Enhanced RTMP v2, "Reconnect Request": `false` for a peer that did not announce it, or is not connected yet. */
  askToReturn(why: string): boolean {
    if (this.#isShut) return false;
    if (!this.#isAsked) {
      this.#isAsked = this.#protocol.reconnectRequest(why);
      this.#flush();
    }
    return this.#isAsked;
  }

  /** Ends the connection and every session on it. */
  close(reason: Error): void {
    if (this.#isShut) return;
    this.#isShut = true;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#idle?.close(reason);
    this.#idle = null;
    for (const session of [...this.#sessions.values()]) session.close(reason);
    this.#sessions.clear();
    if (this.#isOfServerStop(reason) && this.#protocol.connected && !this.#isAsked) {
      this.#protocol.appShutdown(reason.message);
    }
    this.#flush();
    this.#intake.end();
    if (reason instanceof SlowError || reason instanceof ConnectionError) {
      this.#socket.destroy();
      return;
    }
    this.#socket.end();
    const linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once('close', () => clearTimeout(linger));
  }

  #isOfServerStop(reason: Error): boolean {
    return this.#context.isStopping && reason instanceof ClosedError;
  }

  streamEnded(session: RtmpSession): void {
    if (this.#context.isStopping) {
      // It will not return: nothing to stay for.
      session.close(new ClosedError('the server is stopping'));
      return;
    }
    this.#protocol.streamEnd(session.streamId);
    this.#flush();
  }

  streamReturned(session: RtmpSession): void {
    this.#protocol.streamReturn(session.streamId);
    this.#flush();
  }

  /** A session ended. Its peer may go on with another message stream only if it ended this one itself. */
  released(session: RtmpSession, reason: Error): void {
    if (this.#sessions.get(session.streamId) === session) this.#sessions.delete(session.streamId);
    if (this.#idle === session) this.#idle = null;
    if (this.#isShut) return;
    if (!(reason instanceof EndError)) this.#sayGoodbye(session, reason);
    const isRefusal = reason instanceof AbsentError || reason instanceof DeniedError || reason instanceof BusyError;
    const hasOthers = this.#sessions.size > 0;
    if (!(reason instanceof EndError) && !(isRefusal && hasOthers)) {
      this.close(reason);
      return;
    }
    if (this.#sessions.size > 0) return;
    this.#deadline = this.#startDeadline('commandTimeoutMs', 'neither publish nor play was asked for');
  }

  #sayGoodbye(session: RtmpSession, reason: Error): void {
    if (reason instanceof ConnectionError || session.action === null) return;
    const isOurs = reason instanceof ClosedError;
    if (session.role === 'player') this.#protocol.streamEnd(session.streamId, isOurs ? reason.message : undefined);
    // What it sent was not wrong: encoders take a status of the stream for a no to its name.
    else if (!(session.isPublisher && this.#isOfServerStop(reason)))
      this.#protocol.rejectStream(session.streamId, refusalCode(session.action, reason), inPeersWords(session, reason));
    this.#flush();
  }

  #startDeadline(limit: 'handshakeTimeoutMs' | 'commandTimeoutMs', what: string): NodeJS.Timeout | null {
    const ms = this.#context.config.limits[limit];
    if (this.#deadline) clearTimeout(this.#deadline);
    if (ms === 0) return null;
    return setTimeout(() => this.close(new TimeoutError(`limits.${limit}`, `${what} within ${ms} ms`)), ms);
  }

  #onData(chunk: Buffer): void {
    if (this.#isShut) return;
    this.#pulse.hear();
    this.#count(chunk.length);
    this.#slowDown(chunk.length);
    this.#protocol.push(chunk);
    this.#pump.run();
    this.#protocol.keep();
    this.#takeRest(chunk.length);
  }

  #count(bytes: number): void {
    if (this.#publisher === null || this.#publisher.isClosed) this.#publisher = this.#publishing();
    const counted = this.#publisher ?? this.#idle ?? this.#sessions.values().next().value;
    if (counted !== undefined) counted.inBytes += bytes;
  }

  #slowDown(bytes: number): void {
    const waitMs = this.#throttle.take(bytes, performance.now());
    if (waitMs > 0) this.#intake.holdFor('fast', waitMs);
  }

  /** A connection that does something else beside its one publish is read as it comes. */
  #takeRest(bytes: number): void {
    if (this.#sessions.size !== 1 || this.#publisher?.isClosed !== false) return;
    if (this.#publisher.broadcast !== null) this.#rest.take(bytes, this.#publisher.broadcast);
  }

  #publishing(): RtmpSession | null {
    for (const session of this.#sessions.values()) if (session.isPublisher) return session;
    return null;
  }

  #step(): boolean {
    try {
      const event = this.#isShut ? null : this.#protocol.next();
      if (event === null) return false;
      this.#handle(event);
      return true;
    } catch (error) {
      if (!(error instanceof NmsError))
        this.#context.logger.error({ ip: this.#origin.ip, err: error }, 'an RTMP connection failed');
      this.close(error as Error);
      return false;
    }
  }

  #flush(): void {
    const bytes = this.#protocol.output();
    if (bytes !== null) this.#answers.write(bytes);
  }

  #handle(event: RtmpEvent): void {
    switch (event.kind) {
      case 'packet': {
        const session = this.#sessions.get(event.streamId);
        if (session?.isPublisher) session.broadcast?.broadcastMessage(session, event.packet);
        break;
      }
      case 'connect':
        this.#onConnect(event);
        break;
      case 'publish':
        void this.#onPublish(event);
        break;
      case 'play':
        void this.#onPlay(event);
        break;
      case 'close':
        this.#sessions.get(event.streamId)?.close(new EndError(`the peer said ${event.by}`));
        break;
      case 'pause': {
        const subscription = this.#sessions.get(event.streamId)?.subscription;
        this.#flush();
        if (event.paused) subscription?.pause();
        else subscription?.resume();
        break;
      }
      case 'receive':
        this.#sessions.get(event.streamId)?.receive(event.audio, event.video);
        break;
      case 'malformed':
        this.#sessions
          .get(event.streamId)
          ?.log('debug', 'a malformed message was dropped', { reason: event.error.message });
        break;
    }
  }

  #onConnect(event: EventOf<'connect'>): void {
    this.#connect = event;
    this.#origin.userAgent = event.flashVer.slice(0, MAX_USER_AGENT_LENGTH);
    if (this.#idle !== null) this.#idle.userAgent = this.#origin.userAgent;
    if (this.#context.isStopping) {
      const reason = new ClosedError('the server is stopping');
      this.#protocol.rejectConnect('NetConnection.Connect.Rejected', reason.message);
      this.close(reason);
      return;
    }
    try {
      if (event.app !== '') parseStreamAddress(event.app, 'name');
    } catch (error) {
      this.#protocol.rejectConnect('NetConnection.Connect.InvalidApp', (error as Error).message);
      this.close(error as Error);
      return;
    }
    const { config, signIn } = this.#context;
    const isEncoder = event.command['type'] === 'nonprivate';
    if (signIn !== null && isAskedForPassword(config.auth.askPassword, { ...event, isEncoder })) {
      void this.#signIn(event, signIn);
      return;
    }
    this.#acceptConnect();
  }

  #acceptConnect(): void {
    this.#protocol.acceptConnect();
    this.#deadline = this.#startDeadline('commandTimeoutMs', 'neither publish nor play was asked for');
  }

  /** Asks for user and password: each refusal is a step, after which the peer connects anew. */
  async #signIn(event: EventOf<'connect'>, signIn: SignIn): Promise<void> {
    const session = this.#idle;
    if (session === null) return;
    this.#intake.hold('asking');
    this.#deadline = this.#startDeadline('commandTimeoutMs', 'user and password were not checked');
    try {
      this.#origin.user = await signIn(session, event.query);
      session.user = this.#origin.user;
      if (!this.#isShut) this.#acceptConnect();
    } catch (error) {
      this.#refuseConnect(error as Error);
    }
    this.#intake.release('asking');
    this.#pump.run();
  }

  #refuseConnect(error: Error): void {
    if (this.#isShut) return;
    const isStep = error instanceof DeniedError;
    if (!(error instanceof NmsError))
      this.#context.logger.error({ ip: this.#origin.ip, err: error }, 'signing in failed');
    this.#protocol.rejectConnect('NetConnection.Connect.Rejected', isStep ? error.message : 'signing in failed');
    this.close(isStep ? new DeniedError(describeAdobeRefusal(error.message)) : error);
  }

  /** Gives the message stream a session and its target. */
  #open(event: EventOf<'publish'> | EventOf<'play'>): OpenSession {
    const { auth } = this.#context.config;
    const target = targetOf(event, { host: this.#connect?.host ?? '', user: this.#origin.user, auth });
    const { address } = target;
    const session = this.#idle ?? new RtmpSession(this.#context, this.#origin, this);
    this.#idle = null;
    session.streamId = event.streamId;
    session.action = event.kind;
    session.requestedPath = `/${event.app}/${event.name}`;
    session.setTarget(target);
    this.#sessions.set(event.streamId, session);
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#deadline = null;
    const broadcast = BroadcastServer.of(this.#context, address.path);
    return Object.assign(session, { broadcast });
  }

  async #onPublish(event: EventOf<'publish'>): Promise<void> {
    let session: OpenSession | null = null;
    try {
      session = this.#open(event);
      this.#intake.hold('asking');
      session.broadcast = await session.broadcast.postPublish(session);
      this.#protocol.acceptPublish(event.streamId);
      this.#flush();
    } catch (error) {
      this.#refuse(event, session, error as Error);
    }
    this.#intake.release('asking');
    this.#pump.run();
  }

  async #onPlay(event: EventOf<'play'>): Promise<void> {
    let session: OpenSession | null = null;
    try {
      session = this.#open(event);
      session.setFormat(this.#formatOptions(event));
      const subscription = await session.broadcast.postPlay(session);
      session.subscription = subscription;
      // The answer, the headers and the cached group leave in one piece.
      this.#socket.cork();
      this.#protocol.acceptPlay(event.streamId);
      this.#flush();
      subscription.start();
      this.#socket.uncork();
    } catch (error) {
      this.#refuse(event, session, error as Error);
    }
  }

  /** Nothing to say to a session that closed meanwhile: that said it. */
  #refuse(event: EventOf<'publish'> | EventOf<'play'>, session: RtmpSession | null, error: Error): void {
    if (!(error instanceof NmsError)) {
      this.#context.logger.error({ ip: this.#origin.ip, err: error }, `${event.kind} failed`);
    }
    if (session !== null) {
      session.close(error);
    } else if (!this.#isShut) {
      this.#protocol.rejectStream(event.streamId, refusalCode(event.kind, error), error.message);
      this.close(error);
    }
  }

  #formatOptions(event: EventOf<'play'>): RtmpFormatOptions {
    const knowsTracks = this.#connect?.capabilities.multitrack ?? false;
    return {
      chunkSize: this.#options.chunkSize,
      messageStreamId: event.streamId,
      slabs: this.#options.slabs,
      ...readBodyOptions(event.query, { knowsTracks }),
    };
  }
}
