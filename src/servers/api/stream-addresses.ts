import type { CoreConfig } from '../../core/config.ts';
import type { Listener } from '../../core/listener.ts';
import { type SignedAction, signStream } from '../../core/sign.ts';
import type { StreamAddress } from '../../core/stream-path.ts';

/** A name, an IPv4 address or one of IPv6 in brackets, with or without a port; names of containers have underlines. */
const HOST = /^(\[[\da-f:.]{2,45}\]|[a-z\d._-]{1,253})(?::\d{1,5})?$/i;

/** The host of a `Host` header, without its port; `null` when it is none that could stand in an address. */
export function hostOf(header: string | undefined): string | null {
  if (header === undefined || header === '') return 'localhost';
  return HOST.exec(header)?.[1] ?? null;
}

/** One address of a stream. */
export interface WrittenAddress {
  readonly protocol: 'rtmp' | 'rtmps' | 'http-flv' | 'ws-flv' | 'https-flv' | 'wss-flv';
  readonly url: string;
}

type Form = readonly [protocol: WrittenAddress['protocol'], scheme: string, usualPort: number, suffix: string];

/** In the order in which they are shown. The usual port of RTMPS is 443, which clients do not agree on: it is always said. */
const FORMS: readonly (readonly [door: Listener['name'], forms: readonly Form[]])[] = [
  ['rtmp', [['rtmp', 'rtmp', 1935, '']]],
  ['rtmps', [['rtmps', 'rtmps', 0, '']]],
  [
    'http',
    [
      ['http-flv', 'http', 80, '.flv'],
      ['ws-flv', 'ws', 80, '.flv'],
    ],
  ],
  [
    'https',
    [
      ['https-flv', 'https', 443, '.flv'],
      ['wss-flv', 'wss', 443, '.flv'],
    ],
  ],
];

/** Does an address need a signature, and can we make one? */
export function isSigned({ auth }: Pick<CoreConfig, 'auth'>, action: SignedAction): boolean {
  return auth[action] && auth.secret !== '';
}

/** The addresses of a stream at every open door; signed until `expiresAt` (unix seconds), or not signed when it is `null`. */
export function addressesOf(
  { path }: StreamAddress,
  options: {
    readonly listeners: readonly Listener[];
    readonly host: string;
    readonly action: SignedAction;
    readonly secret: string;
    readonly expiresAt: number | null;
  },
): WrittenAddress[] {
  const { listeners, host, action, secret, expiresAt } = options;
  const written = path.split('/').map(encodeURIComponent).join('/');
  const query = expiresAt === null ? '' : `?sign=${signStream(action, path, expiresAt, secret)}`;
  return FORMS.flatMap(([door, forms]) => {
    const listener = listeners.find(({ name }) => name === door);
    if (listener === undefined) return [];
    return forms.map(([protocol, scheme, usualPort, suffix]) => {
      const port = listener.port === usualPort ? '' : `:${listener.port}`;
      return { protocol, url: `${scheme}://${host}${port}${written}${suffix}${query}` };
    });
  });
}
