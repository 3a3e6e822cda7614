import { isSecret } from './config-issues.ts';
import type { ConfigKey } from './config-keys.ts';
import type { ConfigInput } from './config-schema.ts';
import { isPlainObject, valueAt, withValue } from './config-tree.ts';

/** An address without user, password and parameters: any of them may be a secret. */
function publicAddress(text: string): string {
  if (!/^[a-z][a-z+.-]*:\/\//i.test(text) || !URL.canParse(text)) return text;
  const { username, password, search, hash, protocol, host, pathname } = new URL(text);
  return username + password + search + hash === '' ? text : `${protocol}//${host}${pathname}`;
}

/** A value without the secrets in it; `undefined` when it is one. Objects of a class are nobody's business either. */
export function publicValue(value: unknown, path: readonly string[]): unknown {
  if (isSecret(path)) return undefined;
  if (typeof value === 'string') return value.includes('-----BEGIN') ? undefined : publicAddress(value);
  if (Array.isArray(value)) return value.map((item) => publicValue(item, path));
  if (isPlainObject(value)) {
    const entries = Object.entries(value).map(([name, inner]) => [name, publicValue(inner, [...path, name])] as const);
    return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
  }
  return typeof value === 'object' ? undefined : value;
}

/** Every key of a resolved configuration, without secrets. */
export function publicConfig(values: ConfigInput, keys: readonly ConfigKey[]): ConfigInput {
  let shown: ConfigInput = {};
  for (const { path } of keys) {
    const value = publicValue(valueAt(values, path), path);
    if (value !== undefined) shown = withValue(shown, path, value);
  }
  return shown;
}

/** What names an entry of a list, in the order of preference. */
const NAMES = ['username', 'name', 'url'] as const;

function entryName(entry: unknown): string | null {
  if (!isPlainObject(entry)) return null;
  for (const name of NAMES) {
    const value = entry[name];
    if (typeof value === 'string') return `${name} ${publicAddress(value)}`;
  }
  return null;
}

/**
 * `given` with the secrets of `known` where it has none: what was shown without them can be sent back. Entries of a list are
 * told apart by username, name or url; an address that is one of `known` without its secrets is that one.
 */
export function withSecrets(given: unknown, known: unknown, path: readonly string[]): unknown {
  if (given === null || given === undefined) return isSecret(path) ? known : given;
  if (typeof given === 'string') {
    const isShown = typeof known === 'string' && publicValue(known, path) === given;
    return isShown ? known : given;
  }
  if (Array.isArray(given)) {
    const entries = Array.isArray(known) ? (known as readonly unknown[]) : [];
    return given.map((entry: unknown, index) => {
      const name = entryName(entry);
      const same = name === null ? entries[index] : entries.find((candidate) => entryName(candidate) === name);
      return withSecrets(entry, same, path);
    });
  }
  if (!isPlainObject(given)) return given;
  const before = isPlainObject(known) ? known : {};
  const own = Object.entries(given).map(([name, value]) => [name, withSecrets(value, before[name], [...path, name])]);
  const hidden = Object.entries(before).filter(([name]) => isSecret([...path, name]) && !Object.hasOwn(given, name));
  return Object.fromEntries([...own, ...hidden].filter(([, value]) => value !== undefined));
}
