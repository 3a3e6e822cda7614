import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { ConnectionError } from '../../errors.ts';
import { type Answer, encodeAnswer } from './answer.ts';
import { endSocket } from './raw-socket.ts';

/** What a client may send before its handshake is answered; the rest waits in the system's buffers. */
const MAX_EARLY_BYTES = 64 * 1024;

/** A WebSocket handshake that waits for its answer, while its socket is watched. */
export class Handshake {
  readonly socket: Duplex;
  readonly #message: IncomingMessage;
  readonly #early: Buffer[];
  #earlyBytes: number;
  readonly #onData: (chunk: Buffer) => void;
  readonly #onEnd: () => void;

  /** `onGone` is called once the peer has left, now or after the handshake. */
  constructor(message: IncomingMessage, socket: Duplex, head: Buffer, onGone: (reason: Error) => void) {
    this.#message = message;
    this.socket = socket;
    this.#early = [head];
    this.#earlyBytes = head.length;
    this.#onData = (chunk) => {
      this.#early.push(chunk);
      this.#earlyBytes += chunk.length;
      if (this.#earlyBytes > MAX_EARLY_BYTES) socket.pause();
    };
    this.#onEnd = () => onGone(new ConnectionError('the peer closed the connection'));
    socket.on('error', (error) => onGone(new ConnectionError('the connection failed', { cause: error })));
    socket.on('close', () => onGone(new ConnectionError('the connection is closed')));
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
  }

  /** Answers 101; `null` when the handshake itself is wrong, which `server` then has said to the peer. */
  accept(server: WebSocketServer): WebSocket | null {
    this.#unwatch();
    let accepted: WebSocket | null = null;
    const early = this.#early.length === 1 ? this.#early[0]! : Buffer.concat(this.#early);
    server.handleUpgrade(this.#message, this.socket, early, (webSocket) => {
      accepted = webSocket;
    });
    return accepted;
  }

  refuse(answer: Answer): void {
    this.#unwatch();
    endSocket(this.socket, encodeAnswer(answer));
  }

  #unwatch(): void {
    this.socket.off('data', this.#onData);
    this.socket.off('end', this.#onEnd);
    // Only a pause of our own is lifted; whoever listens next starts the flow.
    if (this.socket.isPaused()) this.socket.resume();
  }
}
