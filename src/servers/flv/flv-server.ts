import type { IncomingMessage } from 'node:http';
import { Http2ServerRequest } from 'node:http2';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { SlabPool } from '../../bytes/slab.ts';
import type { PreparedChange } from '../../core/change.ts';
import type { Context } from '../../core/context.ts';
import type { MediaRoute } from '../../core/route.ts';
import type { Server } from '../../core/server.ts';
import { ClosedError, DeniedError, NmsError, ProtocolError } from '../../errors.ts';
import { readBodyOptions } from '../../protocols/flv/body-options.ts';
import { createFlvFormat } from '../../protocols/flv/flv-muxer.ts';
import { type Answer, type AnyResponse, encodeAnswer, errorAnswer, METHODS, respond } from './answer.ts';
import { type FlvConfig, flvSection } from './config.ts';
import { asError, type FlvRequest } from './flv-session.ts';
import { Http2Player } from './http2-player.ts';
import { HttpPlayer, isChunkedFor } from './http-player.ts';
import { HttpProbe } from './http-probe.ts';
import { HttpPublisher } from './http-publisher.ts';
import { traitsOf } from './user-agent.ts';
import { endSocket, takeSocket } from './raw-socket.ts';
import {
  type AnyRequest,
  isFlvPath,
  originOf,
  parseTarget,
  type RequestTarget,
  streamTargetOf,
} from './request-target.ts';
import { WebSocketPlayer } from './websocket-player.ts';
import { WebSocketPublisher } from './websocket-publisher.ts';

/** How long a WebSocket peer may take to answer our close. */
const CLOSE_TIMEOUT_MS = 2000;
/** A publisher's message may hold a whole tag and what surrounds it. */
const PUBLISHER_MESSAGE_EXTRA = 64 * 1024;
/** First parts of paths that belong to the API and the console. */
const RESERVED = ['/api', '/admin'];
const PUBLISHER_PROTOCOLS = new Set(['publisher', 'post']);

function webSocketServer(maxPayload: number): WebSocketServer {
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  return new WebSocketServer(options);
}

function wantsToPublish(request: IncomingMessage): boolean {
  const [first = ''] = (request.headers['sec-websocket-protocol'] ?? '').split(',', 1);
  return PUBLISHER_PROTOCOLS.has(first.trim().toLowerCase());
}

function isBelow(path: string, prefix: string): boolean {
  if (prefix === '/' || !path.startsWith(prefix)) return false;
  return path.length === prefix.length || path[prefix.length] === '/';
}

/** The last answer of its connection: a body that is still to come is thrown away while the answer is on its way. */
function refuse(request: AnyRequest, response: AnyResponse, answer: Answer): void {
  if (request instanceof Http2ServerRequest) {
    respond(response, answer);
    return;
  }
  takeSocket(request.socket, () => {});
  endSocket(request.socket, encodeAnswer(request.method === 'HEAD' ? { ...answer, body: '' } : answer));
}

function originsOf({ origins }: FlvConfig): ReadonlySet<string> {
  return new Set(origins.map((origin) => new URL(origin).origin));
}

/** Does what may throw. */
type Attempt = (work: () => void) => void;

/** HTTP-FLV and WebSocket-FLV, play and publish: one media route of the HTTP server. */
export class FlvServer implements Server, MediaRoute {
  readonly #context: Context;
  readonly #slabs = new SlabPool();
  #origins: ReadonlySet<string>;
  readonly #forPlayers: WebSocketServer;
  readonly #forPublishers: WebSocketServer;

  constructor(context: Context, config: FlvConfig) {
    this.#context = context;
    this.#origins = originsOf(config);
    const { limits } = context.config;
    this.#forPlayers = webSocketServer(limits.maxWebSocketMessageBytes);
    this.#forPublishers = webSocketServer(limits.maxMessageBytes + PUBLISHER_MESSAGE_EXTRA);
    context.mediaRoutes.push(this);
  }

  async run(): Promise<void> {}

