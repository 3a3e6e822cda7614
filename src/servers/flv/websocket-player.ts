import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Context } from '../../core/context.ts';
import { ConnectionError, ProtocolError } from '../../errors.ts';
import type { Format } from '../../media/format.ts';
import { answerFor } from './answer.ts';
import { closeCodeFor, closeText } from './close-codes.ts';
import { FlvPlayer } from './flv-player.ts';
import type { FlvRequest } from './flv-session.ts';
import { Handshake } from './handshake.ts';
import { Heartbeat } from './heartbeat.ts';

/** An HTTP request that wants to become a WebSocket. */
export interface Upgrade {
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/**
 * Plays over a WebSocket. Control frames are the library's; media frames come ready from the format and go straight into
 * the socket. Both are written whole in one turn, so they never mix.
 */
export class WebSocketPlayer extends FlvPlayer {
  readonly #handshake: Handshake;
  readonly #server: WebSocketServer;
  #webSocket: WebSocket | null = null;
  #heartbeat: Heartbeat | null = null;

  constructor(context: Context, server: WebSocketServer, upgrade: Upgrade, request: FlvRequest & { format: Format }) {
    super(context, request, request.format);
    this.#server = server;
    this.#handshake = new Handshake(upgrade.message, upgrade.socket, upgrade.head, (reason) => this.close(reason));
  }

  override get backlogBytes(): number {
    return this.#handshake.socket.writableLength;
  }

  protected override onAdmitted(): void {
    // The answer leaves in one piece with the first media, when that is here.
    const { socket } = this.#handshake;
    socket.cork();
    process.nextTick(() => socket.uncork());
    const webSocket = this.#handshake.accept(this.#server);
    if (webSocket === null) throw new ProtocolError('NMS_PROTOCOL_WEBSOCKET', 'a malformed WebSocket handshake');
    this.#webSocket = webSocket;
    webSocket.on('error', (error) => this.close(new ProtocolError('NMS_PROTOCOL_WEBSOCKET', error.message)));
    webSocket.on('close', (code) => this.close(new ConnectionError(`the peer closed the WebSocket with ${code}`)));
    webSocket.on('message', (data: Buffer) => {
      this.inBytes += data.length;
    });
    this.#heartbeat = new Heartbeat(webSocket, this.context.config.limits.pingIntervalMs, (reason) => {
      this.close(reason);
      webSocket.terminate();
    });
  }

  protected begin(flow: () => void): void {
    flow();
  }

  protected write(bytes: Buffer): void {
    if (this.#webSocket?.readyState === this.#webSocket?.OPEN) this.#handshake.socket.write(bytes);
  }

  protected release(reason: Error): void {
    this.#heartbeat?.stop();
    if (reason instanceof ConnectionError) {
      if (this.#webSocket === null) this.#handshake.socket.destroy();
      else this.#webSocket.terminate();
    } else if (this.#webSocket === null) {
      this.#handshake.refuse(answerFor(reason, this, 'play'));
    } else {
      this.#webSocket.close(closeCodeFor(reason, this.context.isStopping), closeText(reason));
    }
  }
}
