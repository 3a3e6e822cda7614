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
import { readJson, writeJson } from './config-json.ts';
import { type ConfigText, type Place, placeOf } from './config-text.ts';
import { readYaml } from './config-yaml.ts';

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

/** The form of a file, by its name; everything but YAML is JSON. */
function readText(path: string, text: string): ConfigText {
  return /\.ya?ml$/i.test(path) ? readYaml(text) : readJson(text);
}

/** The operator's file: changed only where a value is another one, and written back as it was otherwise. */
export class ConfigFile {
  /** Absolute; behind symbolic links. */
  readonly path: string;
  /** What relative paths in the file start from. */
  readonly folder: string;
  #text: ConfigText;
  #raw: string;

  private constructor(path: string, folder: string, { text, raw }: { text: ConfigText; raw: string }) {
    this.path = path;
    this.folder = folder;
    this.#text = text;
    this.#raw = raw;
  }

  /**
   * Reads `path`; `null` when there is no such file.
   * @throws ConfigError when it cannot be read or holds no object.
   */
  static read(path: string): ConfigFile | null {
    let text: string;
    let isFile: boolean;
    try {
      isFile = statSync(path).isFile();
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return null;
      if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
        throw new ConfigError('', 'the file is not in UTF-8; other encodings are not allowed', { cause: error });
      }
      throw new ConfigError('', `the file cannot be read (${code}); a JSON or YAML file is allowed`, { cause: error });
    }
    const raw = text;
    const read = readText(path, text.replace(/^\uFEFF/, ''));
    const real = isFile ? realpathSync(path) : path;
    // A pipe (`-c <(…)`) has no folder of its own.
    const folder = isFile ? dirname(real) : resolve('.');
    return new ConfigFile(real, folder, { text: read, raw });
  }

  /** A file that does not exist yet; `save` writes it. */
  static create(path: string, document: ConfigInput): ConfigFile {
    return new ConfigFile(path, dirname(path), { text: writeJson(document), raw: '' });
  }

  get document(): ConfigInput {
    return this.#text.document;
  }

  /** What was read or written last, to the byte. */
  get raw(): string {
    return this.#raw;
  }

  /** Where a dotted key, or what is nearest above it, stands; `null`: nowhere. */
  placeOf(key: string): Place | null {
    return placeOf(key, this.#text.text);
  }

  /** Sets one value (a number in `path` is a place in a list), making the objects above it. Throws as `replace`. */
  set(path: readonly (string | number)[], value: unknown): void {
    this.replace(setAt(this.document, path, value) as ConfigInput);
  }

  /** Makes it say another document. Throws when a file of YAML is written in a way that does not allow it. */
  replace(document: ConfigInput): void {
    this.#text = this.#text.write(document);
  }

  /** Writes the file whole or not at all, mode 0600. Throws the system's error when that cannot be; a pipe is never written. */
  save(): void {
    refuseIrregular(this.path);
    const { text } = this.#text;
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
    this.#raw = text;
  }
}

/** A document with another value at one place. */
export function setAt(target: unknown, path: readonly (string | number)[], value: unknown): unknown {
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
