import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { joinAddress } from '../../core/listener.ts';
import { peerAddress } from '../../core/peer-address.ts';
import type { SessionOrigin, SessionTarget } from '../../core/session.ts';
import { parseStreamUrlPath } from '../../core/stream-path.ts';
import { ProtocolError } from '../../errors.ts';

export type AnyRequest = IncomingMessage | Http2ServerRequest;

/** What a request names. */
export interface RequestTarget {
  /** Still percent-encoded. */
  readonly path: string;
  /** The first value of each parameter, decoded. */
  readonly query: Readonly<Record<string, string>>;
}

/** RFC 9112, 3.2: the origin form, and the absolute form that proxies send. */
export function parseTarget(url: string): RequestTarget {
  const relative = url.replace(/^https?:\/\/[^/?#]*/i, '');
  const [rest = ''] = relative.split('#', 1);
  const cut = rest.indexOf('?');
  const path = cut < 0 ? rest : rest.slice(0, cut);
  const query: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(cut < 0 ? '' : rest.slice(cut + 1))) query[name] ??= value;
  return { path: path === '' ? '/' : path, query };
}

export function isFlvPath(path: string): boolean {
  return /\.flv$/i.test(path);
}

/**
 * The stream that a request names, with or without `.flv`.
 * @throws ProtocolError when that is no stream name; an encoded slash is never part of one.
 */
export function streamTargetOf(request: AnyRequest, target: RequestTarget): SessionTarget {
  if (/%(2f|5c)/i.test(target.path)) {
    throw new ProtocolError('NMS_PROTOCOL_HTTP', 'an encoded slash in the path', { section: 'stream names' });
  }
  const address = parseStreamUrlPath(target.path.replace(/\.flv$/i, ''));
  const host = 'authority' in request ? request.authority : request.headers.host;
  return { address, host: host ?? '', query: target.query };
}

/** Who sent the request, over which transport. */
export function originOf(request: AnyRequest, kind: 'http' | 'ws'): SessionOrigin {
  const { socket } = request;
  const isSecure = 'encrypted' in socket && socket.encrypted === true;
  const address = peerAddress(socket);
  return {
    protocol: isSecure ? `${kind}s-flv` : `${kind}-flv`,
    address,
    ip: joinAddress(address, socket.remotePort ?? 0),
    userAgent: request.headers['user-agent'] ?? '',
  };
}
