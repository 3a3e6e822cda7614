import type { Socket } from 'node:net';
import { EndError, type NmsError, ProtocolError } from '../errors.ts';
import { type RtmpClientEvent, type RtmpClientOptions, RtmpClientProtocol } from '../protocols/rtmp/rtmp-client.ts';
import { Ending } from './ending.ts';
import { connectionFailure, interrupted, protocolFailure, rtmpRefusal, unanswered } from './failure.ts';
import { openSocket } from './socket.ts';
import { rtmpTargetOf, type Target } from './target.ts';
import type { ConnectOptions } from './tool-options.ts';

/** Time that a farewell may take to reach the peer, in milliseconds. */
const FAREWELL_TIMEOUT_MS = 3000;

/** Told what comes, as it comes. */
export interface RtmpListener {
  onBytes(count: number): void;
  onMedia(event: Extract<RtmpClientEvent, { kind: 'packet' | 'malformed' }>): void;
}

const NOBODY: RtmpListener = { onBytes: () => {}, onMedia: () => {} };

/** A client's RTMP connection that publishes or plays one stream: the socket, and the protocol between it and us. */
export class RtmpConnection {
  readonly ending = new Ending();
  readonly #target: Target;
  readonly #socket: Socket;
  readonly #protocol: RtmpClientProtocol;
  readonly #listener: RtmpListener;
  readonly #accepted = Promise.withResolvers<void>();

  private constructor(target: Target, socket: Socket, protocol: RtmpClientProtocol, listener: RtmpListener) {
    this.#target = target;
    this.#socket = socket;
    this.#protocol = protocol;
    this.#listener = listener;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#end(connectionFailure(error, target)));
    socket.on('close', () => this.#end(new EndError(`${target.address} closed the connection`)));
    this.#flush();
  }

  /**
   * Connects and waits until the server accepts.
   * @throws NmsError when it refuses, says nothing, or cannot be reached.
   */
  static async open(
    target: Target,
    request: ConnectOptions & Omit<RtmpClientOptions, 'app' | 'name' | 'tcUrl'>,
    listener: RtmpListener = NOBODY,
  ): Promise<RtmpConnection> {
    const { signal, insecure = false, answerTimeoutMs, ...options } = request;
    const protocol = new RtmpClientProtocol({ ...options, ...rtmpTargetOf(target) });
    const socket = await openSocket(target, { signal, insecure, answerTimeoutMs });
    const connection = new RtmpConnection(target, socket, protocol, listener);
    const onTimeout = () => {
      const missing = protocol.handshakeDone ? `no answer to "${options.mode}"` : 'no RTMP handshake';
      connection.#end(unanswered(target, missing, answerTimeoutMs));
    };
    const timer = setTimeout(onTimeout, answerTimeoutMs);
    const onAbort = () => void connection.close(interrupted());
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await connection.#accepted.promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
    return connection;
  }

  /** Bytes accepted, not yet given to the system. */
  get pending(): number {
    return this.#socket.writableLength;
  }

  /** Sends one body; dropped when the connection is over. */
  send(...[kind, timestampMs, body]: Parameters<RtmpClientProtocol['sendPacketBody']>): void {
    if (this.ending.reason !== null) return;
    this.#protocol.sendPacketBody(kind, timestampMs, body);
    this.#flush();
  }

  /** Says goodbye in RTMP's words, and resolves when the peer has read them or takes too long. */
  async close(reason: NmsError = new EndError('we closed the connection')): Promise<void> {
    if (this.ending.reason !== null) return;
    this.#protocol.close();
    this.#flush();
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    const timer = setTimeout(() => this.#socket.destroy(), FAREWELL_TIMEOUT_MS);
    this.#socket.end();
    this.#end(reason, { destroy: false });
    await closed;
    clearTimeout(timer);
  }

  #receive(chunk: Buffer): void {
    if (this.ending.reason !== null) return;
    this.#listener.onBytes(chunk.length);
    try {
      this.#protocol.push(chunk);
      for (let event = this.#protocol.next(); event !== null; event = this.#protocol.next()) this.#handle(event);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#end(protocolFailure(error, this.#target));
      return;
    }
    this.#flush();
  }

  #handle(event: RtmpClientEvent): void {
    switch (event.kind) {
      case 'publishing':
      case 'playing':
        return this.#accepted.resolve();
      case 'packet':
      case 'malformed':
        return this.#listener.onMedia(event);
      case 'end':
        return this.#end(new EndError(`the stream ended (${event.code})`));
      case 'failed':
        return this.#end(rtmpRefusal(event.code, event.description));
    }
  }

  #flush(): void {
    const bytes = this.#protocol.output();
    if (bytes !== null && this.#socket.writable) this.#socket.write(bytes);
  }

  #end(reason: NmsError, { destroy = true } = {}): void {
    this.ending.because(reason);
    this.#accepted.reject(this.ending.reason);
    if (destroy) this.#socket.destroy();
  }
}
