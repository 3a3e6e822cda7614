import http from 'node:http';
import type { IncomingHttpHeaders, OutgoingHttpHeaders, RequestListener } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { duplexPair, pipeline } from 'node:stream';
import type { Duplex } from 'node:stream';
import type { Logger } from '../../core/logger.ts';

/** RFC 9113, 8.2.2: fields that belong to an HTTP/1.1 connection and must not appear in HTTP/2. */
const CONNECTION_FIELDS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
  'expect',
]);

function inwards(request: Http2ServerRequest): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (!name.startsWith(':') && !CONNECTION_FIELDS.has(name)) headers[name] = value;
  }
  headers['host'] = request.authority || request.headers.host || 'localhost';
  headers['connection'] = 'close';
  const hasBody = !request.stream.endAfterHeaders;
  if (hasBody && headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked';
  return headers;
}

function outwards(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CONNECTION_FIELDS.has(name)));
}

/** Who is at the other end, for a listener that looks at `request.socket`. */
function lendIdentity(end: Duplex, request: Http2ServerRequest): void {
  const { remoteAddress, remotePort, remoteFamily } = request.socket;
  for (const [name, value] of Object.entries({ remoteAddress, remotePort, remoteFamily, encrypted: true })) {
    Object.defineProperty(end, name, { value, enumerable: true });
  }
}

/**
 * Takes HTTP/2 requests to an application that understands only HTTP/1.1: each runs as an HTTP/1.1 exchange over a pair of
 * streams inside this process.
 */
export class Http2Bridge {
  readonly #inner: http.Server;
  readonly #logger: Logger;

  constructor(application: RequestListener, maxHeaderBytes: number, logger: Logger) {
    // The same head may be a little longer when it is written as HTTP/1.1.
    this.#inner = http.createServer({ maxHeaderSize: maxHeaderBytes * 2, requestTimeout: 0 }, application);
    this.#logger = logger;
  }

  forward(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const [near, far] = duplexPair();
    lendIdentity(far, request);
    this.#inner.emit('connection', far);
    const inner = http.request({
      createConnection: () => near,
      method: request.method,
      path: request.url,
      headers: inwards(request),
      setHost: false,
    });
    inner.once('response', (answer) => {
      if (response.stream.destroyed) {
        answer.destroy();
        return;
      }
      response.writeHead(answer.statusCode ?? 502, outwards(answer.headers));
      pipeline(answer, response, (error) => {
        if (error) response.stream.destroy();
      });
    });
    inner.on('error', (error) => this.#fail(response, error));
    const end = () => {
      inner.destroy();
      near.destroy();
      far.destroy();
    };
    response.once('close', end);
    request.once('error', end);
    // Who may not ask hears so before he has sent anything.
    if (!request.stream.endAfterHeaders) inner.flushHeaders();
    request.pipe(inner);
  }

  #fail(response: Http2ServerResponse, error: Error): void {
    if (response.stream.destroyed) return;
    this.#logger.debug({ err: error }, 'an HTTP/2 request could not be answered');
    if (response.headersSent) {
      response.stream.destroy();
    } else {
      response.writeHead(502).end();
    }
  }
}