  async prepare({ flv }: { readonly flv?: FlvConfig }): Promise<PreparedChange> {
    const origins = originsOf(flv ?? flvSection.parse(undefined));
    return { commit: () => void (this.#origins = origins), cancel: () => {} };
  }

  async stop(): Promise<void> {
    const index = this.#context.mediaRoutes.indexOf(this);
    if (index >= 0) this.#context.mediaRoutes.splice(index, 1);
  }

  request(request: AnyRequest, response: AnyResponse): boolean {
    const target = parseTarget(request.url ?? '/');
    if (!isFlvPath(target.path) || this.#isReserved(target.path)) return false;
    const refusal = this.#refusalOf(request);
    if (refusal !== null) {
      refuse(request, response, refusal);
      return true;
    }
    const attempt = this.#attempts((answer) => refuse(request, response, answer));
    attempt(() => this.#serve(request, response, target, attempt));
    return true;
  }

  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const target = parseTarget(message.url ?? '/');
    if (this.#isReserved(target.path)) return false;
    const attempt = this.#attempts((answer) => endSocket(socket, encodeAnswer(answer)));
    attempt(() => {
      this.#checkOrigin(message);
      const request = {
        origin: originOf(message, 'ws', this.#context.trustedProxies),
        target: streamTargetOf(message, target),
      };
      this.#welcome(request, { message, socket, head }, attempt);
    });
    return true;
  }

  /** Does something for a request, at once or later: what it throws is that request's answer. */
  #attempts(refuse: (answer: Answer) => void): Attempt {
    return (work) => {
      try {
        work();
      } catch (error) {
        refuse(this.#answerOf(error));
      }
    };
  }

  #isReserved(path: string): boolean {
    if (RESERVED.some((prefix) => isBelow(path, prefix))) return true;
    return this.#context.routes.some((route) => route.isExact !== true && isBelow(path, route.path));
  }

  #refusalOf(request: AnyRequest): Answer | null {
    const { headers, method = '' } = request;
    const fail = (status: number, message: string, more = {}) =>
      errorAnswer(status, new ProtocolError('NMS_PROTOCOL_HTTP', message), more);
    if (this.#context.isStopping) return errorAnswer(503, new ClosedError('the server is stopping'));
    if (!METHODS.split(', ').includes(method)) return fail(405, `the method ${method}`, { Allow: METHODS });
    if (method !== 'POST' && method !== 'PUT') return null;
    if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
      return fail(415, `a body encoded with ${headers['content-encoding']}; none is allowed`);
    }
    const hasLength = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    if (hasLength || request instanceof Http2ServerRequest) return null;
    return fail(411, 'a body with neither a length nor chunks');
  }

  #serve(request: AnyRequest, response: AnyResponse, target: RequestTarget, attempt: Attempt): void {
    const { method } = request;
    const described: FlvRequest = {
      origin: originOf(request, 'http', this.#context.trustedProxies),
      target: streamTargetOf(request, target),
    };
    this.#checkOrigin(request);
    const context = this.#context;
    if (method === 'OPTIONS') this.#allow(response);
    else if (method === 'HEAD') void new HttpProbe(context, response, described).answer();
    else if (method !== 'GET') void new HttpPublisher(context, { message: request, response }, described).publish();
    else if (request instanceof Http2ServerRequest) {
      this.#inTurn(request.stream, attempt, () => {
        void new Http2Player(context, request.stream, described, this.#formatFor(described, 'plain')).play();
      });
    } else {
      const framing = isChunkedFor(request) ? 'chunked' : 'plain';
      this.#inTurn(request.socket, attempt, () => {
        void new HttpPlayer(context, request, described, this.#formatFor(described, framing)).play();
      });
    }
  }

  /** One newcomer is through before the next begins: of a crowd, half are served in half the time. */
  #inTurn(peer: Duplex, attempt: Attempt, begin: () => void): void {
    const turn = this.#context.turns.take();
    if (turn === null) {
      begin();
      return;
    }
    // One that fails while it waits closes, too.
    const ignore = () => {};
    peer.on('error', ignore);
    void turn.then(() => {
      peer.off('error', ignore);
      if (!peer.destroyed) attempt(begin);
    });
  }

  #welcome(
    request: FlvRequest,
    upgrade: { message: IncomingMessage; socket: Duplex; head: Buffer },
    attempt: Attempt,
  ): void {
    if (wantsToPublish(upgrade.message)) {
      void new WebSocketPublisher(this.#context, this.#forPublishers, upgrade, request).publish();
      return;
    }
    this.#inTurn(upgrade.socket, attempt, () => {
      const format = this.#formatFor(request, 'websocket');
      void new WebSocketPlayer(this.#context, this.#forPlayers, upgrade, { ...request, format }).play();
    });
  }

  #formatFor({ origin, target }: FlvRequest, framing: 'plain' | 'chunked' | 'websocket') {
    const body = readBodyOptions(target.query, traitsOf(origin.userAgent ?? ''));
    return createFlvFormat({ framing, slabs: this.#slabs, ...body });
  }

  #allow(response: AnyResponse): void {
    const headers = {
      Allow: METHODS,
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Methods': METHODS,
      'Access-Control-Allow-Headers': 'Authorization, Content-Type, Range',
      'Access-Control-Max-Age': 86_400,
    };
    respond(response, { status: 204, headers, body: '' });
  }

  #checkOrigin(request: AnyRequest): void {
    const { origin } = request.headers;
    if (this.#origins.size === 0 || origin === undefined || this.#origins.has(origin)) return;
    throw new DeniedError(`pages of ${origin} may not use this server (flv.origins)`);
  }

  #answerOf(thrown: unknown): Answer {
    const error = asError(thrown);
    if (error instanceof DeniedError) return errorAnswer(403, error);
    if (error instanceof NmsError) return errorAnswer(400, error);
    this.#context.logger.error({ err: error }, 'an FLV request failed');
    return errorAnswer(500, error);
  }
}
