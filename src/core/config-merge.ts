import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../errors.ts';
import { dotted, isSecret } from './config-issues.ts';
import { nodeAt, type SchemaNode } from './config-keys.ts';
import { publicValue, withSecrets } from './config-public.ts';
import { type ConfigInput, doorNames, withDefaultDoors } from './config-schema.ts';
import { isPlainObject, valueAt, withoutValue, withValue } from './config-tree.ts';

/** What a change is put over. */
export interface MergeBase {
  /** The operator's own values. */
  readonly own: ConfigInput;
  /** The whole resolved configuration that they are a part of. */
  readonly resolved: ConfigInput;
  readonly schema: SchemaNode;
  /** The variable or flag that sets a key, so that a change would be without effect; `null`: none. */
  holderOf(key: string): string | null;
}

interface Leaf {
  readonly path: readonly string[];
  readonly value: unknown;
}

function* leavesOf(change: ConfigInput, above: readonly string[], schema: SchemaNode): Generator<Leaf> {
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) continue;
    const path = [...above, name];
    const isInner = isPlainObject(value) && nodeAt(schema, path)?.properties !== undefined;
    if (isInner && Object.keys(value).length > 0) yield* leavesOf(value, path, schema);
    else yield { path, value };
  }
}

function isDoor(section: string | undefined): boolean {
  return doorNames.some((name) => name === section);
}

/** Puts one entry after the other over a table such as `auth.streamKeys`; `null` takes one away. */
function mergeTable(known: unknown, given: ConfigInput): ConfigInput {
  const entries = new Map(Object.entries(isPlainObject(known) ? known : {}));
  for (const [name, value] of Object.entries(given)) {
    if (value === null) entries.delete(name);
    else entries.set(name, isPlainObject(value) ? mergeTable(entries.get(name), value) : value);
  }
  return Object.fromEntries(entries);
}

function refuseHeld(path: readonly string[], { holderOf }: MergeBase): void {
  const key = dotted(path);
  const holder = holderOf(key);
  if (holder === null) return;
  throw new ConfigError(key, `${key} is set by ${holder}, which wins over the file; a change there is allowed`);
}

/** Is it what is in force anyway? Nothing becomes the operator's own by being sent back as it was shown. */
function isInForce({ path, value }: Leaf, { resolved, schema }: MergeBase): boolean {
  const known = valueAt(resolved, path);
  if (value === null) return isSecret(path);
  const isEmptySection = isPlainObject(value) && nodeAt(schema, path)?.properties !== undefined;
  return known !== undefined && (isEmptySection || isDeepStrictEqual(publicValue(known, path), value));
}

/** The operator's own values when a configuration that names no door, and so opens all, is to open others. */
function withDoorsNamed(own: ConfigInput, path: readonly string[]): ConfigInput {
  return isDoor(path[0]) ? withDefaultDoors(own) : own;
}

function merged(own: ConfigInput, { path, value }: Leaf, { resolved, schema }: MergeBase): ConfigInput {
  if (value === null) return withoutValue(own, path);
  const known = valueAt(own, path) ?? valueAt(resolved, path);
  const isTable = isPlainObject(value) && nodeAt(schema, path)?.properties === undefined;
  return withValue(own, path, isTable ? mergeTable(valueAt(own, path), value) : withSecrets(value, known, path));
}

/**
 * The operator's own values with `change` over them: lists as a whole, tables entry by entry, `null` takes a key away. What
 * is in force anyway stays as it is, and so does a secret that is `null` or left out.
 * @throws ConfigError when a variable or a flag sets the key, or no door would be named.
 */
export function mergeChange(change: ConfigInput, base: MergeBase): ConfigInput {
  let own = base.own;
  for (const leaf of leavesOf(change, [], base.schema)) {
    if (leaf.path[0] === '$schema' || isInForce(leaf, base)) continue;
    refuseHeld(leaf.path, base);
    own = merged(withDoorsNamed(own, leaf.path), leaf, base);
  }
  const isNoneLeft = doorNames.every((name) => own[name] === undefined);
  if (isNoneLeft && doorNames.some((name) => change[name] === null)) {
    throw new ConfigError('', `no door is left; one or more of ${doorNames.join(', ')} is allowed`);
  }
  return own;
}
