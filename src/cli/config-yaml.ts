import { isDeepStrictEqual } from 'node:util';
import { type Document, LineCounter, parseDocument } from 'yaml';
import type { ConfigInput } from '../core/config-schema.ts';
import { ConfigError } from '../errors.ts';
import { asDocument } from './config-json.ts';
import { type ConfigText, editsBetween } from './config-text.ts';
import { spliceYaml } from './yaml-splice.ts';

/** Places that may refer to an anchor, each as often as it is used: a few lines cannot grow to gigabytes. */
const MAX_ALIASES = 100;

/** What the parser says, without quoting the text: it may hold secrets. */
const PROBLEMS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'a key that is there already',
  BAD_INDENT: 'another indentation is expected',
  TAB_AS_INDENT: 'a tab; spaces are allowed for indentation',
  MISSING_CHAR: 'a quote, comma or bracket is missing',
  MULTIPLE_DOCS: 'a second document; one is allowed',
  TAG_RESOLVE_FAILED: 'a tag; none but those of JSON are allowed',
  UNEXPECTED_TOKEN: 'something that is not expected here',
  MULTILINE_IMPLICIT_KEY: 'a key over several lines',
  BLOCK_AS_IMPLICIT_KEY: 'a nested key on one line with another; a line of its own is expected',
};

function parse(text: string): { readonly document: Document; readonly value: ConfigInput } {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, schema: 'core', prettyErrors: false, logLevel: 'error' });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const { line, col } = lineCounter.linePos(problem.pos[0]);
    const reason = PROBLEMS[problem.code] ?? `not YAML (${problem.code.toLowerCase().replaceAll('_', ' ')})`;
    throw new ConfigError('', `line ${line}, column ${col}: ${reason}`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    const message = `the file refers to its anchors too often, or to none; ${MAX_ALIASES} times are allowed`;
    throw new ConfigError('', message, { cause: error });
  }
  // A file of nothing but comments.
  return { document, value: value === null ? {} : asDocument(value, '') };
}

function isRight(text: string, wanted: ConfigInput): boolean {
  try {
    return isDeepStrictEqual(parse(text).value, wanted);
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

/** What the text becomes, with every comment; `null`: it refers to its own parts in a way that does not allow it. */
function rewrite(text: string, before: ConfigInput, wanted: ConfigInput): string | null {
  let spliced: string | null = text;
  const edits = editsBetween(before, wanted);
  for (const edit of edits) {
    if (spliced !== null) spliced = spliceYaml(spliced, edit);
  }
  if (spliced !== null && isRight(spliced, wanted)) return spliced;
  const { document } = parse(text);
  let written: string;
  try {
    for (const { path, value } of edits) {
      if (value === undefined) document.deleteIn(path);
      else document.setIn(path, document.createNode(value));
    }
    written = document.toString({ lineWidth: 0 });
  } catch {
    return null;
  }
  return isRight(written, wanted) ? written : null;
}

/** @throws ConfigError that names line and column */
export function readYaml(text: string): ConfigText {
  const document = parse(text).value;
  return {
    text,
    document,
    write: (wanted) => {
      const written = rewrite(text, document, wanted);
      if (written !== null) return readYaml(written);
      throw Object.assign(new Error('the change does not fit into the file'), { code: 'its anchors are in the way' });
    },
  };
}
