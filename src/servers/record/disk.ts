import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, realpath, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

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
  mkdir: makeFolder,
  create: (path) => open(path, 'wx'),
  realpath: (path) => realpath(path),
  remove: (path) => rm(path, { force: true }),
};

/**
 * Makes a folder and those above it. Node's own `recursive` calls every reason ENOENT (a disk that is read-only, EROFS), and
 * never ends where the system says ENOENT of a folder whose parent is there, as in /proc.
 */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder(path)) return;
    if (systemCode(error) !== 'ENOENT') throw error;
    const parent = dirname(path);
    if (!(await isFolder(parent))) await makeFolder(parent);
    // Another recording may have made either meanwhile.
    await mkdir(path).catch(async (again: unknown) => {
      if (!(await isFolder(path))) throw again;
    });
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found?.isDirectory() === true;
}

/** What the system says is wrong (`ENOSPC`); '' when it is none of the system's. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
