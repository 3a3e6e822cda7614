import { type IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import { constants, Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Context } from '../../core/context.ts';
import { TimeoutError } from '../../errors.ts';
import { Exchanges } from './exchanges.ts';
import { ApplicationTurns } from './application-turns.ts';
import { Http2Bridge } from './http2-bridge.ts';

type AnyRequest = IncomingMessage | Http2ServerRequest;
type AnyResponse = ServerResponse | Http2ServerResponse;

/** How long a socket may take to receive a last word before it is destroyed. */
const GOODBYE_MS = 1000;

function hasBody(request: AnyRequest): boolean {
  if (request instanceof Http2ServerRequest) return !request.stream.endAfterHeaders;
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

/** Writes a whole HTTP/1.1 answer to a socket that no parser owns, and ends it. */
function refuse(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy());
  socket.resume();
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Decides who answers: a media route first, then the HTTP/1.1 application. */
export class Dispatcher {
  readonly #context: Context;
  readonly #application: RequestListener;
  readonly #bridge: Http2Bridge;
  /** What the application is answering. */
  readonly exchanges = new Exchanges();
  /** Sockets with an answer under way: nothing else may be written to them. */
  readonly #answering = new WeakSet<Duplex>();

  constructor(context: Context, application: RequestListener) {
    this.#context = context;
    const turns = new ApplicationTurns();
    this.#application = (request, response) => {
      turns.run(() => {
        if (!response.destroyed) application(request, response);
      });
    };
    this.#bridge = new Http2Bridge(this.#application, context.config.limits.maxHttpHeaderBytes, context.logger);
  }

  readonly request = (request: AnyRequest, response: AnyResponse): void =>
    this.dispatch(request, response, () => this.#toApplication(request, response, false));

  /** For `Expect: 100-continue`: a media route says itself when the body may come. */
  readonly checkContinue = (request: AnyRequest, response: AnyResponse): void =>
    this.dispatch(request, response, () => this.#toApplication(request, response, true));

  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const wanted = request.headers.upgrade ?? '';
    if (wanted.toLowerCase() !== 'websocket') return this.#declineUpgrade(request, socket);
    if (!this.mediaUpgrade(request, socket, head)) refuse(socket, '404 Not Found');
  };

  /** Offers a request to the media routes; `otherwise` is called when none takes it. */
  dispatch(request: AnyRequest, response: AnyResponse, otherwise: () => void): void {
    if (response instanceof ServerResponse) {
      if (response.socket === null) {
        // Pipelined behind an answer that is not finished: its turn comes when it is given the socket.
        response.once('socket', () => this.dispatch(request, response, otherwise));
        return;
      }
      this.#mark(response.socket, response);
    }
    if (!this.#context.mediaRoutes.some((route) => route.request(request, response))) otherwise();
  }

  mediaUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    return this.#context.mediaRoutes.some((route) => route.upgrade(request, socket, head));
  }

  readonly clientError = (error: NodeJS.ErrnoException, socket: Duplex): void => {
    if (this.#answering.has(socket) || !socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
    } else if (error.code === 'HPE_HEADER_OVERFLOW') {
      refuse(socket, '431 Request Header Fields Too Large');
    } else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      refuse(socket, '408 Request Timeout');
    } else {
      refuse(socket, '400 Bad Request');
    }
  };

  #toApplication(request: AnyRequest, response: AnyResponse, awaitsContinue: boolean): void {
    this.exchanges.add(response);
    if (awaitsContinue) response.writeContinue();
    this.#limitBodyTime(request, response);
    if (request instanceof Http2ServerRequest) this.#bridge.forward(request, response as Http2ServerResponse);
    else this.#application(request, response as ServerResponse);
  }

  #mark(socket: Duplex, response: ServerResponse): void {
    this.#answering.add(socket);
    response.once('finish', () => this.#answering.delete(socket));
  }

  #limitBodyTime(request: AnyRequest, response: AnyResponse): void {
    const { commandTimeoutMs } = this.#context.config.limits;
    if (commandTimeoutMs === 0 || !hasBody(request)) return;
    const timer = setTimeout(() => {
      if (request instanceof Http2ServerRequest) request.stream.close(constants.NGHTTP2_CANCEL);
      else
        request.destroy(new TimeoutError('commandTimeoutMs', `no complete request body within ${commandTimeoutMs} ms`));
    }, commandTimeoutMs);
    const clear = () => clearTimeout(timer);
    request.once('end', clear);
    response.once('close', clear);
  }

  /** RFC 9110, 7.8: a server may ignore an Upgrade it does not know (curl's h2c) and answer the request as it stands. */
  #declineUpgrade(request: IncomingMessage, socket: Duplex): void {
    if (hasBody(request)) return refuse(socket, '501 Not Implemented');
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    socket.on('error', () => socket.destroy());
    response.assignSocket(socket as NonNullable<ServerResponse['socket']>);
    response.once('finish', () => socket.end());
    socket.once('close', () => response.destroy());
    this.request(request, response);
  }
}
