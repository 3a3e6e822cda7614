import { createHash } from 'node:crypto';
import { isPattern } from './path-pattern.ts';
import type { SessionTarget } from './session.ts';
import { parseStreamAddress, parseStreamPath } from './stream-path.ts';

/** What a stream is called in logs and answers whose name may be a key. Nobody publishes or plays under it. */
export const HIDDEN_NAME = '~hidden';

const HASH = /^sha256:[0-9a-f]{64}$/;

/** The hash of each stream key, and the path or pattern that it is good for. */
export type StreamKeyHashes = Readonly<Record<string, string>>;

interface KeyRules {
  /** Does a publisher need a credential? */
  readonly publish: boolean;
  readonly streamKeys: StreamKeyHashes;
}

/** `sha256:<hex>`: what is kept, sent and compared in place of a key. */
export function hashStreamKey(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** The same keys as hashes; one that is a hash already stays. */
export function hashStreamKeys(keys: Readonly<Record<string, string>>): StreamKeyHashes {
  return Object.fromEntries(
    Object.entries(keys).map(([key, place]) => [HASH.test(key) ? key : hashStreamKey(key), place]),
  );
}

/** The path or pattern that a key is good for; `null` for an unknown one. */
export function placeOfKey(keys: StreamKeyHashes, hash: string): string | null {
  return Object.hasOwn(keys, hash) ? (keys[hash] ?? null) : null;
}

export function hasStreamKeys(keys: StreamKeyHashes): boolean {
  return Object.keys(keys).length > 0;
}

function hidden(target: SessionTarget): SessionTarget {
  return { ...target, address: parseStreamAddress(target.address.app, HIDDEN_NAME) };
}

function withKey({ query }: SessionTarget, hash: string | null): Readonly<Record<string, string>> {
  const entries = Object.entries(query).filter(([name]) => name !== 'key');
  if (hash !== null) entries.push(['key', hash]);
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(entries));
}

/** Are there keys that are used as names in this app? Then a name that is none may be one that was mistyped. */
function isAppOfKeys(keys: StreamKeyHashes, app: string): boolean {
  return Object.values(keys).some((place) => !isPattern(place) && parseStreamPath(place).app === app);
}

/**
 * Where a publisher goes who asked for `target`: a name that is a key becomes the path of the key, and one that may be a
 * key is hidden. What was given as a key, as the name or as `key`, is its hash in `query.key` from here on.
 */
export function publishTarget(rules: KeyRules, target: SessionTarget, user: string): SessionTarget {
  const { streamKeys } = rules;
  if (!hasStreamKeys(streamKeys)) return target;
  const { address, query } = target;
  const name = hashStreamKey(address.name);
  const place = placeOfKey(streamKeys, name);
  if (place !== null) {
    const isAtHome = !isPattern(place) && parseStreamPath(place).app === address.app;
    const mapped = isAtHome ? { ...target, address: parseStreamPath(place) } : hidden(target);
    return { ...mapped, query: withKey(target, name) };
  }
  const key = query['key'];
  if (key !== undefined) return { ...target, query: withKey(target, hashStreamKey(key)) };
  const hasOther = user !== '' || query['sign'] !== undefined || query['token'] !== undefined;
  if (!rules.publish || hasOther || !isAppOfKeys(streamKeys, address.app)) return target;
  return { ...hidden(target), query: withKey(target, name) };
}

/** What a player asks for who asked for `target`: keys do not help to play, and one that is taken for a name is hidden. */
export function playTarget({ streamKeys }: KeyRules, target: SessionTarget): SessionTarget {
  if (!hasStreamKeys(streamKeys)) return target;
  const isKey = placeOfKey(streamKeys, hashStreamKey(target.address.name)) !== null;
  return { ...(isKey ? hidden(target) : target), query: withKey(target, null) };
}
