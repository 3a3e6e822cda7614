import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';

/**
 * A road for media over HTTP, matched before anything else, HTTP/1 and HTTP/2 alike. Each method returns false to let the
 * request pass to the next one.
 */
export interface MediaRoute {
  request(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): boolean;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
}

/** A handler mounted at `path` in the HTTP application: API, console, files. Only ever given HTTP/1 requests. */
export interface Route {
  readonly path: string;
  /** Only `path` itself is answered: what is below it may be a stream. */
  readonly isExact?: true;
  readonly handler: (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
}
