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
  readonly #listeners: readonly (readonly [string, (value: unknown) => void])[];
  #isAnswered = false;

  /** `onGone` is called when the peer leaves before the answer. */
  constructor(message: IncomingMessage, socket: Duplex, head: Buffer, onGone: (reason: Error) => void) {
    this.#message = message;
    this.socket = socket;
    this.#early = [head];
    this.#earlyBytes = head.length;
    this.#listeners = [
      ['data', (chunk) => this.#keep(chunk as Buffer)],
      ['end', () => onGone(new ConnectionError('the peer closed the connection'))],
      ['close', () => onGone(new ConnectionError('the connection is closed'))],
      ['error', (cause) => onGone(new ConnectionError('the connection failed', { cause }))],
    ];
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
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

  /** Answers with something else, unless it was answered. */
  refuse(answer: Answer): void {
    if (this.#isAnswered) return;
    this.#unwatch();
    endSocket(this.socket, encodeAnswer(answer));
  }

  #keep(chunk: Buffer): void {
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > MAX_EARLY_BYTES) this.socket.pause();
  }

  #unwatch(): void {
    this.#isAnswered = true;
    for (const [event, listener] of this.#listeners) this.socket.off(event, listener);
    // Only a pause of our own is lifted; whoever listens next starts the flow.
    if (this.socket.isPaused()) this.socket.resume();
  }
}
