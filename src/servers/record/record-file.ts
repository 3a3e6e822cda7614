import { dirname } from 'node:path';
import { RecordError } from '../../errors.ts';
import { fileHeadBytes, firstPageBytes, headBackPointer } from '../../protocols/flv/flv-file-head.ts';
import type { FlvFileWriter } from '../../protocols/flv/flv-file-writer.ts';
import { type Disk, type DiskFile, systemCode } from './disk.ts';
import type { DiskTurns } from './disk-turns.ts';
import { isBelow } from './record-paths.ts';

/** So much is written without waiting for `record.flushMs`. */
const FLUSH_BYTES = 256 * 1024;
/** A name that is taken (two recordings in a millisecond, or names that a file system takes for one) is tried with the next number. */
const MAX_NAMES = 16;

/** Bytes that wait for the disk, of all recordings together. */
export interface WaitingBytes {
  total: number;
}

export interface RecordFileOptions {
  readonly disk: Disk;
  readonly turns: DiskTurns;
  readonly waiting: WaitingBytes;
  readonly writer: FlvFileWriter;
  readonly limits: { readonly flushMs: number; readonly maxQueueBytes: number; readonly maxTotalQueueBytes: number };
  /** Is what was written to survive a power failure? */
  readonly isDurable: boolean;
  /** Nothing more is written; called once. */
  readonly onFailure: (error: RecordError) => void;
}

interface Block {
  readonly bytes: Buffer;
  /** The newest stamp up to its end. */
  readonly lastMs: number;
}

/** One file that grows: what it is given it hands to the system a few times a second, one write at a time. */
export class RecordFile {
  readonly #options: RecordFileOptions;
  #file: DiskFile | null = null;
  #path = '';
  #pending: Block[] = [];
  #pendingBytes = 0;
  /** Of `#pendingBytes`, those on their way. */
  #writingBytes = 0;
  /** The byte up to which all is written; 0 before the head is. */
  #end = 0;
  #lastMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #draining: Promise<void> | null = null;
  #failure: RecordError | null = null;
  #isClosing = false;

  constructor(options: RecordFileOptions) {
    this.#options = options;
  }

  /** The absolute path; '' before `open`. */
  get path(): string {
    return this.#path;
  }

  /** Why it takes no more; `null` while it does. */
  get failure(): RecordError | null {
    return this.#failure;
  }

  /**
   * Makes the file `<folder>/<number>.flv`, or with one of the next numbers, below `root`; gives back its name.
   * @throws RecordError
   */
  async open(root: string, folder: string, number: number): Promise<string> {
    try {
      return await this.#options.turns.run(() => this.#open(root, folder, number));
    } catch (error) {
      const failure = this.#failed(error);
      this.#failure = failure;
      this.#forgetPending();
      throw failure;
    }
  }

