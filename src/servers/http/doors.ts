import http from 'node:http';
import http2 from 'node:http2';
import type { ServerHttp2Session } from 'node:http2';
import type { CoreConfig } from '../../core/config.ts';

type Limits = CoreConfig['limits'];

/** Streams at once on one HTTP/2 connection: a wall of players in one browser, and no more. */
const MAX_CONCURRENT_STREAMS = 128;
/** Megabytes that one HTTP/2 connection may hold; the core bounds what waits for each player. */
const MAX_SESSION_MEGABYTES = 256;
/** Pairs in the head of an HTTP/2 request. */
const MAX_HEADER_PAIRS = 100;
/** Bytes of a publisher's body that may be under way on HTTP/2. */
const HTTP2_WINDOW_BYTES = 1024 * 1024;
/** An idle HTTP/1.1 connection is kept this long for the next request. */
const KEEP_ALIVE_MS = 5000;

function http1Options(limits: Limits) {
  return {
    headersTimeout: limits.httpHeaderTimeoutMs,
    // A publisher's request lasts as long as its stream.
    requestTimeout: 0,
    maxHeaderSize: limits.maxHttpHeaderBytes,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(1000, Math.max(100, limits.httpHeaderTimeoutMs / 4)),
  };
}

/** HTTP/1.0 and HTTP/1.1. */
export function createPlainDoor(limits: Limits): http.Server {
  const server = http.createServer(http1Options(limits));
  // A client that ends its side once it has asked still gets its answer, also one that takes a while. Not in the types.
  return Object.assign(server, { httpAllowHalfOpen: true });
}

/** TLS with HTTP/2 for those who ask for it and HTTP/1.1 for the rest. */
export function createSecureDoor(
  certificate: { readonly key: string | Buffer; readonly cert: string | Buffer },
  currentLimits: () => Limits,
): http2.Http2SecureServer {
  const limits = currentLimits();
  const server = http2.createSecureServer({
    key: certificate.key,
    cert: certificate.cert,
    minVersion: 'TLSv1.2',
    allowHTTP1: true,
    handshakeTimeout: limits.handshakeTimeoutMs,
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    maxHeaderListPairs: MAX_HEADER_PAIRS,
    settings: {
      maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
      maxHeaderListSize: limits.maxHttpHeaderBytes,
      initialWindowSize: HTTP2_WINDOW_BYTES,
    },
  });
  // The HTTP/1 options are read from the server itself and are not in the types of an HTTP/2 server.
  Object.assign(server, http1Options(limits));
  server.on('session', (session) => closeWhenIdle(session, currentLimits().commandTimeoutMs));
  return server;
}

/** An HTTP/2 connection that carries nothing for a while is closed; one with a waiting player is not idle. */
function closeWhenIdle(session: ServerHttp2Session, idleMs: number): void {
  let streams = 0;
  session.on('stream', (stream) => {
    streams++;
    stream.once('close', () => streams--);
  });
  session.setTimeout(idleMs, () => {
    if (streams === 0) session.close();
  });
}
