import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

/** How often the file is looked at: editors, mounts and swapped links all show in that, and notices of the system miss some. */
const POLL_MS = 1000;

const NO_FILE = 'ENOENT';
const NO_REGULAR_FILE = 'irregular';

function digest(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}

/** What a file looks like from outside, through symbolic links: another one with every write, rename and swap. */
async function look(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch (error) {
    return reasonOf(error);
  }
}

async function read(path: string): Promise<string> {
  try {
    // A pipe would be waited for in one of few threads, without end.
    if (!(await stat(path)).isFile()) return NO_REGULAR_FILE;
    return digest(await readFile(path));
  } catch (error) {
    return reasonOf(error);
  }
}

/** Tells when the content of a file has become another one, once it has not moved between two looks. */
export class FileWatch {
  readonly #path: string;
  readonly #onChange: () => void;
  readonly #timer: NodeJS.Timeout;
  #content: string;
  #seen = '';
  #taken = '';
  #isLooking = false;

  /** @param text what it holds as far as is known; `null`: there is none */
  constructor(path: string, text: string | null, onChange: () => void, pollMs = POLL_MS) {
    this.#path = path;
    this.#onChange = onChange;
    this.#content = text === null ? NO_FILE : digest(text);
    this.#timer = setInterval(() => void this.#look(), pollMs).unref();
  }

  /** This is known: we have written it ourselves, or read it. */
  expect(text: string): void {
    this.#content = digest(text);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const seen = await look(this.#path);
    const isSettled = seen === this.#seen;
    this.#seen = seen;
    if (isSettled && seen !== this.#taken) {
      this.#taken = seen;
      const content = await read(this.#path);
      const isOther = content !== this.#content;
      this.#content = content;
      if (isOther) this.#onChange();
    }
    this.#isLooking = false;
  }
}
