import { existsSync } from 'node:fs';
import type { Context } from '../../core/context.ts';
import type { Server } from '../../core/server.ts';
import type { Session } from '../../core/session.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import { ConfigError, NmsError, RecordError } from '../../errors.ts';
import { type Disk, fileSystem } from './disk.ts';
import { FlvRecorder } from './flv-recorder.ts';
import { RecordLibrary } from './record-library.ts';
import { scanRecordings } from './record-scan.ts';

/** When to look again at files that another program may be writing. */
const LOOK_AGAIN_MS = 60_000;

/** Records what is published, if `record.auto` says so, and keeps the list of what was recorded. */
export class RecordServer implements Server {
  readonly recorder: FlvRecorder;
  readonly #context: Context;
  readonly #library: RecordLibrary;
  readonly #onPublish = (session: Session) => this.#published(session);
  /** The folder that was looked through. */
  #scannedRoot = '';
  #scan: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(context: Context, disk: Disk = fileSystem) {
    this.#context = context;
    this.#library = new RecordLibrary(context.store);
    this.recorder = new FlvRecorder({
      context,
      disk,
      library: this.#library,
      openLibrary: (use) => this.#open(use),
      onStreamEnd: (streamPath) => this.#streamEnded(streamPath),
    });
  }

  /** @throws ConfigError when every stream is to be recorded and another server uses the folder of the store */
  async run(): Promise<void> {
    const { config, eventEmitter } = this.#context;
    this.#context.recorder = this.recorder;
    eventEmitter.on('postPublish', this.#onPublish);
    if (config.record.path === '') return;
    try {
      this.#open({ isWriting: config.record.auto });
    } catch (error) {
      // Without `record.auto` a folder that is there need not be ours.
      if (config.record.auto || !(error instanceof ConfigError)) throw error;
      this.#context.logger.warn({ err: error }, 'recordings are not listed, and none can be made');
    }
  }

  async stop(): Promise<void> {
    this.#context.eventEmitter.off('postPublish', this.#onPublish);
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.recorder.close();
    await this.#scan;
    this.#library.close();
    if (this.#context.recorder === this.recorder) this.#context.recorder = null;
  }

  /**
   * Opens the library and looks through the folder: once, and when the folder is another one. If nobody `isWriting`, only when
   * there is a folder. @throws ConfigError
   */
  #open({ isWriting }: { readonly isWriting: boolean }): void {
    const { root } = this.recorder;
    if (this.#isStopped || (root === this.#scannedRoot && this.#library.isOpen)) return;
    const exists = existsSync(root);
    if (!exists && !isWriting && !this.#library.isOpen) return;
    this.#library.open();
    this.#scannedRoot = root;
    if (exists) this.#look(root);
  }

  /** In the background, one look after the other. */
  #look(root: string): void {
    this.#scan = this.#scan.then(() => this.#lookThrough(root));
  }

  async #lookThrough(root: string): Promise<void> {
    const { logger } = this.#context;
    const isOver = () => this.#isStopped || root !== this.#scannedRoot;
    const isOurs = (filePath: string) => this.recorder.isWriting(root, filePath);
    try {
      const report = await scanRecordings({ root, library: this.#library, logger, isOurs, isOver });
      const { found, repaired, gone, busy } = report;
      const level = found + repaired + gone > 0 ? 'info' : 'debug';
      logger[level]({ root, found, repaired, gone, busy }, 'the folder of recordings was looked through');
      if (busy > 0 && !isOver()) this.#timer = setTimeout(() => this.#look(root), LOOK_AGAIN_MS).unref();
    } catch (error) {
      logger.error({ root, err: error }, 'the folder of recordings cannot be looked through');
    }
  }

  /** One that is recorded already goes on: its publisher is back, or another has taken the place. */
  #published({ streamPath, id }: Session): void {
    if (streamPath !== '' && this.#isAutomatic && !this.recorder.has(streamPath)) this.#begin(streamPath, id);
  }

  /**
   * From another process the end of a stream may come after the news that it is published again, which then was taken for the
   * same stream.
   */
  #streamEnded(streamPath: StreamPath): void {
    const stream = this.#context.streams.get(streamPath);
    if (stream?.status !== 'publishing' || stream.publisher?.isClosed !== false) return;
    if (this.#isAutomatic && !this.recorder.has(streamPath)) this.#begin(streamPath, stream.publisher.id);
  }

  get #isAutomatic(): boolean {
    const { auto, path } = this.#context.config.record;
    return auto && path !== '' && !this.#isStopped;
  }

  /** What fails is tried again with the next publish, not before. */
  #begin(streamPath: StreamPath, publisherId: string): void {
    this.recorder.begin(streamPath, publisherId).catch((error: unknown) => {
      const level = error instanceof RecordError || !(error instanceof NmsError) ? 'error' : 'debug';
      this.#context.logger[level]({ stream: streamPath, err: error }, 'a stream is not recorded');
    });
  }
}
