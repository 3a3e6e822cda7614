import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchOptions } from './options.ts';
import type { Tools } from './prepare.ts';
import { Processes } from './processes.ts';
import type { Failure, SuiteName, Suites } from './results.ts';
import type { Candidate } from './servers.ts';
import { Stage } from './stage.ts';

/** What one suite has to do. */
export interface Job {
  readonly suite: SuiteName;
  readonly steps: readonly Step[];
  /** The results, once the steps were taken. */
  finish(): Suites;
}

/** One measurement. */
export interface Step {
  readonly label: string;
  /** How long it takes when nothing goes wrong. */
  readonly seconds: number;
  /** Returns a line about what was found. */
  run(): Promise<string>;
}

/** Where suites are run: servers are started here, and what fails is noted. */
export class Lab {
  readonly options: BenchOptions;
  readonly tools: Tools;
  /** In the order in which they are measured: ours first. */
  readonly servers: readonly Candidate[];
  readonly failures: Failure[] = [];
  readonly #processes: Processes;
  #folder: string | null = null;
  #stages = 0;

  constructor(given: {
    readonly options: BenchOptions;
    readonly tools: Tools;
    readonly servers: readonly Candidate[];
  }) {
    this.options = given.options;
    this.tools = given.tools;
    this.servers = given.servers;
    this.#processes = new Processes(given.tools.loadgen);
  }

  /** Runs `play` with a fresh server, which is ended afterwards; everything ends after `lifeS` at the latest. */
  async withServer<Result>(
    candidate: Candidate,
    lifeS: number,
    play: (stage: Stage) => Promise<Result>,
  ): Promise<Result> {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'nms-bench-'));
    const folder = join(this.#folder, String(this.#stages++));
    const given = { processes: this.#processes, loadgen: this.tools.loadgen, folder, lifeS };
    const stage = await Stage.open(given, candidate);
    try {
      return await play(stage);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${reason}${stage.lastWords()}`, { cause: error });
    } finally {
      await stage.end();
    }
  }

  /** The step's line; a failure is noted and makes the line. */
  async take(suite: SuiteName, step: Step): Promise<string> {
    try {
      return await step.run();
    } catch (error) {
      const failed = error instanceof Error ? error.message : String(error);
      this.failures.push({ suite, label: step.label, failed });
      return `failed: ${failed}`;
    }
  }

  /** Ends everything that runs and removes what was written. */
  async end(): Promise<void> {
    await this.#processes.endAll();
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }
}