  async #open(root: string, folder: string, number: number): Promise<string> {
    const { disk } = this.#options;
    await disk.mkdir(folder);
    // A link among the folders may lead anywhere.
    if (!isBelow(await disk.realpath(root), await disk.realpath(folder))) {
      throw new RecordError(`${folder} leads out of the folder of recordings ${root}`);
    }
    for (let name = number; ; name++) {
      const path = `${folder}/${name}.flv`;
      try {
        this.#file = await disk.create(path);
        this.#path = path;
        this.#schedule();
        return `${name}.flv`;
      } catch (error) {
        const code = systemCode(error);
        const isLast = name - number >= MAX_NAMES;
        if (isLast || (code !== 'EEXIST' && code !== 'ENOENT')) throw error;
        // Somebody has removed the folder, empty as it was.
        if (code === 'ENOENT') await disk.mkdir(dirname(path));
      }
    }
  }

  /** Takes whole tags, which follow what it was given before. */
  append(bytes: Buffer): void {
    if (this.#failure !== null || this.#isClosing || bytes.length === 0) return;
    const { waiting, limits, writer } = this.#options;
    this.#pending.push({ bytes, lastMs: writer.index.lastMs });
    this.#pendingBytes += bytes.length;
    waiting.total += bytes.length;
    if (this.#pendingBytes > limits.maxQueueBytes) {
      this.#slow(`${this.#pendingBytes} bytes wait for the disk; record.maxQueueBytes is ${limits.maxQueueBytes}`);
    } else if (waiting.total > limits.maxTotalQueueBytes) {
      const { total } = waiting;
      this.#slow(`${total} bytes wait for the disk; record.maxTotalQueueBytes is ${limits.maxTotalQueueBytes}`);
    } else {
      this.#schedule();
    }
  }

  #slow(message: string): void {
    this.#fail(new RecordError(`the disk is too slow: ${message}`));
  }

  #schedule(): void {
    if (this.#file === null || this.#draining !== null || this.#failure !== null || this.#pending.length === 0) return;
    if (this.#pendingBytes >= FLUSH_BYTES) this.#startDraining();
    else this.#timer ??= setTimeout(() => this.#startDraining(), this.#options.limits.flushMs);
  }

  #startDraining(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#file === null || this.#draining !== null || this.#failure !== null) return;
    this.#draining = this.#drain(this.#file).then(
      () => {
        this.#draining = null;
        if (!this.#isClosing) this.#schedule();
      },
      (error: unknown) => {
        this.#draining = null;
        this.#fail(this.#failed(error));
      },
    );
  }

  async #drain(file: DiskFile): Promise<void> {
    if (this.#end === 0 && this.#pending.length > 0) await this.#writeHead(file, this.#options.writer.head());
    do {
      const blocks = this.#pending;
      const last = blocks.at(-1);
      if (last === undefined) return;
      this.#pending = [];
      const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0);
      this.#writingBytes = bytes;
      await this.#options.turns.run(() =>
        writeAll(
          file,
          blocks.map((block) => block.bytes),
          this.#end,
        ),
      );
      this.#writingBytes = 0;
      this.#end += bytes;
      this.#lastMs = last.lastMs;
      this.#release(bytes);
    } while (this.#pendingBytes >= FLUSH_BYTES);
  }

  async #writeHead(file: DiskFile, head: Buffer): Promise<void> {
    await this.#options.turns.run(async () => {
      await writeAll(file, [head], 0);
      await writeAll(file, [headBackPointer], fileHeadBytes - headBackPointer.length);
    });
    this.#end = fileHeadBytes;
  }

  #release(bytes: number): void {
    this.#pendingBytes -= bytes;
    this.#options.waiting.total -= bytes;
  }

  #fail(error: RecordError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#forgetPending();
    this.#options.onFailure(error);
  }

  /** What is on its way counts until it has arrived. */
  #forgetPending(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#pending = [];
    this.#release(this.#pendingBytes - this.#writingBytes);
  }

  #failed(error: unknown): RecordError {
    if (error instanceof RecordError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new RecordError(`the recording cannot be written: ${message}`, { cause: error });
  }

  /**
   * Writes what waits, and the index into the head; then the file is closed. One without media is removed. Returns what went
   * wrong at the end: the media is there, but without an index.
   */
  async close(): Promise<RecordError | null> {
    this.#isClosing = true;
    while (this.#failure === null && (this.#draining !== null || this.#pending.length > 0)) {
      this.#startDraining();
      await this.#draining;
    }
    await this.#draining;
    if (this.#file === null) return null;
    // Of a write that went wrong, some may be there.
    if (this.#failure !== null) this.#release(this.#pendingBytes);
    const { turns, disk } = this.#options;
    const file = this.#file;
    this.#file = null;
    return turns.run(async () => {
      try {
        if (this.#end > fileHeadBytes) {
          await this.#finish(file);
          return null;
        }
        this.#options.writer.cut(fileHeadBytes, -1);
        await disk.remove(this.#path);
        return null;
      } catch (error) {
        return this.#failed(error);
      } finally {
        await file.close().catch(() => undefined);
      }
    });
  }

  async #finish(file: DiskFile): Promise<void> {
    const { writer, isDurable } = this.#options;
    if (this.#failure !== null) {
      writer.cut(this.#end, this.#lastMs);
      await file.truncate(this.#end);
    }
    await writeClosedHead(file, (options) => writer.closedHead(options), { isDurable });
  }
}

/**
 * Puts the index into a file's head: behind the first page at first, where nobody looks yet, then with the first page, of which
 * a killed process has written all or nothing. When the disk is too full for the index the first page alone is written.
 */
export async function writeClosedHead(
  file: DiskFile,
  headOf: (options: { readonly entries: boolean }) => Buffer,
  { isDurable }: { readonly isDurable: boolean },
): Promise<void> {
  const head = headOf({ entries: true });
  try {
    if (head.length > firstPageBytes) await writeAll(file, [head.subarray(firstPageBytes)], firstPageBytes);
    if (isDurable) await file.datasync();
    await writeAll(file, [head.subarray(0, firstPageBytes)], 0);
  } catch (error) {
    await writeAll(file, [headOf({ entries: false })], 0);
    throw error;
  }
  if (isDurable) await file.datasync();
}

/** A write of a full disk may do a part; the next says why. */
async function writeAll(file: DiskFile, pieces: readonly Buffer[], position: number): Promise<void> {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (pieces.length > 1) {
    const { bytesWritten } = await file.writev(pieces, position);
    if (bytesWritten === length) return;
    return writeAll(file, [Buffer.concat(pieces).subarray(bytesWritten)], position + bytesWritten);
  }
  const [bytes = Buffer.alloc(0)] = pieces;
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw new RecordError('the disk takes no bytes');
    done += bytesWritten;
  }
}
