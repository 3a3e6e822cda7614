import { resolve } from 'node:path';
import { statSync } from 'node:fs';
import { ConfigError } from '../errors.ts';
import type { NodeMediaServer, NodeMediaServerConfig } from '../index.ts';
import { explainError } from './explain.ts';
import { type LoadedConfig, readConfigFile } from './load-config.ts';
import type { Log } from './log.ts';
import type { OperatorSource } from './operator-source.ts';
import { FileWatch } from './watch-file.ts';

interface ReloaderOptions {
  readonly server: NodeMediaServer;
  readonly source: OperatorSource;
  readonly loaded: LoadedConfig;
  readonly log: Log;
  /** What the name of the file is relative to. */
  readonly cwd: string;
}

/** Takes up the operator's file again, when it has changed or somebody asks for it. */
export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #path: string;
  #watch: FileWatch | null = null;
  #isOpen = false;
  #asked: string | null = null;
  #isWorking = false;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#path = resolve(options.cwd, options.loaded.fileName);
  }

  /** The server runs: what was asked for before is done now, and the file is watched. */
  begin(): void {
    const { source } = this.#options;
    this.#isOpen = true;
    // A pipe is read once.
    const found = statSync(this.#path, { throwIfNoEntry: false });
    if (found?.isFile() ?? true) {
      const text = found === undefined ? null : source.file.raw;
      const watch = new FileWatch(this.#path, text, () => this.request('the changed file'));
      source.onWritten = (text) => watch.expect(text);
      this.#watch = watch;
    }
    void this.#work();
  }

  /** Asks for it; several requests in a row are one. @param by for the log */
  request(by: string): void {
    this.#asked = by;
    void this.#work();
  }

  close(): void {
    this.#isOpen = false;
    this.#watch?.close();
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    while (this.#isOpen && this.#asked !== null) {
      const by = this.#asked;
      this.#asked = null;
      await this.#reload(by);
    }
    this.#isWorking = false;
  }

  async #reload(by: string): Promise<void> {
    const { log, loaded, server, source } = this.#options;
    const { fileName, layers } = loaded;
    let file = null;
    try {
      // A pipe is read once: waiting for who writes into it would hold up the server.
      refuseIrregular(this.#path, fileName);
      file = readConfigFile(this.#path, fileName, layers.sections);
      if (file === null) {
        log.logger.warn({ file: this.#path }, `${fileName} is gone; what was in force stays`);
        return;
      }
      this.#watch?.expect(file.raw);
      source.offer(file);
      const { changes } = await server.configure(file.document as NodeMediaServerConfig, by);
      if (changes.length === 0 && by === 'SIGHUP') log.logger.info({ by }, 'the configuration is unchanged');
    } catch (error) {
      // What could be read is counted where it is refused.
      if (file === null) server.context.counters.count('config_reloads', 'refused');
      const line = explainError(error, file === null ? null : { ...loaded, file, isNew: false });
      const fields = { by, file: this.#path };
      if (line === null) log.logger.error({ ...fields, err: error }, 'the configuration could not be taken up');
      else log.logger.warn(fields, `${line}; what was in force stays`);
    }
  }
}

/** A folder, and whatever cannot be looked at, is refused where it is read. @throws ConfigError */
function refuseIrregular(path: string, fileName: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile() || found.isDirectory()) return;
  throw new ConfigError('', `${fileName}: it is no file, and read at the start only`);
}
