import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Played, type Published, played, published } from './load-report.ts';
import { family, type Processes, type Started } from './processes.ts';
import type { Transport } from './results.ts';
import { type Candidate, freePorts, type Ports } from './servers.ts';
import { mediaBytesPerS, type StreamShape, stream } from './stream.ts';

const startMs = 10_000;
/** How long the last player may take to see its first frame. */
export const joinLimitS = 10;
/** Players that are polled and decoded; the others are swept. */
const parsedPlayers = 50;

export interface PlayOptions {
  readonly transport: Transport;
  readonly players: number;
  readonly warmupS: number;
  readonly windowS: number;
  readonly joinPerS: number;
  readonly shape?: StreamShape;
  readonly streams?: number;
  readonly name?: string;
  /** -1: all. */
  readonly parsed?: number;
  /** So many of them never read after their first frame. */
  readonly slow?: number;
  /** Nobody publishes. */
  readonly isIdle?: boolean;
  /** Length of the slices that the window is cut into. */
  readonly seriesS?: number;
  /** The program, with its options, that they are run by (bench/link.c). */
  readonly behind?: readonly string[];
}

/** Players under way. */
export interface Players {
  /** All have their first frame, or will not get it. */
  readonly joined: Promise<void>;
  readonly report: Promise<Played>;
  /** Begins the next slice of the series. */
  nextSlice(): void;
  /** Ends the window now, or resolves with the report when it is over. */
  end(): Promise<Played>;
  kill(): Promise<void>;
}

export interface Publisher {
  /** When the first frame went out, on the clock of `performance.now()`. */
  readonly startMs: number;
  end(): Promise<Published>;
}

/** One server under test and the load generators around it. */
export class Stage {
  readonly candidate: Candidate;
  readonly ports: Ports;
  readonly folder: string;
  readonly #processes: Processes;
  readonly #loadgen: string;
  readonly #server: Started;
  readonly #lifeS: number;
  readonly #cast = new Set<Started>();

  private constructor(
    given: { readonly processes: Processes; readonly loadgen: string; readonly folder: string; readonly lifeS: number },
    candidate: Candidate,
    ports: Ports,
  ) {
    this.candidate = candidate;
    this.ports = ports;
    this.folder = given.folder;
    this.#processes = given.processes;
    this.#loadgen = given.loadgen;
    this.#lifeS = given.lifeS;
    mkdirSync(given.folder, { recursive: true });
    const { command, args } = candidate.command(given.folder, ports);
    const log = openSync(this.#logPath, 'a');
    this.#server = given.processes.start(command, args, { lifeS: given.lifeS, output: log, cwd: given.folder });
    closeSync(log);
  }

  /** Starts the server and waits until its doors are open. Everything on the stage lives `lifeS` at the longest. */
  static async open(
    given: { readonly processes: Processes; readonly loadgen: string; readonly folder: string; readonly lifeS: number },
    candidate: Candidate,
  ): Promise<Stage> {
    const stage = new Stage(given, candidate, await freePorts());
    try {
      await stage.#listening();
    } catch (error) {
      await stage.end();
      throw error;
    }
    return stage;
  }

  get #logPath(): string {
    return join(this.folder, 'output.log');
  }

  /** The server and its children. */
  get pids(): readonly number[] {
    return family(this.#server.pid);
  }

  get pid(): number {
    return this.#server.pid;
  }

  async publish(
    options: { shape?: StreamShape; streams?: number; name?: string; lifeS?: number } = {},
  ): Promise<Publisher> {
    const { shape = stream, streams = 1, name = 's', lifeS = this.#lifeS } = options;
    const publisher = this.#cue('publish', {
      port: this.ports.rtmp,
      vbps: shape.videoBps,
      abps: shape.audioBps,
      fps: shape.fps,
      gop: shape.gop,
      streams,
      name,
      seconds: lifeS,
    });
    const report = reportOf(publisher, 'publisher').then((line) => published.parse(line));
    report.catch(() => undefined);
    await said(publisher, `published ${streams} failed 0`);
    const startMs = performance.now() + 20;
    return {
      startMs,
      end: async () => {
        await this.#processes.end(publisher);
        return report;
      },
    };
  }

