import { rm, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { tell } from '../../core/admission.ts';
import type { Context } from '../../core/context.ts';
import type { Recorder, Recording, RecordingPage, RecordingQuery } from '../../core/recorder.ts';
import { parseStreamPath, type StreamPath } from '../../core/stream-path.ts';
import { AbsentError, BusyError, ClosedError, EndError, RecordError } from '../../errors.ts';
import { ActiveRecording, failureLabel } from './active-recording.ts';
import type { Disk } from './disk.ts';
import { DiskTurns } from './disk-turns.ts';
import type { WaitingBytes } from './record-file.ts';
import type { RecordLibrary } from './record-library.ts';
import { isBelow, locateBelow } from './record-paths.ts';

/** How often recordings that go on are brought up to date in the store, when somebody asks for the list. */
const UPDATE_MS = 1_000;

export interface FlvRecorderOptions {
  readonly context: Context;
  readonly disk: Disk;
  readonly library: RecordLibrary;
  /** Opens the library; if nobody `isWriting`, only when there is a folder that it could be about. @throws ConfigError */
  openLibrary(use: { readonly isWriting: boolean }): void;
  /** A recording is over because its stream ended. */
  onStreamEnd(streamPath: StreamPath): void;
}

/** Writes streams to FLV files, and knows the files. */
export class FlvRecorder implements Recorder {
  readonly #options: FlvRecorderOptions;
  readonly #turns = new DiskTurns();
  readonly #waiting: WaitingBytes = { total: 0 };
  /** Streams that are recorded now, or will be in a moment. */
  readonly #live = new Map<StreamPath, ActiveRecording>();
  /** Those too whose file is being closed, by id. */
  readonly #active = new Map<string, ActiveRecording>();
  readonly #work = new Set<Promise<unknown>>();
  #updatedAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: FlvRecorderOptions) {
    this.#options = options;
  }

  /** The absolute folder of recordings, as it is configured now. */
  get root(): string {
    const { config, folder } = this.#options.context;
    return resolve(folder, config.record.path);
  }

  async start(streamPath: StreamPath): Promise<Recording> {
    const { context } = this.#options;
    if (this.#live.has(streamPath)) throw new BusyError(`${streamPath} is being recorded already`);
    const stream = context.streams.get(streamPath);
    if (stream?.status !== 'publishing') throw new AbsentError(`${streamPath} is not being published`);
    return this.begin(streamPath, stream.publisher?.id ?? '');
  }

  /** As `start`, of a stream that is about to be there. */
  async begin(streamPath: StreamPath, publisherId: string): Promise<Recording> {
    const active = this.#create(streamPath, publisherId);
    this.#live.set(streamPath, active);
    active.session.onEnd = () => {
      if (this.#live.get(streamPath) === active) this.#live.delete(streamPath);
    };
    return this.#tracked(this.#open(active));
  }

  async #open(active: ActiveRecording): Promise<Recording> {
    try {
      await active.open();
    } catch (error) {
      if (error instanceof RecordError) {
        this.#options.context.counters.count('recordings_failed', failureLabel(error));
      }
      throw error;
    }
    const { recording } = active;
    this.#active.set(recording.id, active);
    void this.#tracked(this.#follow(active));
    return recording;
  }

  /** What `close` waits for. */
  async #tracked<Result>(work: Promise<Result>): Promise<Result> {
    this.#work.add(work);
    try {
      return await work;
    } finally {
      this.#work.delete(work);
    }
  }

  /** @throws BusyError, ClosedError, RecordError */
  #create(streamPath: StreamPath, publisherId: string): ActiveRecording {
    const { context, disk } = this.#options;
    if (this.#isClosed || context.isStopping) throw new ClosedError('the server is stopping');
    if (this.#live.has(streamPath)) throw new BusyError(`${streamPath} is being recorded already`);
    if (context.config.record.path === '') throw new RecordError('record.path is empty: there is no folder for it');
    try {
      this.#options.openLibrary({ isWriting: true });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new RecordError(`the recording cannot be begun: ${message}`, { cause: error });
    }
    const address = parseStreamPath(streamPath);
    const { root } = this;
    return new ActiveRecording({
      context,
      address,
      root,
      disk,
      turns: this.#turns,
      waiting: this.#waiting,
      publisherId,
    });
  }

  /** Tells of a recording whose file is made, and of its end. */
  async #follow(active: ActiveRecording): Promise<void> {
    const { context, library, onStreamEnd } = this.#options;
    const { session, root } = active;
    const { logger } = context;
    const about = { stream: session.streamPath, recording: session.id };
    library.put(root, active.recording);
    logger.info({ ...about, file: active.recording.filePath }, 'recording started');
    tell(context, 'postRecord', session);
    const recording = await active.finish();
    const { filePath: file, duration, size, status, reason } = recording;
    this.#active.delete(recording.id);
    if (size === 0) library.remove([recording.id]);
    else library.put(root, recording);
    if (status === 'failed') logger.error({ ...about, file, duration, size, reason }, `recording failed: ${reason}`);
    else logger.info({ ...about, file, duration, size }, 'recording ended');
    tell(context, 'doneRecord', session);
    if (session.closeReason instanceof EndError) onStreamEnd(recording.streamPath);
  }

  async stop(streamPath: StreamPath): Promise<Recording> {
    const active = this.#live.get(streamPath);
    if (active?.isOpen !== true) throw new AbsentError(`${streamPath} is not being recorded`);
    active.session.close(new ClosedError('the recording was stopped'));
    return active.done;
  }

  /** Is the stream recorded, or about to be? */
  has(streamPath: StreamPath): boolean {
    return this.#live.has(streamPath);
  }

  /** Is this file being written below that folder? */
  isWriting(root: string, filePath: string): boolean {
    for (const active of this.#active.values()) {
      if (active.root === root && active.recording.filePath === filePath) return true;
    }
    return false;
  }

  current(streamPath: StreamPath): Recording | null {
    const active = this.#live.get(streamPath);
    return active?.isOpen === true ? active.recording : null;
  }

  list(query: RecordingQuery): RecordingPage {
    const { library } = this.#options;
    this.#openIfUsed();
    const now = performance.now();
    if (now - this.#updatedAt >= UPDATE_MS) {
      this.#updatedAt = now;
      for (const active of this.#active.values()) library.put(active.root, active.recording);
    }
    const page = library.page(this.root, query);
    return { ...page, items: page.items.map((item) => this.#active.get(item.id)?.recording ?? item) };
  }

  find(id: string): Recording | null {
    this.#openIfUsed();
    return this.#active.get(id)?.recording ?? this.#options.library.find(this.root, id);
  }

  /** The folder may be another one than at the start. */
  #openIfUsed(): void {
    try {
      if (this.#options.context.config.record.path !== '') this.#options.openLibrary({ isWriting: false });
    } catch (error) {
      // Said at the start.
      this.#options.context.logger.debug({ err: error }, 'the list of recordings cannot be opened');
    }
  }

  locate(recording: Recording): string | null {
    return locateBelow(this.#active.get(recording.id)?.root ?? this.root, recording.filePath);
  }

  async remove(id: string, { file }: { readonly file: boolean }): Promise<void> {
    const { library } = this.#options;
    const recording = this.find(id);
    if (recording === null) throw new AbsentError(`there is no recording ${id}`);
    if (this.#active.has(id)) throw new BusyError(`the recording ${id} is being written`);
    if (!file) {
      if (library.forget(id)) return;
      throw new RecordError('the recording cannot be taken off the list: the store cannot be written');
    }
    const { root } = this;
    const path = this.locate(recording);
    if (path !== null) {
      try {
        // Somebody else may be removing it, too.
        await rm(path, { force: true });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        throw new RecordError(`the recording cannot be removed: ${message}`, { cause: error });
      }
      await removeEmptyFolders(root, dirname(resolve(root, recording.filePath)));
    }
    library.remove([id]);
  }

  /** Ends every recording; resolves when all files are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const reason = new ClosedError('the server is stopping');
    for (const { session } of [...this.#live.values()]) session.close(reason);
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }
}

/** What recordings have made: folders of streams that have none any more. */
async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  for (let path = folder; isBelow(root, path); path = dirname(path)) {
    try {
      await rmdir(path);
    } catch {
      // Something else is in it.
      return;
    }
  }
}
