import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, realpath, rm } from 'node:fs/promises';

/** An open file, as far as recordings need one. */
export type DiskFile = Pick<FileHandle, 'write' | 'writev' | 'truncate' | 'datasync' | 'close'>;

/** Where recordings are written: the file system, or what a test puts in its place. */
export interface Disk {
  mkdir(path: string): Promise<void>;
  /** Makes a file that was not there before, without following a link. */
  create(path: string): Promise<DiskFile>;
  realpath(path: string): Promise<string>;
  remove(path: string): Promise<void>;
}

export const fileSystem: Disk = {
  mkdir: async (path) => void (await mkdir(path, { recursive: true })),
  create: (path) => open(path, 'wx'),
  realpath: (path) => realpath(path),
  remove: (path) => rm(path, { force: true }),
};

/** What the system says is wrong (`ENOSPC`); '' when it is none of the system's. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
