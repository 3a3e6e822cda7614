import { ConfigError } from '../errors.ts';

/** The protocols of stream addresses, with the ports that an address need not name. */
const DEFAULT_PORTS = { rtmp: 1935, rtmps: 443, http: 80, https: 443, ws: 80, wss: 443 } as const;

/** The protocol of an address, without its colon. */
export type Scheme = keyof typeof DEFAULT_PORTS;

/** The address of a stream, taken apart. */
export interface Target {
  readonly scheme: Scheme;
  /** The address as it was given; may hold a signature, so it is not to be shown. */
  readonly url: string;
  /** The address without credentials and query, for people. */
  readonly shown: string;
  /** Without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  /** `host:port`, for people. */
  readonly address: string;
  readonly isSecure: boolean;
  /** Begins with a slash; percent-encoded as it was given. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
}

function isScheme(text: string): text is Scheme {
  return Object.hasOwn(DEFAULT_PORTS, text);
}

/**
 * Reads an address such as `rtmp://host/live/name` or `https://host/live/name.flv?sign=…`.
 * @throws ConfigError when it is none, or of a protocol that is not spoken here.
 */
export function parseTarget(url: string): Target {
  const known = Object.keys(DEFAULT_PORTS)
    .map((scheme) => `${scheme}://`)
    .join(', ');
  if (!URL.canParse(url))
    throw new ConfigError('url', `"${url}" is no address; one that begins with ${known} is allowed`);
  const parsed = new URL(url);
  const scheme = parsed.protocol.slice(0, -1);
  if (!isScheme(scheme)) throw new ConfigError('url', `"${scheme}:" is no protocol of streams; ${known} are allowed`);
  if (parsed.hostname === '') throw new ConfigError('url', `"${url}" names no host`);
  const port = parsed.port === '' ? DEFAULT_PORTS[scheme] : Number(parsed.port);
  return {
    scheme,
    url,
    shown: `${scheme}://${parsed.host}${parsed.pathname}`,
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port,
    address: `${parsed.hostname}:${port}`,
    isSecure: scheme === 'rtmps' || scheme === 'https' || scheme === 'wss',
    path: parsed.pathname,
    query: parsed.search,
  };
}

/** An RTMP address as `connect` and `publish` or `play` name it: the last part of the path, with the query, is the name. */
export interface RtmpTarget {
  readonly app: string;
  readonly name: string;
  readonly tcUrl: string;
}

/** @throws ConfigError when the path has no app or no name. */
export function rtmpTargetOf(target: Target): RtmpTarget {
  const cut = target.path.lastIndexOf('/');
  const app = target.path.slice(1, Math.max(1, cut));
  const name = target.path.slice(cut + 1);
  if (app === '' || name === '') {
    throw new ConfigError('url', `"${target.shown}" names no stream; ${target.scheme}://host/app/name is allowed`);
  }
  return { app, name: name + target.query, tcUrl: `${target.scheme}://${target.address}/${app}` };
}
