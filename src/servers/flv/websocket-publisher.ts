import type { WebSocket, WebSocketServer } from 'ws';
import type { Context } from '../../core/context.ts';
import { ConnectionError, EndError, ProtocolError } from '../../errors.ts';
import { answerFor } from './answer.ts';
import { closeCodeFor, closeText } from './close-codes.ts';
import { FlvPublisher } from './flv-publisher.ts';
import type { FlvRequest } from './flv-session.ts';
import { Handshake } from './handshake.ts';
import { Heartbeat } from './heartbeat.ts';
import type { Upgrade } from './websocket-player.ts';

/** RFC 6455, 7.4.1: the peer is done, and meant to be. */
const NORMAL_CLOSURE = 1000;

/** Publishes over a WebSocket: binary messages are bytes of an FLV stream, cut anywhere. */
export class WebSocketPublisher extends FlvPublisher {
  readonly #handshake: Handshake;
  readonly #server: WebSocketServer;
  #webSocket: WebSocket | null = null;
  #heartbeat: Heartbeat | null = null;

  constructor(context: Context, server: WebSocketServer, upgrade: Upgrade, request: FlvRequest) {
    super(context, request);
    this.#server = server;
    this.#handshake = new Handshake(upgrade.message, upgrade.socket, upgrade.head, (reason) => this.close(reason));
  }

  protected begin(): void {
    const webSocket = this.#handshake.accept(this.#server);
    if (webSocket === null) throw new ProtocolError('NMS_PROTOCOL_WEBSOCKET', 'a malformed WebSocket handshake');
    this.#webSocket = webSocket;
    webSocket.on('error', (error) => this.close(new ProtocolError('NMS_PROTOCOL_WEBSOCKET', error.message)));
    webSocket.on('close', (code) => this.end(this.#reasonOfClose(code)));
    webSocket.on('message', (data: Buffer, isBinary: boolean) => this.#onMessage(data, isBinary));
    this.#heartbeat = new Heartbeat(webSocket, this.context.config.limits.pingIntervalMs, (reason) => {
      this.close(reason);
      webSocket.terminate();
    });
  }

  protected pause(): void {
    this.#webSocket?.pause();
  }

  protected resume(): void {
    this.#webSocket?.resume();
  }

  protected release(reason: Error): void {
    this.stopFeeding();
    this.#heartbeat?.stop();
    const webSocket = this.#webSocket;
    if (webSocket === null) {
      if (reason instanceof ConnectionError) this.#handshake.socket.destroy();
      else this.#handshake.refuse(answerFor(reason, this, 'publish'));
    } else if (reason instanceof ConnectionError) {
      webSocket.terminate();
    } else {
      webSocket.resume();
      webSocket.close(closeCodeFor(reason, this.context.isStopping), closeText(reason));
    }
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (isBinary) this.feed(data);
    else this.close(new ProtocolError('NMS_PROTOCOL_WEBSOCKET', 'a text message; FLV comes in binary messages'));
  }

  #reasonOfClose(code: number): Error {
    if (code === NORMAL_CLOSURE) return new EndError('the WebSocket was closed');
    return new ConnectionError(`the peer closed the WebSocket with ${code}`);
  }
}
