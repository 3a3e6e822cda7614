import { isDeepStrictEqual } from 'node:util';
import { type Document, isCollection, isMap, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import type { ConfigInput } from '../core/config-schema.ts';
import { isPlainObject } from '../core/config-tree.ts';

/** A value at a place in a document (a number is a place in a list); `undefined`: nothing any more. */
export interface Edit {
  readonly path: readonly (string | number)[];
  readonly value: unknown;
}

/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A file's text, and the document that it says. */
export interface ConfigText {
  readonly text: string;
  readonly document: ConfigInput;
  /** The text of another document: what did not change stays as it is written. Throws when that cannot be. */
  write(document: ConfigInput): ConfigText;
}

/** The smallest edits that make one document the other; a list of another length is one. */
export function editsBetween(before: unknown, after: unknown, path: Edit['path'] = []): Edit[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (isPlainObject(before) && isPlainObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => editsBetween(before[name], after[name], [...path, name]));
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((item: unknown, index) => editsBetween(item, after[index], [...path, index]));
  }
  return [{ path, value: after }];
}

function partsOf(key: string): (string | number)[] {
  return key
    .split(/\.|(?=\[)/)
    .filter((part) => part !== '')
    .map((part) => (/^\[\d+\]$/.test(part) ? Number(part.slice(1, -1)) : part));
}

/** Where the value, or the key of it in an object, begins. */
function offsetOf(document: Document, path: Edit['path']): number | null {
  const name = path.at(-1);
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent) && typeof name === 'string') {
    const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === name);
    return pair !== undefined && isScalar(pair.key) ? (pair.key.range?.[0] ?? null) : null;
  }
  const item = isCollection(parent) ? parent.get(name, true) : undefined;
  return item === undefined || isPair(item) || !isScalar(item) ? null : (item.range?.[0] ?? null);
}

/** Where a dotted key, or what is nearest above it, stands in a text of JSON or YAML; `null`: nowhere. */
export function placeOf(key: string, text: string): Place | null {
  const lines = new LineCounter();
  // JSON is YAML.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, logLevel: 'silent' });
  for (let path = partsOf(key); path.length > 0; path = path.slice(0, -1)) {
    const offset = offsetOf(document, path);
    if (offset === null) continue;
    const { line, col: column } = lines.linePos(offset);
    return { line, column };
  }
  return null;
}

/** Where a text of JSON names a key for the second time, of which nobody else would ever hear; `null`: nowhere. */
export function placeOfDoubleKey(text: string): Place | null {
  const lines = new LineCounter();
  const { errors } = parseDocument(text, { lineCounter: lines, logLevel: 'silent' });
  const double = errors.find(({ code }) => code === 'DUPLICATE_KEY');
  if (double === undefined) return null;
  const { line, col: column } = lines.linePos(double.pos[0]);
  return { line, column };
}
