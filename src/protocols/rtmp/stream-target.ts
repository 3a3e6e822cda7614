import { ProtocolError } from '../../errors.ts';

/** Parameters in one query. */
export const MAX_QUERY_PARAMETERS = 128;
/** Characters of a host in an address. */
const MAX_HOST_LENGTH = 255;

/** Parameters of several queries: of a name that occurs more than once the first value counts. */
export interface Query {
  /** Without a prototype; never to be logged. */
  readonly values: Readonly<Record<string, string>>;
  /** Names that occurred again with another value. */
  readonly duplicates: readonly string[];
}

/** What `connect` said of where it wants to go. */
export interface ConnectTarget {
  /** Decoded, without a query and without slashes at its ends; may be empty, and have several parts. */
  readonly app: string;
  readonly tcUrl: string;
  /** The host that the peer calls us, without port and user; empty when it did not say. */
  readonly host: string;
  /** The queries of the app and of tcUrl, in this order. */
  readonly queries: readonly string[];
}

/** What `publish` or `play` asks for. `app` and `name` are decoded and not yet checked. */
export interface StreamTarget {
  readonly app: string;
  readonly name: string;
  /** Of the name, the app and tcUrl; the first that has a parameter wins. */
  readonly query: Readonly<Record<string, string>>;
  readonly duplicates: readonly string[];
}

/** Decoded once; what is not percent-encoding stays as it is. */
function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Text before and after the first `separator`. */
function cut(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}

function trimSlashes(path: string): string {
  let start = 0;
  let end = path.length;
  while (start < end && path[start] === '/') start++;
  while (start < end && path[end - 1] === '/') end--;
  return path.slice(start, end);
}

/**
 * Reads `a=1&b=2`, one text after the other: split at `&`, then at the first `=`, then decoded.
 * @throws ProtocolError when one has more than `MAX_QUERY_PARAMETERS` parameters.
 */
export function parseQueries(queries: readonly string[]): Query {
  const values = Object.create(null) as Record<string, string>;
  const duplicates = new Set<string>();
  for (const query of queries) {
    const pairs = query.split('&', MAX_QUERY_PARAMETERS + 1);
    if (pairs.length > MAX_QUERY_PARAMETERS) {
      throw new ProtocolError(
        'NMS_PROTOCOL_MESSAGE',
        `query with more parameters than MAX_QUERY_PARAMETERS ${MAX_QUERY_PARAMETERS}`,
        { section: 'stream addresses' },
      );
    }
    for (const pair of pairs) {
      if (pair === '') continue;
      const [key, value] = cut(pair, '=').map(decode) as [string, string];
      if (!(key in values)) values[key] = value;
      else if (values[key] !== value) duplicates.add(key);
    }
  }
  return { values, duplicates: [...duplicates] };
}

/** `rtmp://user:password@host:1935/app?query`; some encoders put it in quotes. */
function parseTcUrl(tcUrl: string): { readonly host: string; readonly path: string; readonly query: string } {
  const [, rest] = cut(tcUrl, '://');
  const [beforeQuery, query] = cut(rest, '?');
  const [authority, path] = cut(beforeQuery, '/');
  const hostAndPort = authority.slice(authority.lastIndexOf('@') + 1);
  const host = /^(\[[\da-f:.]+\]|[^:[\]]*)(?::\d*)?$/i.exec(hostAndPort)?.[1] ?? '';
  return { host: host.length > MAX_HOST_LENGTH ? '' : host, path, query };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/**
 * Reads `app` and `tcUrl` (or `tcurl`) of a connect command. The app is taken from tcUrl when it is missing or empty.
 */
export function parseConnectTarget(command: Readonly<Record<string, unknown>>): ConnectTarget {
  const tcUrl = text(command['tcUrl'] ?? command['tcurl']).replace(/^[\s"']+|[\s"']+$/g, '');
  const url = parseTcUrl(tcUrl);
  const [path, query] = cut(text(command['app']), '?');
  const app = trimSlashes(decode(path)) || trimSlashes(decode(url.path));
  return { app, tcUrl, host: url.host, queries: [query, url.query] };
}

/**
 * Puts the name of a publish or play command and the connection's app together.
 *
 * | app | name | becomes |
 * | --- | --- | --- |
 * | `live` | `mp4:key?token=x` | `live`, `key` |
 * | `a` | `b/key` | `a/b`, `key` |
 * | `live/key` | (empty) | `live`, `key`: the stream key in the field of the server's address |
 *
 * @throws ProtocolError when a query has more than `MAX_QUERY_PARAMETERS` parameters.
 */
export function parseStreamTarget(connect: ConnectTarget, streamName: string): StreamTarget {
  const [rawPath, rawQuery] = cut(streamName, '?');
  const path = trimSlashes(decode(rawPath).replace(/^(?:mp4|flv|f4v|mp3):/, ''));
  const { values, duplicates } = parseQueries([rawQuery, ...connect.queries]);
  const whole = path === '' ? connect.app : trimSlashes(`${connect.app}/${path}`);
  const slash = whole.lastIndexOf('/');
  if (slash < 0) {
    const app = path === '' ? whole : '';
    return { app, name: path, query: values, duplicates };
  }
  return { app: whole.slice(0, slash), name: whole.slice(slash + 1), query: values, duplicates };
}
