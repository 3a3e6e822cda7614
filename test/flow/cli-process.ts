import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';

export const APP = resolve(import.meta.dirname, '../../bin/app.js');

/** Generous: only a test that fails waits for it. */
const DEADLINE_MS = 20_000;

/** A folder of its own, gone with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nms-cli-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface RunOptions {
  readonly cwd: string;
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  /** When it is killed; 20 s by default. */
  readonly deadlineMs?: number;
}

/** The command as a child: what it prints, and how it ends. */
export class CliProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | string>;
  stdout = '';
  stderr = '';

  constructor(t: TestContext, options: RunOptions) {
    const { cwd, args = [], environment = {}, nodeArgs = [], deadlineMs = DEADLINE_MS } = options;
    const inherited = Object.entries(process.env).filter(([name]) => !/^(NMS_|NODE_)/.test(name));
    this.#child = spawn(process.execPath, [...nodeArgs, APP, ...args], {
      cwd,
      env: { ...Object.fromEntries(inherited), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#ended = once(this.#child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
    t.after(() => {
      this.#child.kill('SIGKILL');
      return this.#ended;
    });
  }

  /** Exit code, or the name of the signal that ended it. */
  get ended(): Promise<number | string> {
    return this.#ended;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stops reading the log, as a pipe does whose reader has ended. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
  }

  /** The lines of the log, as JSON. */
  get log(): Record<string, unknown>[] {
    const whole = this.stdout.split('\n').slice(0, -1);
    return whole.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Resolves once a line of the log has such a message; throws when the process ends before. */
  async line(message: RegExp): Promise<Record<string, unknown>> {
    const find = () => this.log.find((line) => message.test(String(line.msg)));
    while (find() === undefined) {
      const ended = await Promise.race([
        once(this.#child.stdout ?? process.stdin, 'data').then(() => null),
        this.#ended,
      ]);
      if (ended !== null && find() === undefined) {
        throw new Error(`ended with ${ended} without ${message}:\n${this.stdout}\n${this.stderr}`);
      }
    }
    return find() ?? {};
  }

  /** Resolves once all doors are open: their addresses by name. */
  async ready(): Promise<Record<string, number>> {
    await this.line(/^(watch|publish): /);
    const doors = this.log.filter(({ msg }) => / listens on /.test(String(msg)));
    return Object.fromEntries(
      doors.map(({ listener, address }) => [listener, Number(String(address).split(':').at(-1))]),
    );
  }
}

/** Ports that the system chooses, by variables. */
export const anyPorts = {
  NMS_BIND: '127.0.0.1',
  NMS_RTMP_PORT: '0',
  NMS_RTMPS_PORT: '0',
  NMS_HTTP_PORT: '0',
  NMS_HTTPS_PORT: '0',
} as const;
