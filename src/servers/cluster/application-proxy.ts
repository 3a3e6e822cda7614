import http from 'node:http';
import type {
  IncomingHttpHeaders,
  IncomingMessage,
  OutgoingHttpHeaders,
  RequestListener,
  ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';
import type { Logger } from '../../core/logger.ts';
import { peerAddress } from '../../core/peer-address.ts';
import { encodePeer, PEER_HEADER } from './peer-header.ts';

/** RFC 9110, 7.6.1: fields of one connection, not of what is passed on. */
const HOP_FIELDS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  PEER_HEADER,
]);

function passedOn(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_FIELDS.has(name)));
}

function inwards(request: IncomingMessage, token: string): OutgoingHttpHeaders {
  const { headers, socket } = request;
  const isSecure = 'encrypted' in socket && socket.encrypted === true;
  const peer = { address: peerAddress(socket), port: socket.remotePort ?? 0, isSecure };
  return {
    ...passedOn(headers),
    ...(headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' }),
    [PEER_HEADER]: encodePeer(peer, token),
    // Otherwise the primary would close over a body that it does not want, and its answer could be lost.
    connection: 'keep-alive',
  };
}

function isEndless(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.startsWith('text/event-stream') === true;
}

/** A client may end its side once it has asked; of an answer that never ends this means that he has gone. */
function endWithClient({ socket }: IncomingMessage, response: ServerResponse): void {
  const onEnd = () => void response.destroy();
  socket.once('end', onEnd);
  response.once('close', () => socket.off('end', onEnd));
}

/** Bytes of an answer that is passed on in one piece. */
const MAX_WHOLE_BYTES = 64 * 1024;

/** Head and body leave in one write: a stream for each small answer would cost more than the answer. */
function passWhole(answer: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  answer.once('end', () => response.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
  answer.once('error', () => response.destroy());
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
}

/** Connections to the primary that are kept for the next requests. */
const MAX_FREE_SOCKETS = 32;

export interface ProxyOptions {
  /** The local socket of the primary's application. */
  readonly path: string;
  readonly token: string;
  readonly logger: Logger;
}

/** The worker's end: passes every request on to the primary's application, and its answer back. */
export function applicationProxy({ path, token, logger }: ProxyOptions): RequestListener {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: MAX_FREE_SOCKETS });
  return (request: IncomingMessage, response: ServerResponse) => {
    const { method, url } = request;
    const inner = http.request({
      socketPath: path,
      method,
      path: url,
      headers: inwards(request, token),
      agent,
      setHost: false,
    });
    inner.once('response', (answer) => {
      if (isEndless(answer.headers)) endWithClient(request, response);
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, passedOn(answer.headers));
      if (Number(answer.headers['content-length']) <= MAX_WHOLE_BYTES) passWhole(answer, response);
      else {
        pipeline(answer, response, (error) => {
          if (error) response.destroy();
        });
      }
    });
    inner.on('error', (error) => {
      if (response.destroyed) return;
      // What follows the path may be a token.
      logger.debug({ err: error, path: url?.split('?', 1)[0] }, 'an HTTP request could not be passed on');
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    response.once('close', () => {
      inner.destroy();
      // What is left of a body that nobody wanted is in the way of the next request.
      request.unpipe(inner);
      request.resume();
    });
    request.once('error', () => inner.destroy());
    if (!hasBody(request)) {
      inner.end();
      return;
    }
    // Who may not ask hears so before he has sent anything.
    inner.flushHeaders();
    request.pipe(inner);
  };
}