  play(options: PlayOptions): Players {
    const { transport, players, shape = stream, streams = 1, name = 's' } = options;
    const words = {
      proto: transport,
      port: transport === 'rtmp' ? this.ports.rtmp : this.ports.http,
      players,
      streams,
      name,
      parse: options.parsed ?? parsedPlayers,
      slow: options.slow ?? 0,
      series: options.seriesS ?? 0,
      'join-rate': options.joinPerS,
      'join-timeout': joinLimitS,
      warmup: options.warmupS,
      seconds: options.windowS,
      'expect-bps': options.isIdle === true ? 0 : mediaBytesPerS(shape) * 8,
      pids: this.pids.join(','),
      ...(options.isIdle === true ? { idle: true as const } : {}),
    };
    const player = this.#cue('play', words, options.behind);
    const report = reportOf(player, 'players').then((line) => played.parse(line));
    report.catch(() => undefined);
    const joined = said(player, null);
    joined.catch(() => undefined);
    return {
      joined,
      report,
      nextSlice: () => player.process.kill('SIGUSR1'),
      end: async () => {
        await this.#processes.end(player);
        return report;
      },
      kill: async () => {
        player.process.kill('SIGKILL');
        await player.ended;
      },
    };
  }

  /** The last lines of the server's output, for a message; '' when it wrote none. */
  lastWords(): string {
    const lines = readFileSync(this.#logPath, 'utf8').trim().split('\n').slice(-5).join('\n    ');
    return lines === '' ? '' : `; the server's last lines:\n    ${lines}`;
  }

  async end(): Promise<void> {
    await Promise.all([...this.#cast].map((started) => this.#processes.end(started)));
    await this.#processes.end(this.#server);
  }

  #cue(
    mode: string,
    options: Readonly<Record<string, string | number | true>>,
    behind: readonly string[] = [],
  ): Started {
    const words = Object.entries(options).flatMap(([name, value]) =>
      value === true ? [`--${name}`] : [`--${name}`, String(value)],
    );
    const program = behind[0] ?? this.#loadgen;
    const args = [...behind.slice(1), ...(behind.length > 0 ? [this.#loadgen] : []), mode, ...words];
    const started = this.#processes.start(program, args, { lifeS: this.#lifeS, output: 'pipe' });
    this.#cast.add(started);
    void started.ended.finally(() => this.#cast.delete(started)).catch(() => undefined);
    return started;
  }

  async #listening(): Promise<void> {
    const deadline = Date.now() + startMs;
    const { title, doors } = this.candidate;
    for (const door of doors) {
      const port = this.ports[door];
      while (!(await accepts(port))) {
        const { exitCode, signalCode } = this.#server.process;
        if (exitCode !== null || signalCode !== null) {
          throw new Error(`${title} ended with ${exitCode ?? signalCode}${this.lastWords()}`);
        }
        if (Date.now() > deadline) {
          throw new Error(`${title} did not open port ${port} within ${startMs} ms${this.lastWords()}`);
        }
        await sleep(25);
      }
    }
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Waits for the first line on stderr; `null`: whatever it is. */
async function said(started: Started, wanted: string | null): Promise<void> {
  if (started.process.stderr === null) throw new Error('the load generator has no stderr');
  for await (const line of createInterface(started.process.stderr)) {
    if (wanted === null || line === wanted) return;
    throw new Error(`the publisher was refused (${line})`);
  }
  throw new Error(`the load generator ended early, with ${await started.ended}`);
}

async function reportOf(started: Started, who: string): Promise<unknown> {
  if (started.process.stdout === null) throw new Error('the load generator has no stdout');
  const line = await text(started.process.stdout);
  if (line === '') throw new Error(`the ${who} ended with ${await started.ended} and no report`);
  return JSON.parse(line);
}
