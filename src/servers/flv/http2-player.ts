import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Context } from '../../core/context.ts';
import { ClosedError, ConnectionError, EndError } from '../../errors.ts';
import type { Format } from '../../media/format.ts';
import { answerFor } from './answer.ts';
import { FlvPlayer } from './flv-player.ts';
import type { FlvRequest } from './flv-session.ts';
import { MEDIA_HEADERS } from './media-headers.ts';

/** How long the end of a stream may take to reach its player. */
const LINGER_MS = 2000;

/** Plays over one stream of an HTTP/2 connection. */
export class Http2Player extends FlvPlayer {
  readonly #stream: ServerHttp2Stream;

  constructor(context: Context, stream: ServerHttp2Stream, request: FlvRequest, format: Format) {
    super(context, request, format);
    this.#stream = stream;
    stream.on('error', (error) => this.close(new ConnectionError('the HTTP/2 stream failed', { cause: error })));
    stream.on('close', () => this.close(new ConnectionError('the peer closed the HTTP/2 stream')));
  }

  /** Not `bufferSize`, in which a write that is under way counts twice. */
  override get backlogBytes(): number {
    return this.#stream.writableLength;
  }

  protected begin(flow: () => void): void {
    this.#stream.respond({ ':status': 200, ...MEDIA_HEADERS });
    flow();
  }

  protected write(bytes: Buffer): void {
    if (!this.#stream.destroyed) this.#stream.write(bytes);
  }

  protected release(reason: Error): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    if (!stream.headersSent && !(reason instanceof ConnectionError)) {
      const answer = answerFor(reason, this, 'play');
      stream.respond({ ':status': answer.status, ...answer.headers });
      stream.end(answer.body);
    } else if (reason instanceof EndError || reason instanceof ClosedError) {
      stream.end();
    } else {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      return;
    }
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), LINGER_MS).unref();
    stream.once('close', () => clearTimeout(timer));
  }
}
