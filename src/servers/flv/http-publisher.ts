import type { IncomingMessage } from 'node:http';
import { constants, Http2ServerRequest } from 'node:http2';
import type { Context } from '../../core/context.ts';
import { ConnectionError, EndError, ProtocolError } from '../../errors.ts';
import { type Answer, type AnyResponse, answerFor, encodeAnswer, jsonAnswer, respond } from './answer.ts';
import { FlvPublisher } from './flv-publisher.ts';
import type { FlvRequest } from './flv-session.ts';
import { endSocket, takeSocket } from './raw-socket.ts';

/** Publishes with the body of a POST or PUT, over HTTP/1 or HTTP/2; the answer comes at its end. */
export class HttpPublisher extends FlvPublisher {
  readonly #message: IncomingMessage | Http2ServerRequest;
  readonly #response: AnyResponse;

  constructor(
    context: Context,
    exchange: {
      readonly message: IncomingMessage | Http2ServerRequest;
      readonly response: AnyResponse;
    },
    request: FlvRequest,
  ) {
    super(context, request);
    this.#message = exchange.message;
    this.#response = exchange.response;
    this.#message.on('error', (error) => this.end(new ConnectionError('the body broke off', { cause: error })));
    this.#message.on('close', () => this.end(new ConnectionError('the body broke off')));
  }

  protected begin(): void {
    if (/100-continue/i.test(this.#message.headers.expect ?? '')) this.#response.writeContinue();
    this.#message.on('end', () => this.end(this.#reasonOfEnd()));
    this.#message.on('data', (chunk: Buffer) => this.feed(chunk));
  }

  protected pause(): void {
    this.#message.pause();
  }

  protected resume(): void {
    this.#message.resume();
  }

  protected release(reason: Error): void {
    this.stopFeeding();
    if (reason instanceof EndError) {
      respond(this.#response, this.#success());
    } else if (this.#message instanceof Http2ServerRequest) {
      this.#endStream(reason, this.#message);
    } else {
      this.#endConnection(reason, this.#message);
    }
  }

  #reasonOfEnd(): Error {
    const message = this.#message;
    // The body of a reset HTTP/2 stream ends, too.
    const isReset = message instanceof Http2ServerRequest && message.stream.aborted;
    if (isReset) return new ConnectionError('the HTTP/2 stream was reset');
    if (this.hasHeader) return new EndError('the body ended');
    return new ProtocolError('NMS_PROTOCOL_FLV', `a body of ${this.inBytes} bytes without an FLV header`, {
      position: this.inBytes,
      section: 'FLV 10.1, E.2',
    });
  }

  #success(): Answer {
    const data = { streamPath: this.streamPath, inBytes: this.inBytes };
    return jsonAnswer(200, { success: true, data, message: 'The stream ended.' });
  }

  #endStream(reason: Error, message: Http2ServerRequest): void {
    const { stream } = message;
    if (stream.destroyed) return;
    if (reason instanceof ConnectionError) {
      stream.close(constants.NGHTTP2_CANCEL);
      return;
    }
    const { status, headers, body } = answerFor(reason, this, 'publish');
    stream.respond({ ':status': status, ...headers });
    // RFC 9113, 8.1: a complete answer, then no more of the request.
    stream.end(body, () => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #endConnection(reason: Error, message: IncomingMessage): void {
    const { socket } = message;
    if (reason instanceof ConnectionError) {
      socket.destroy();
      return;
    }
    // The rest of the body is not parsed any more, only thrown away while the answer is on its way.
    takeSocket(socket, () => {});
    endSocket(socket, encodeAnswer(answerFor(reason, this, 'publish')));
  }
}
