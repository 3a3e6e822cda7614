import type { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { type ConfigKey, describeAllowed, nodeAt, type SchemaNode } from './config-keys.ts';
import { nearest } from './config-suggest.ts';

type Path = readonly PropertyKey[];

const SECRET_NAMES = new Set(['password', 'secret', 'token', 'passphrase', 'streamKeys', 'headers']);
/** Characters of a wrong value or key that a message shows. */
const MAX_SHOWN = 80;

/** `auth.jwt.users[0].password` */
export function dotted(path: Path): string {
  let text = '';
  for (const part of path)
    text += typeof part === 'number' ? `[${part}]` : text === '' ? String(part) : `.${String(part)}`;
  return text;
}

/** Whether the value at `path` must never be shown. */
export function isSecret(path: Path): boolean {
  return SECRET_NAMES.has(String(path.at(-1)));
}

/** The value found, on one line, cut short; secrets, pasted keys and passwords in addresses are left out. */
export function showValue(value: unknown, path: Path): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  const isPlain = typeof value === 'number' || typeof value === 'boolean';
  if (isPlain && !isSecret(path)) return `${value}`;
  if (typeof value !== 'string') return `a ${typeof value}`;
  if (isSecret(path)) return 'a text that is not shown';
  if (value.includes('-----BEGIN')) return 'key material that is not shown';
  const safe = value.replace(/\/\/[^/@]*@/, '//…@');
  return JSON.stringify(safe.length > MAX_SHOWN ? `${safe.slice(0, MAX_SHOWN)}…` : safe);
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** The value found at a key. A text in the place of a section or list may be a secret put one level too high: only its type is said. */
export function showFound(value: unknown, path: Path, node: SchemaNode | null): string {
  if ((node?.properties ?? node?.items) !== undefined && typeof value === 'string') return 'a text';
  return showValue(value, path);
}

/** The error for a key that does not exist, with the one that was probably meant. */
export function unknownKeyError(path: Path, root: SchemaNode, keys: readonly ConfigKey[]): ConfigError {
  const parent = path.slice(0, -1);
  const name = String(path.at(-1));
  const siblings = Object.keys(nodeAt(root, parent)?.properties ?? {}).filter((key) => key !== '$schema');
  const near = nearest(name, siblings);
  const elsewhere = keys.find((key) => key.path.at(-1) === name);
  const shown = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
  const place = JSON.stringify(dotted([...parent, shown])).slice(1, -1);
  let hint = `known here: ${siblings.join(', ')}`;
  if (near !== null) hint = `did you mean "${dotted([...parent, near])}"?`;
  else if (elsewhere !== undefined) hint = `did you mean "${dotted(elsewhere.path)}"?`;
  return new ConfigError(dotted(path), `${place} is not a known key; ${hint}`);
}

function allowedBy(issue: z.core.$ZodIssue, node: SchemaNode | null): string {
  const ownWords = issue.code === 'custom' || (issue.code === 'invalid_format' && !issue.message.startsWith('Invalid'));
  const words = ownWords || node === null ? issue.message : describeAllowed(node);
  return `${words} is allowed`;
}

/**
 * One line for the operator out of what zod found in `input`: which key, what it holds, what it may hold. Unknown keys come
 * first, since a misspelt key is often the reason of the others.
 */
export function configIssue(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  root: SchemaNode,
  keys: readonly ConfigKey[],
): ConfigError {
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys');
  if (unknown?.code === 'unrecognized_keys')
    return unknownKeyError([...unknown.path, unknown.keys[0] ?? ''], root, keys);
  const issue = issues[0];
  if (issue === undefined) return new ConfigError('', 'the configuration is not valid');
  const node = nodeAt(root, issue.path);
  const found = showFound(valueAt(input, issue.path), issue.path, node);
  return new ConfigError(dotted(issue.path), `${dotted(issue.path)} is ${found}; ${allowedBy(issue, node)}`);
}
