import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const termMs = 3_000;

export interface Started {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Settles when the process is gone: its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/**
 * The programs this run has started. Each is bounded by its own clock and dies with this process (`loadgen exec`); they
 * are ended by pid.
 */
export class Processes {
  readonly #loadgen: string;
  readonly #living = new Set<Started>();

  constructor(loadgen: string) {
    this.#loadgen = loadgen;
  }

  /** `output` is a file descriptor for stdout and stderr, or 'pipe'. */
  start(
    command: string,
    args: readonly string[],
    options: { lifeS: number; output: number | 'pipe'; cwd?: string },
  ): Started {
    const child = spawn(this.#loadgen, ['exec', '--seconds', String(Math.ceil(options.lifeS)), command, ...args], {
      stdio: ['ignore', options.output, options.output],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? signal ?? 0));
    });
    if (child.pid === undefined) throw new Error(`${command} could not be started`);
    const started: Started = { process: child, pid: child.pid, ended };
    this.#living.add(started);
    void ended.finally(() => this.#living.delete(started)).catch(() => undefined);
    return started;
  }

  /** Asks the process to end, and makes it end after 3 s. */
  async end(started: Started): Promise<void> {
    if (!this.#living.has(started)) return;
    started.process.kill('SIGTERM');
    const timer = setTimeout(() => started.process.kill('SIGKILL'), termMs);
    await started.ended;
    clearTimeout(timer);
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#living].map((started) => this.end(started)));
  }
}

/** The process and everything below it. */
export function family(pid: number): number[] {
  const members = [pid];
  for (const member of members) {
    for (const child of childrenOf(member)) members.push(child);
  }
  return members;
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    // The process, or one of its threads, ended meanwhile.
    return [];
  }
}
