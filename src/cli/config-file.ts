import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ConfigInput } from '../core/config-schema.ts';
import { ConfigError } from '../errors.ts';
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

function parse(text: string): ConfigInput {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const { line, column, reason } = findJsonProblem(text) ?? { line: 1, column: 1, reason: 'a value is expected' };
    throw new ConfigError('', `line ${line}, column ${column}: ${reason}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const found = Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`;
    throw new ConfigError('', `the file holds ${found}; one object, { … }, is allowed`);
  }
  return value as ConfigInput;
}

function writeDurably(path: string, text: string, flags: 'w' | 'wx'): void {
  const descriptor = openSync(path, flags, 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function refuseIrregular(path: string): void {
  const isAbsentOrFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
  if (!isAbsentOrFile) throw Object.assign(new Error(`"${path}" is not a file`), { code: 'not a file' });
}

/** The operator's file: read once, changed only where a secret was made, written back in its own layout. */
export class ConfigFile {
  /** Absolute; behind symbolic links. */
  readonly path: string;
  /** What relative paths in the file start from. */
  readonly folder: string;
  readonly #layout: Layout;
  #document: ConfigInput;

  private constructor(path: string, folder: string, document: ConfigInput, layout: Layout) {
    this.path = path;
    this.folder = folder;
    this.#document = document;
    this.#layout = layout;
  }

  /**
   * Reads `path`; `null` when there is no such file.
   * @throws ConfigError when it cannot be read or is not a JSON object.
   */
  static read(path: string): ConfigFile | null {
    let text: string;
    let isFile: boolean;
    try {
      isFile = statSync(path).isFile();
      text = readFileSync(path, 'utf8');
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return null;
      throw new ConfigError('', `the file cannot be read (${code}); a JSON file is allowed`, { cause: error });
    }
    const withoutMark = text.replace(/^\uFEFF/, '');
    const document = parse(withoutMark);
    const real = isFile ? realpathSync(path) : path;
    // A pipe (`-c <(…)`) has no folder of its own.
    const folder = isFile ? dirname(real) : resolve('.');
    return new ConfigFile(real, folder, document, detectLayout(withoutMark));
  }

  /** A file that does not exist yet; `save` writes it. */
  static create(path: string, document: ConfigInput): ConfigFile {
    return new ConfigFile(path, dirname(path), document, OWN_LAYOUT);
  }

  get document(): ConfigInput {
    return this.#document;
  }

  /** Sets one value (a number in `path` is a place in a list), making the objects above it. */
  set(path: readonly (string | number)[], value: unknown): void {
    this.#document = setAt(this.#document, path, value) as ConfigInput;
  }

  /** Writes the file whole or not at all, mode 0600. Throws the system's error when that cannot be; a pipe is never written. */
  save(): void {
    refuseIrregular(this.path);
    const { indent, newline, end } = this.#layout;
    const text = JSON.stringify(this.#document, null, indent).replaceAll('\n', newline) + end;
    const temporary = `${this.path}.${randomBytes(6).toString('hex')}.tmp`;
    try {
      writeDurably(temporary, text, 'wx');
      renameSync(temporary, this.path);
    } catch (error) {
      rmSync(temporary, { force: true });
      // A single file mounted into a container can be written but not replaced.
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
      writeDurably(this.path, text, 'w');
    }
  }
}

function setAt(target: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (typeof name === 'number') {
    const list = Array.isArray(target) ? [...target] : [];
    list[name] = setAt(list[name], rest, value);
    return list;
  }
  const object = typeof target === 'object' && target !== null ? (target as ConfigInput) : {};
  return { ...object, [name]: setAt(object[name], rest, value) };
}
