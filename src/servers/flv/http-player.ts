import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Context } from '../../core/context.ts';
import { ClosedError, ConnectionError, EndError } from '../../errors.ts';
import type { Format } from '../../media/format.ts';
import { answerFor, encodeAnswer } from './answer.ts';
import { FlvPlayer } from './flv-player.ts';
import type { FlvRequest } from './flv-session.ts';
import { MEDIA_HEADERS } from './media-headers.ts';
import { endSocket, takeSocket } from './raw-socket.ts';
import { TimedHead } from './timed-head.ts';

/** RFC 9112, 7.1: the last chunk, and no trailers. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

const chunkedHead = new TimedHead(200, { ...MEDIA_HEADERS, 'Transfer-Encoding': 'chunked', Connection: 'close' });
const plainHead = new TimedHead(200, { ...MEDIA_HEADERS, Connection: 'close' });

export function isChunkedFor(request: IncomingMessage): boolean {
  return request.httpVersionMajor > 1 || (request.httpVersionMajor === 1 && request.httpVersionMinor >= 1);
}

/** Plays over HTTP/1: one head, then the shared bytes straight into the socket. */
export class HttpPlayer extends FlvPlayer {
  readonly #socket: Socket;
  readonly #isChunked: boolean;
  #hasBegun = false;

  /** @param format with chunked framing for HTTP/1.1, plain for HTTP/1.0 */
  constructor(context: Context, message: IncomingMessage, request: FlvRequest, format: Format) {
    super(context, request, format);
    this.#socket = message.socket;
    this.#isChunked = isChunkedFor(message);
    this.#socket.setTimeout(0);
    takeSocket(this.#socket, (reason) => this.close(reason));
  }

  override get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  protected begin(flow: () => void): void {
    this.#hasBegun = true;
    // The head leaves in one piece with the first media.
    this.#socket.cork();
    this.#socket.write(this.#isChunked ? chunkedHead.now() : plainHead.now());
    flow();
    this.#socket.uncork();
  }

  protected write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  protected release(reason: Error): void {
    if (reason instanceof ConnectionError) {
      this.#socket.destroy();
    } else if (!this.#hasBegun) {
      endSocket(this.#socket, encodeAnswer(answerFor(reason, this, 'play')));
    } else if (reason instanceof EndError || reason instanceof ClosedError) {
      endSocket(this.#socket, this.#isChunked ? LAST_CHUNK : undefined);
    } else {
      // Without its last chunk the body is seen to be incomplete.
      this.#socket.destroy();
    }
  }
}
