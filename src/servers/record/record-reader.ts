import type { FileHandle } from 'node:fs/promises';
import type { Recording } from '../../core/recorder.ts';
import type { AmfObject } from '../../protocols/amf/amf-value.ts';
import { decodeFileHead, fileHeadBytes } from '../../protocols/flv/flv-file-head.ts';
import { FlvFileWalk, walkStepBytes } from '../../protocols/flv/flv-file-walk.ts';
import { closedHead } from '../../protocols/flv/flv-file-writer.ts';
import {
  backPointerBytes,
  decodeTagHeader,
  flvTagType,
  maxFlvHeaderBytes,
  tagHeaderBytes,
} from '../../protocols/flv/flv-tag.ts';
import { type FlvTagRole, tagRole } from '../../protocols/flv/flv-tag-role.ts';
import { writeClosedHead } from './record-file.ts';

/** Bytes that are read of a file at once. */
const READ_BYTES = 256 * 1024;
/** Tags at the end of a file that are looked at for the newest stamp: sound and pictures are not quite in order. */
const LAST_TAGS = 32;

const MEDIA: ReadonlySet<FlvTagRole> = new Set(['key', 'video', 'audio']);

/** What is in a file. */
export interface FileFacts {
  /** As its onMetaData has it, if we wrote it. */
  readonly id: string | null;
  readonly streamPath: string | null;
  /** Milliseconds. */
  readonly duration: number;
  readonly size: number;
  /** `empty`: ours, and without any media. */
  readonly status: Extract<Recording['status'], 'done' | 'repaired'> | 'empty';
}

export interface ReadOptions {
  /** Says whether to stop. */
  readonly isOver: () => boolean;
  /** May a file be finished that is not? */
  readonly mayFinish: boolean;
}

/**
 * Learns what is in a file. One that we did not finish is finished: its cut tail goes, its index comes. Files of others are
 * never changed.
 * @param file open for reading and writing
 * @returns `null`: it is no FLV with media, or `isOver` said so; `busy`: it is not finished, and may not be
 * @throws whatever the system says
 */
export async function readRecording(
  file: FileHandle,
  size: number,
  options: ReadOptions,
): Promise<FileFacts | 'busy' | null> {
  const head = await readAt(file, 0, Math.min(fileHeadBytes, size));
  const said = decodeFileHead(head);
  if (said === null || typeof said['recordingId'] !== 'string') return readForeign(file, head, size, options);
  if (said['filesize'] === size) return factsOf(said, size, 'done');
  return options.mayFinish ? repair(file, said, size, options) : 'busy';
}

function factsOf(said: Readonly<AmfObject>, size: number, status: FileFacts['status']): FileFacts {
  const { recordingId, streamPath, duration } = said;
  return {
    id: typeof recordingId === 'string' ? recordingId : null,
    streamPath: typeof streamPath === 'string' ? streamPath : null,
    duration: typeof duration === 'number' && duration >= 0 ? Math.round(duration * 1000) : 0,
    size,
    status,
  };
}

async function repair(
  file: FileHandle,
  said: Readonly<AmfObject>,
  size: number,
  { isOver }: ReadOptions,
): Promise<FileFacts | null> {
  const walk = new FlvFileWalk({ firstTag: fileHeadBytes, fileBytes: size });
  if (!(await walkThrough(file, walk, { size, isOver }))) return null;
  const { index, end } = walk;
  if (!index.hasMedia) return factsOf(said, size, 'empty');
  if (end < size) await file.truncate(end);
  const headOf = (options: { readonly entries: boolean }) => closedHead(said, index, { fileBytes: end, ...options });
  await writeClosedHead(file, headOf, { isDurable: true });
  return { ...factsOf(said, end, 'repaired'), duration: index.durationMs };
}

/** Says whether it got to the end; a file that becomes shorter meanwhile has none. */
async function walkThrough(
  file: FileHandle,
  walk: FlvFileWalk,
  { size, isOver }: { readonly size: number; readonly isOver: () => boolean },
): Promise<boolean> {
  while (!walk.isOver) {
    if (isOver()) return false;
    const bytes = await readAt(file, walk.position, READ_BYTES);
    if (bytes.length < walkStepBytes && walk.position + bytes.length < size) return false;
    walk.take(bytes);
  }
  return true;
}

/** Of a file that others wrote: from its first stamp to its last. */
async function readForeign(
  file: FileHandle,
  head: Buffer,
  size: number,
  { isOver, mayFinish }: ReadOptions,
): Promise<FileFacts | 'busy' | null> {
  const isFlv = head.length >= 9 + backPointerBytes && head.toString('latin1', 0, 3) === 'FLV';
  const headerBytes = isFlv ? head.readUInt32BE(5) : 0;
  if (headerBytes < 9 || headerBytes > maxFlvHeaderBytes) return null;
  const firstTag = headerBytes + backPointerBytes;
  const times = await readTimes(file, head, { firstTag, size });
  if (times !== null) return factsOf({ duration: (times.last - times.first) / 1000 }, size, 'done');
  if (!mayFinish) return 'busy';
  const walk = new FlvFileWalk({ firstTag, fileBytes: size, isForeign: true });
  if (!(await walkThrough(file, walk, { size, isOver }))) return null;
  return walk.index.hasMedia ? factsOf({ duration: walk.index.lastMs / 1000 }, size, 'done') : null;
}

/** The first and the last stamp, by the back pointers at the end; `null` when they lead nowhere: the file is cut. */
async function readTimes(
  file: FileHandle,
  head: Buffer,
  { firstTag, size }: { readonly firstTag: number; readonly size: number },
): Promise<{ readonly first: number; readonly last: number } | null> {
  const first = firstStamp(head, firstTag);
  if (first === null) return null;
  let last: number | null = null;
  let end = size;
  for (let count = 0; count < LAST_TAGS && end > firstTag; count++) {
    const length = (await readAt(file, end - backPointerBytes, backPointerBytes)).readUInt32BE();
    const start = end - backPointerBytes - length;
    if (length < tagHeaderBytes || start < firstTag) return null;
    const tag = decodeTagHeader(await readAt(file, start, tagHeaderBytes));
    if (tag.size + tagHeaderBytes !== length) return null;
    if (isMedia(tag.type)) last = Math.max(last ?? 0, first + ((tag.timestampMs - first) | 0));
    end = start;
  }
  return last === null ? null : { first, last: Math.max(last, first) };
}

function isMedia(type: number): boolean {
  return type === flvTagType.audio || type === flvTagType.video;
}

/** The stamp of the first sound or picture; headers may carry any. `null`: not at the beginning of the file. */
function firstStamp(head: Buffer, firstTag: number): number | null {
  for (let at = firstTag; at + tagHeaderBytes <= head.length; ) {
    const tag = decodeTagHeader(head, at);
    const body = head.subarray(at + tagHeaderBytes).subarray(0, tag.size);
    if (MEDIA.has(tagRole(tag.type, body))) return tag.timestampMs;
    at += tagHeaderBytes + tag.size + backPointerBytes;
  }
  return null;
}

/** As many bytes as there are, up to `length`. */
async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
