import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { joinAddress } from '../../core/listener.ts';
import { CREDENTIAL_PARAMETERS } from '../../core/credential-parameters.ts';
import type { SessionOrigin, SessionTarget } from '../../core/session.ts';
import { parseStreamUrlPath } from '../../core/stream-path.ts';
import type { TrustedProxies } from '../../core/trusted-proxies.ts';
import { ProtocolError } from '../../errors.ts';

export type AnyRequest = IncomingMessage | Http2ServerRequest;

/** What a request names. */
export interface RequestTarget {
  /** Still percent-encoded. */
  readonly path: string;
  /** The first value of each parameter, decoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Parameters that occurred with several values. */
  readonly duplicates: readonly string[];
}

/** RFC 9112, 3.2: the origin form, and the absolute form that proxies send. */
export function parseTarget(url: string): RequestTarget {
  const relative = url.replace(/^https?:\/\/[^/?#]*/i, '');
  const [rest = ''] = relative.split('#', 1);
  const cut = rest.indexOf('?');
  const path = cut < 0 ? rest : rest.slice(0, cut);
  const query: Record<string, string> = Object.create(null);
  const duplicates = new Set<string>();
  for (const [name, value] of new URLSearchParams(cut < 0 ? '' : rest.slice(cut + 1))) {
    query[name] ??= value;
    if (query[name] !== value) duplicates.add(name);
  }
  return { path: path === '' ? '/' : path, query, duplicates: [...duplicates] };
}

export function isFlvPath(path: string): boolean {
  return /\.flv$/i.test(path);
}

/** RFC 6750, 2.1: the token of an `Authorization` header. */
function bearerOf(request: AnyRequest): string | null {
  return /^Bearer +([^\s,]+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/** A target, and the token that came beside the address. */
export interface CredentialTarget extends SessionTarget {
  readonly bearer: string | null;
}

/**
 * The stream that a request names, with or without `.flv`.
 * @throws ProtocolError when that is no stream name, an encoded slash is never part of one; or a credential was given twice.
 */
export function streamTargetOf(request: AnyRequest, target: RequestTarget): CredentialTarget {
  const bearer = bearerOf(request);
  const isTwice = bearer !== null && (target.query['token'] ?? bearer) !== bearer;
  const twice = isTwice ? 'token' : target.duplicates.find((name) => CREDENTIAL_PARAMETERS.includes(name));
  if (twice !== undefined) {
    throw new ProtocolError('NMS_PROTOCOL_HTTP', `the parameter "${twice}" has two values`, { section: 'addresses' });
  }
  if (/%(2f|5c)/i.test(target.path)) {
    throw new ProtocolError('NMS_PROTOCOL_HTTP', 'an encoded slash in the path', { section: 'stream names' });
  }
  const address = parseStreamUrlPath(target.path.replace(/\.flv$/i, ''));
  const host = 'authority' in request ? request.authority : request.headers.host;
  return { address, host: host ?? '', query: target.query, bearer };
}

/** Who sent the request, over which transport; behind a proxy of ours its client. */
export function originOf(request: AnyRequest, kind: 'http' | 'ws', proxies: TrustedProxies): SessionOrigin {
  const isSecure = 'encrypted' in request.socket && request.socket.encrypted === true;
  const { address, port } = proxies.clientOf(request);
  return {
    protocol: isSecure ? `${kind}s-flv` : `${kind}-flv`,
    address,
    ip: joinAddress(address, port),
    userAgent: request.headers['user-agent'] ?? '',
  };
}
