/** Where a text stops being JSON, counted from 1, and why. The text itself is never quoted: it may hold secrets. */
export interface JsonProblem {
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

const SPACE = /[ \t\r\n]*/y;
/** Any character but quotes, backslashes and those below the space (RFC 8259, 7). */
const STRING = /"(?:[ !#-[\]-\uffff]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

class Cursor {
  readonly #text: string;
  position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Steps over what `pattern` matches here, and over the space behind it. */
  take(pattern: RegExp): boolean {
    pattern.lastIndex = this.position;
    const found = pattern.test(this.#text);
    if (found) this.position = pattern.lastIndex;
    SPACE.lastIndex = this.position;
    SPACE.test(this.#text);
    this.position = SPACE.lastIndex;
    return found;
  }

  get next(): string {
    return this.#text[this.position] ?? '';
  }

  takeCharacter(character: string): boolean {
    if (this.next !== character) return false;
    this.position += 1;
    this.take(SPACE);
    return true;
  }

  startsWith(word: string): boolean {
    return this.#text.startsWith(word, this.position);
  }
}

function unexpected(cursor: Cursor, expected: string): string {
  if (cursor.next === '') return `the file ends where ${expected} is expected`;
  if (cursor.startsWith('//') || cursor.startsWith('/*')) return 'a comment; JSON has none';
  if (cursor.next === "'") return `a single quote where ${expected} is expected; JSON has double quotes only`;
  return `${expected} is expected`;
}

/** Reads a name or a closing brace; the reason when there is neither. */
function readName(cursor: Cursor, afterComma: boolean): string | null {
  if (cursor.next === '}' && afterComma) return 'a comma before "}"';
  const start = cursor.next;
  if (!cursor.take(STRING)) {
    return start === '"'
      ? 'a name that is not closed or holds a bad escape'
      : unexpected(cursor, 'a name in double quotes');
  }
  return cursor.takeCharacter(':') ? null : unexpected(cursor, '":"');
}

/** Reads all values; `null` when the whole text is one value. The stack holds what closes each open list and object. */
function scan(cursor: Cursor): string | null {
  const stack: ('}' | ']')[] = [];
  for (;;) {
    if (cursor.takeCharacter('{')) {
      if (!cursor.takeCharacter('}')) {
        const reason = readName(cursor, false);
        if (reason !== null) return reason;
        stack.push('}');
        continue;
      }
    } else if (cursor.takeCharacter('[')) {
      if (!cursor.takeCharacter(']')) {
        stack.push(']');
        continue;
      }
    } else if (cursor.next === '"') {
      if (!cursor.take(STRING)) return 'a text that is not closed or holds a bad escape';
    } else if (!cursor.take(SCALAR)) {
      return unexpected(cursor, 'a value');
    }
    while (stack.length > 0 && cursor.takeCharacter(stack.at(-1) ?? '')) stack.pop();
    const closer = stack.at(-1);
    if (closer === undefined) return cursor.next === '' ? null : unexpected(cursor, 'the end of the file');
    if (!cursor.takeCharacter(',')) return unexpected(cursor, `"," or "${closer}"`);
    if (closer === ']' && cursor.next === ']') return 'a comma before "]"';
    const reason = closer === '}' ? readName(cursor, true) : null;
    if (reason !== null) return reason;
  }
}

/** The first place at which `text` is not JSON (RFC 8259); `null` when it is JSON. */
export function findJsonProblem(text: string): JsonProblem | null {
  const cursor = new Cursor(text);
  cursor.take(SPACE);
  const reason = scan(cursor);
  if (reason === null) return null;
  const before = text.slice(0, cursor.position).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1, reason };
}
