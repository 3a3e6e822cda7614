import {
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  stringify,
  type YAMLMap,
} from 'yaml';
import type { Edit } from './config-text.ts';

type Path = Edit['path'];

const OPTIONS = { lineWidth: 0, schema: 'core' } as const;

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where the last word of a node ends. The range of a block goes on to the next line when a comment follows. */
function lastWordOf(node: unknown, end: number): number {
  if (!isBlock(node)) return isNode(node) ? (node.range?.[1] ?? end) : end;
  const last: unknown = isCollection(node) ? node.items.at(-1) : undefined;
  return isPair(last) ? lastWordOf(last.value ?? last.key, end) : lastWordOf(last, end);
}

function spanOf(node: Node): Span | null {
  return node.range == null ? null : { start: node.range[0], end: lastWordOf(node, node.range[1]) };
}

function replaced(text: string, { start, end }: Span, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf('\n', offset - 1) + 1);
}

/** Behind the line break that ends the line of `offset`; a text that ends a line already. */
function nextLine(text: string, offset: number): number {
  if (offset > 0 && text[offset - 1] === '\n') return offset;
  const end = text.indexOf('\n', offset);
  return end < 0 ? text.length : end + 1;
}

function newlineOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** A value over as many lines as it needs, each but the first behind so many spaces. */
function block(value: unknown, column: number, newline: string): string {
  return stringify(value, OPTIONS)
    .trimEnd()
    .replaceAll('\n', newline + ' '.repeat(column));
}

/** A value on one line, in the quotes that the one before had. */
function inline(value: unknown, before: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  const style = isScalar(before) ? before.type : undefined;
  const isShort = !/[\r\n]/.test(value);
  if (style === 'QUOTE_SINGLE' && isShort) return `'${value.replaceAll("'", "''")}'`;
  if (style !== 'PLAIN' || !isShort || /[,[\]{}#&*!|>'"%@`]|: |^\s|\s$/.test(value)) return JSON.stringify(value);
  return stringify(value, OPTIONS).trimEnd();
}

function isBlock(node: unknown): boolean {
  return isCollection(node) && node.flow !== true;
}

/** Puts another value in place of one that is there. */
function replaceNode(text: string, node: Node, value: unknown): string | null {
  const span = spanOf(node);
  if (span === null) return null;
  if (isBlock(node)) return replaced(text, span, block(value, columnOf(text, span.start), newlineOf(text)));
  if (isScalar(node) && node.type !== undefined && node.type.startsWith('BLOCK')) return null;
  const written = inline(value, node);
  // `key:` with nothing behind it.
  const isBare = span.start === span.end && !/\s/.test(text[span.start - 1] ?? ' ');
  return replaced(text, span, isBare ? ` ${written}` : written);
}

/** Where the last line of what a pair says ends. */
function endOfPair(pair: YAMLMap['items'][number]): number | null {
  const { key, value } = pair as { readonly key: Node | null; readonly value: Node | null };
  return value?.range?.[1] ?? key?.range?.[1] ?? null;
}

function insertPair(text: string, map: YAMLMap, name: string, value: unknown): string | null {
  const span = spanOf(map);
  const last = map.items.at(-1);
  if (span === null) return null;
  if (map.flow === true) {
    const written = `${JSON.stringify(name)}: ${JSON.stringify(value)}`;
    if (last === undefined) return replaced(text, span, `{ ${written} }`);
    const at = endOfPair(last);
    return at === null ? null : replaced(text, { start: at, end: at }, `, ${written}`);
  }
  const end = last === undefined ? null : endOfPair(last);
  if (end === null) return null;
  const newline = newlineOf(text);
  const at = nextLine(text, end);
  const column = columnOf(text, span.start);
  const line = ' '.repeat(column) + block({ [name]: value }, column, newline) + newline;
  const isOpen = at > 0 && text[at - 1] !== '\n';
  return replaced(text, { start: at, end: at }, isOpen ? newline + line : line);
}

function removePair(text: string, map: YAMLMap, name: string): string | null {
  const pair = map.items.find(({ key }) => isScalar(key) && String(key.value) === name);
  const end = pair === undefined ? null : endOfPair(pair);
  const span = spanOf(map);
  if (pair === undefined || !isScalar(pair.key) || pair.key.range == null || end === null || span === null) return null;
  if (map.items.length === 1) return replaced(text, span, '{}');
  const start = pair.key.range[0] - columnOf(text, pair.key.range[0]);
  // A map in a list begins on the line of its dash.
  const isAlone = text.slice(start, pair.key.range[0]).trim() === '';
  if (map.flow === true || !isAlone) return null;
  return replaced(text, { start, end: nextLine(text, end) }, '');
}

/** `value` at `path`, as a value for the name at the beginning of `path`. */
function nested(path: Path, value: unknown): unknown {
  return [...path].reverse().reduce<unknown>((inner, name) => ({ [name]: inner }), value);
}

/**
 * Makes one edit in a text of YAML and touches nothing else in it: no comment, quote or empty line. `null`: it cannot be made
 * this way. Whoever calls checks what came out.
 */
export function spliceYaml(text: string, { path, value }: Edit): string | null {
  const document = parseDocument(text, { schema: 'core', logLevel: 'silent' });
  if (document.contents === null) {
    const start = text === '' || text.endsWith('\n') ? text : text + newlineOf(text);
    return start + block(nested(path, value), 0, newlineOf(text)) + newlineOf(text);
  }
  let node: unknown = document.contents;
  for (const [depth, name] of path.entries()) {
    if (isScalar(node) && node.value === null) return replaceNode(text, node, nested(path.slice(depth), value));
    const isLast = depth === path.length - 1;
    if (isSeq(node)) {
      node = node.get(name, true);
    } else if (isMap(node)) {
      const inner: unknown = node.get(name, true);
      if (isLast && value === undefined) return removePair(text, node, String(name));
      if (inner === undefined) return insertPair(text, node, String(name), nested(path.slice(depth + 1), value));
      node = inner;
    } else {
      return null;
    }
  }
  return isScalar(node) || isCollection(node) ? replaceNode(text, node, value) : null;
}
