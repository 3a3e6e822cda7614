import { join } from 'node:path';
import type { Context } from '../../core/context.ts';
import { OTHER_LABEL } from '../../core/counters.ts';
import type { Recording } from '../../core/recorder.ts';
import type { StreamAddress } from '../../core/stream-path.ts';
import { RecordError } from '../../errors.ts';
import { amfObject } from '../../protocols/amf/amf-value.ts';
import { FlvFileWriter } from '../../protocols/flv/flv-file-writer.ts';
import { type Disk, systemCode } from './disk.ts';
import type { DiskTurns } from './disk-turns.ts';
import { RecordFile, type WaitingBytes } from './record-file.ts';
import { streamFolder, streamOfFolder } from './record-paths.ts';
import { RecordSession } from './record-session.ts';

/** How long a file may take to be closed; a disk that hangs is not waited for, and the next start finishes the file. */
const CLOSE_MS = 30_000;
/** The same after a failure, which most likely is the disk's. */
const FAILED_CLOSE_MS = 5_000;

export interface ActiveRecordingOptions {
  readonly context: Context;
  readonly address: StreamAddress;
  /** The absolute folder of all recordings. */
  readonly root: string;
  readonly disk: Disk;
  readonly turns: DiskTurns;
  readonly waiting: WaitingBytes;
  readonly publisherId: string;
}

/** One recording from its beginning to its closed file: a player of the stream, and a file. */
export class ActiveRecording {
  readonly session: RecordSession;
  readonly root: string;
  readonly #options: ActiveRecordingOptions;
  readonly #writer: FlvFileWriter;
  readonly #file: RecordFile;
  readonly #done = Promise.withResolvers<Recording>();
  #filePath = '';
  #endTime = 0;
  #status: Recording['status'] = 'recording';
  #reason = '';

  constructor(options: ActiveRecordingOptions) {
    const { context, address, root, disk, turns, waiting } = options;
    this.#options = options;
    this.root = root;
    this.session = new RecordSession(context, address, (bytes) => this.#take(bytes));
    const isLong = streamOfFolder(streamFolder(address.path)) !== address.path;
    const own = { recordingId: this.session.id, ...(isLong ? { streamPath: address.path } : {}) };
    this.#writer = new FlvFileWriter(amfObject(own));
    this.#file = new RecordFile({
      disk,
      turns,
      waiting,
      writer: this.#writer,
      limits: context.config.record,
      isDurable: context.config.store.durability === 'fsync',
      onFailure: (error) => this.session.close(error),
    });
  }

  /** As it is now. */
  get recording(): Recording {
    const { address, publisherId } = this.#options;
    const { path: streamPath, app, name } = address;
    return {
      id: this.session.id,
      streamPath,
      app,
      name,
      filePath: this.#filePath,
      publisherId,
      startTime: this.session.createTime,
      endTime: this.#endTime,
      duration: this.#writer.index.durationMs,
      size: this.#writer.index.hasMedia ? this.#writer.size : 0,
      status: this.#status,
      reason: this.#reason,
    };
  }

  /** Is its file made? */
  get isOpen(): boolean {
    return this.#filePath !== '';
  }

  /** Resolves once `finish` has. */
  get done(): Promise<Recording> {
    return this.#done.promise;
  }

  #take(bytes: Buffer): void {
    const kept = this.#writer.take(bytes);
    this.session.outBytes += kept.length;
    this.#file.append(kept);
  }

  /** Resolves when the stream is there and the file is made. @throws AbsentError, RecordError, ClosedError */
  async open(): Promise<void> {
    const { address, root } = this.#options;
    try {
      await this.session.play();
      const folder = streamFolder(address.path);
      const file = await this.#file.open(root, join(root, folder), this.session.createTime);
      this.#filePath = `${folder}/${file}`;
      this.session.filePath = join(root, folder, file);
    } catch (error) {
      this.session.close(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  /** Waits for the end and closes the file. Never rejects. */
  async finish(): Promise<Recording> {
    const reason = await this.session.ended;
    const hasFailed = reason instanceof RecordError;
    const lateMs = hasFailed ? FAILED_CLOSE_MS : CLOSE_MS;
    const indexError = await within(this.#file.close(), lateMs);
    const failure = this.#file.failure ?? (hasFailed ? reason : null);
    this.#endTime = Date.now();
    const { counters } = this.#options.context;
    if (failure !== null || indexError === 'late') {
      const error = failure ?? new RecordError(`the disk did not take the end within ${lateMs} ms`);
      counters.count('recordings_failed', failureLabel(error));
      this.#fail(error);
    } else if (!this.#writer.index.hasMedia) this.#fail(new RecordError('no media came while it was recorded'));
    else this.#status = 'done';
    if (failure === null && indexError instanceof RecordError) {
      this.session.log('warn', 'a recording has no index: its end could not be written', { err: indexError });
    }
    const { recording } = this;
    this.#done.resolve(recording);
    return recording;
  }

  #fail(error: RecordError): void {
    this.#status = 'failed';
    this.#reason = error.message;
    this.session.endReason = error;
  }
}

/** The system's word for it, as a label. */
export function failureLabel(error: RecordError): string {
  if (error.cause !== undefined) return systemCode(error.cause) || OTHER_LABEL;
  return 'slow';
}

async function within<Result>(work: Promise<Result>, ms: number): Promise<Result | 'late'> {
  let timer: NodeJS.Timeout | null = null;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}
