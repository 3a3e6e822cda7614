import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { parseStreamPath, type StreamPath } from '../../core/stream-path.ts';
import { ProtocolError } from '../../errors.ts';

/** Bytes of one name that every file system takes. */
const MAX_NAME_BYTES = 255;
const DIGEST_DIGITS = 16;

/** A part of a stream's path as the name of a folder: itself, or, when it is too long, its beginning and a digest. */
function folderName(part: string): string {
  if (Buffer.byteLength(part) <= MAX_NAME_BYTES) return part;
  const digest = createHash('sha256').update(part).digest('hex').slice(0, DIGEST_DIGITS);
  let start = '';
  for (const character of part) {
    if (Buffer.byteLength(start + character) > MAX_NAME_BYTES - DIGEST_DIGITS - 1) break;
    start += character;
  }
  return `${start}~${digest}`;
}

/** The folder of a stream, relative to that of all recordings, with `/`. */
export function streamFolder(streamPath: StreamPath): string {
  return streamPath.slice(1).split('/').map(folderName).join('/');
}

/** The stream that a folder is of, unless its name was too long; `null` when it can be none's. */
export function streamOfFolder(folder: string): StreamPath | null {
  try {
    return parseStreamPath(`/${folder}`).path;
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** Is `path` strictly below `root`? Both absolute; neither is looked up. */
export function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** The absolute path of an existing file below `root`, links followed; `null` when it is not there, or leads out. */
export function locateBelow(root: string, filePath: string): string | null {
  const path = resolve(root, filePath);
  if (!isBelow(root, path)) return null;
  try {
    const real = realpathSync(path);
    return isBelow(realpathSync(root), real) ? real : null;
  } catch {
    return null;
  }
}
