import type { ConfigInput } from './config-schema.ts';

/** An object of keys and values, as JSON has it; no list, and nothing of a class. */
export function isPlainObject(value: unknown): value is ConfigInput {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What stands at `path`; `undefined`: nothing. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const name of path) {
    if (!isPlainObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** The same with `value` at `path`, making the objects above it. */
export function withValue(root: ConfigInput, path: readonly string[], value: unknown): ConfigInput {
  const [name, ...rest] = path;
  if (name === undefined) return root;
  const below = Object.hasOwn(root, name) ? root[name] : undefined;
  const inner = rest.length === 0 ? value : withValue(isPlainObject(below) ? below : {}, rest, value);
  if (!Object.hasOwn(root, name)) return Object.fromEntries([...Object.entries(root), [name, inner]]);
  return Object.fromEntries(Object.entries(root).map(([key, known]) => [key, key === name ? inner : known]));
}

/** The same without what stands at `path`. */
export function withoutValue(root: ConfigInput, path: readonly string[]): ConfigInput {
  const [name, ...rest] = path;
  if (name === undefined || !Object.hasOwn(root, name)) return root;
  if (rest.length === 0) return Object.fromEntries(Object.entries(root).filter(([key]) => key !== name));
  const below = root[name];
  if (!isPlainObject(below)) return root;
  const inner = withoutValue(below, rest);
  return Object.fromEntries(Object.entries(root).map(([key, value]) => [key, key === name ? inner : value]));
}
