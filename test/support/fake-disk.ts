import { type Disk, type DiskFile, fileSystem } from '../../src/servers/record/disk.ts';

type Operation = 'mkdir' | 'create' | 'write' | 'truncate' | 'close';

/** The real file system, of which a test can make an operation fail, hang, or do a part. */
export class FakeDisk implements Disk {
  /** Errors by operation; of `write`, from so many written bytes on. */
  readonly failures = new Map<Operation, { readonly code: string; readonly afterBytes?: number }>();
  /** While it is not `null`, writes wait for it. */
  gate: Promise<void> | null = null;
  writes = 0;
  written = 0;
  /** Writes at this byte of a file or behind it find the disk full. */
  fullFrom = Number.POSITIVE_INFINITY;
  /** Bytes that one write does at most. */
  mostAtOnce = Number.POSITIVE_INFINITY;

  fail(operation: Operation, code: string, afterBytes = 0): void {
    this.failures.set(operation, { code, afterBytes });
  }

  #check(operation: Operation): void {
    const failure = this.failures.get(operation);
    if (failure === undefined || this.written < (failure.afterBytes ?? 0)) return;
    throw Object.assign(new Error(`${failure.code}: as the test wants it, ${operation}`), { code: failure.code });
  }

  async mkdir(path: string): Promise<void> {
    this.#check('mkdir');
    await fileSystem.mkdir(path);
  }

  realpath(path: string): Promise<string> {
    return fileSystem.realpath(path);
  }

  remove(path: string): Promise<void> {
    return fileSystem.remove(path);
  }

  async create(path: string): Promise<DiskFile> {
    this.#check('create');
    const file = await fileSystem.create(path);
    const write = async (bytes: Buffer, position: number) => {
      if (this.gate !== null) await this.gate;
      this.#check('write');
      if (position >= this.fullFrom) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
      this.writes++;
      const failure = this.failures.get('write');
      const left = failure === undefined ? Number.POSITIVE_INFINITY : (failure.afterBytes ?? 0) - this.written;
      const length = Math.min(bytes.length, this.mostAtOnce, left);
      const { bytesWritten } = await file.write(bytes, 0, length, position);
      this.written += bytesWritten;
      return { bytesWritten, buffer: bytes };
    };
    return {
      write: ((bytes: Buffer, offset: number, length: number, position: number) =>
        write(bytes.subarray(offset, offset + length), position)) as DiskFile['write'],
      writev: ((pieces: Buffer[], position: number) =>
        write(Buffer.concat(pieces), position)) as unknown as DiskFile['writev'],
      truncate: async (length) => {
        this.#check('truncate');
        await file.truncate(length);
      },
      datasync: () => file.datasync(),
      close: async () => {
        this.#check('close');
        await file.close();
      },
    };
  }
}
