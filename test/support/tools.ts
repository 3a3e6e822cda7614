import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/** How often a condition outside this process's own events is looked at. */
const LOOK_MS = 20;
/** What a program may say before the rest is thrown away. */
const MAX_OUTPUT = 8 * 1024 * 1024;

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The file of a command; `null` when no folder of the PATH has it. */
export function whereIs(command: string): string | null {
  const files = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, command));
  return files.find(isExecutable) ?? null;
}

/** Why a test that needs these commands is skipped; `false` when all of them are there. */
export function missing(...commands: readonly string[]): string | false {
  const absent = commands.filter((command) => whereIs(command) === null);
  if (absent.length === 0) return false;
  return `${absent.join(' and ')} ${absent.length === 1 ? 'is' : 'are'} not installed`;
}

/** The first reason to skip among these; `false` when there is none. */
export function firstReason(...reasons: readonly (string | false)[]): string | false {
  return reasons.find((reason) => reason !== false) ?? false;
}

/** Resolves once `condition` holds; rejects at the deadline. Leaves the processor to the programs that it waits for. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await delay(LOOK_MS);
  }
}

/** The value of `promise`; rejects at the deadline. */
export async function within<Value>(promise: Promise<Value>, what: string, deadlineMs: number): Promise<Value> {
  const stop = new AbortController();
  const late = delay(deadlineMs, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`not within ${deadlineMs} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
    late.catch(() => undefined);
  }
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output is bytes for somebody who reads `output`; it is not kept as text. */
  readonly isBinary?: boolean;
}

/** A program that a test started. */
export class Program {
  readonly line: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  stdout = '';
  stderr = '';
  isOver = false;
  code: number | null = null;
  signal: string | null = null;
  /** Resolves when the program and its output have ended, however they did. */
  readonly over: Promise<void>;

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.line = [command, ...args].join(' ');
    this.#child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...options.env } });
    if (options.isBinary !== true) {
      this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (this.stdout.length < MAX_OUTPUT) this.stdout += text;
      });
    }
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (this.stderr.length < MAX_OUTPUT) this.stderr += text;
    });
    // What it no longer reads when it ends is no failure of ours.
    this.#child.stdin.on('error', () => undefined);
    this.over = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.stderr += String(error);
        this.isOver = true;
        resolve();
      });
      this.#child.on('close', (code, signal) => {
        this.code = code;
        this.signal = signal;
        this.isOver = true;
        resolve();
      });
    });
  }

  /** Its standard output, for whoever said `isBinary`. */
  get output(): Readable {
    return this.#child.stdout;
  }

  /** What it wrote to its standard output, once it ended with 0; rejects when it ended otherwise or not in time. */
  async finish(deadlineMs: number): Promise<string> {
    await within(this.over, `the end of ${this.line}\n${this.stderr}`, deadlineMs);
    if (this.code !== 0) throw new Error(`${this.line}\nended with ${this.code ?? this.signal}:\n${this.stderr}`);
    return this.stdout;
  }

  /** Sends a signal to this program and no other. */
  kill(signal: NodeJS.Signals): void {
    if (!this.isOver) this.#child.kill(signal);
  }
}

/** The programs of one test: those that still run at its end are ended. */
export class Programs implements AsyncDisposable {
  readonly #all: Program[] = [];
  #isOver = false;

  start(command: string, args: readonly string[], options: ProgramOptions = {}): Program {
    if (this.#isOver) throw new Error(`the test is over; ${command} does not start any more`);
    const program = new Program(command, args, options);
    this.#all.push(program);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const program of this.#all) program.kill('SIGKILL');
    await Promise.all(this.#all.map((program) => program.over));
  }
}
