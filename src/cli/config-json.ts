import type { ConfigInput } from '../core/config-schema.ts';
import { ConfigError } from '../errors.ts';
import { type ConfigText, placeOfDoubleKey } from './config-text.ts';
import { findJsonProblem } from './json-problem.ts';

/** How a file is written, kept when it is written again. */
interface Layout {
  readonly indent: string | number;
  readonly newline: string;
  readonly end: string;
}

const OWN_LAYOUT: Layout = { indent: 2, newline: '\n', end: '\n' };

function detectLayout(text: string): Layout {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  const indent = /^[{[][ \t]*\r?\n([ \t]+)/.exec(text)?.[1] ?? (text.trim().includes('\n') ? '' : 0);
  return { indent, newline, end: /\n$/.test(text) ? newline : '' };
}

/** The document of a file of any form: one object. @throws ConfigError */
export function asDocument(value: unknown, braces: string): ConfigInput {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as ConfigInput;
  const found = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`;
  throw new ConfigError('', `the file holds ${found}; one object${braces} is allowed`);
}

/** A document written by us. */
export function writeJson(document: ConfigInput, { indent, newline, end }: Layout = OWN_LAYOUT): ConfigText {
  const text = JSON.stringify(document, null, indent).replaceAll('\n', newline) + end;
  return { text, document, write: (next) => writeJson(next, { indent, newline, end }) };
}

/** @throws ConfigError that names line and column */
export function readJson(text: string): ConfigText {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const { line, column, reason } = findJsonProblem(text) ?? { line: 1, column: 1, reason: 'a value is expected' };
    throw new ConfigError('', `line ${line}, column ${column}: ${reason}`);
  }
  const document = asDocument(value, ', { … },');
  const double = placeOfDoubleKey(text);
  if (double !== null) {
    throw new ConfigError('', `line ${double.line}, column ${double.column}: a key that is there already`);
  }
  return { text, document, write: (next) => writeJson(next, detectLayout(text)) };
}
