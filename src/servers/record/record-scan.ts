import { createHash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, open, opendir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Logger } from '../../core/logger.ts';
import type { Recording } from '../../core/recorder.ts';
import { MAX_APP_PARTS, parseStreamPath, type StreamPath } from '../../core/stream-path.ts';
import { fileHeadBytes } from '../../protocols/flv/flv-file-head.ts';
import type { KnownFile, RecordLibrary } from './record-library.ts';
import { type FileFacts, readRecording } from './record-reader.ts';
import { streamFolder, streamOfFolder } from './record-paths.ts';

/** A file that changed since then may be another program's, which is not done with it yet. */
const BUSY_MS = 60_000;
/** Folders in folders: the parts of an app, and the name. */
const MAX_DEPTH = MAX_APP_PARTS + 1;
const ID_BYTES = 12;

export interface RecordScanOptions {
  /** The folder of recordings. */
  readonly root: string;
  readonly library: RecordLibrary;
  readonly logger: Logger;
  /** Is this file being written now, by this server? */
  isOurs(filePath: string): boolean;
  isOver(): boolean;
}

/** What a scan did, in files. */
export interface ScanReport {
  /** Listed now, and not before. */
  found: number;
  /** Of these and of those that were listed: finished. */
  repaired: number;
  /** Not there any more. */
  gone: number;
  /** Perhaps being written by another program: to be looked at again. */
  busy: number;
}

interface Candidate {
  readonly filePath: string;
  readonly path: string;
  readonly size: number;
  readonly changedAt: number;
  readonly known: KnownFile | undefined;
}

/**
 * Brings what is known of a folder of recordings up to what is in it: finishes what a crash has left, lists what is new, and
 * forgets what is gone. One file at a time; links are not followed. Never rejects for a single file.
 */
export async function scanRecordings(options: RecordScanOptions): Promise<ScanReport> {
  const { root, library, isOver, isOurs } = options;
  const report: ScanReport = { found: 0, repaired: 0, gone: 0, busy: 0 };
  const known = library.known(root);
  const unseen = new Set(known.keys());
  for await (const filePath of files(options)) {
    if (isOver()) return report;
    unseen.delete(filePath);
    const candidate = await look(root, filePath, known.get(filePath) ?? library.at(root, filePath));
    if (candidate === null || isOurs(filePath) || isUnchanged(candidate)) continue;
    await examine(options, candidate, report);
  }
  if (isOver()) return report;
  const gone = [...unseen].filter((filePath) => !isOurs(filePath)).map((filePath) => known.get(filePath)!.id);
  library.remove(gone);
  report.gone = gone.length;
  return report;
}

/** Paths relative to the root, with `/`, of what may be recordings. */
async function* files({ root, logger, isOver }: RecordScanOptions): AsyncGenerator<string> {
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined && !isOver(); folder = folders.pop()) {
    const depth = folder === '' ? 0 : folder.split('/').length;
    try {
      for await (const entry of await opendir(join(root, folder))) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory() && depth < MAX_DEPTH) folders.push(path);
        else if (isRecording(entry, depth)) yield path;
      }
    } catch (error) {
      logger.warn({ folder: join(root, folder), err: error }, 'a folder of recordings cannot be read');
    }
  }
}

function isRecording(entry: Dirent, depth: number): boolean {
  return depth >= 2 && entry.isFile() && entry.name.endsWith('.flv');
}

async function look(root: string, filePath: string, known: KnownFile | undefined): Promise<Candidate | null> {
  const path = join(root, filePath);
  const stats = await stat(path).catch(() => null);
  return stats === null ? null : { filePath, path, size: stats.size, changedAt: stats.mtimeMs, known };
}

function isUnchanged({ known, size }: Candidate): boolean {
  if (known === undefined) return false;
  return known.isForgotten || (known.status !== 'recording' && known.size === size);
}

async function examine(options: RecordScanOptions, candidate: Candidate, report: ScanReport): Promise<void> {
  const { filePath, path, size, known, changedAt } = candidate;
  const { logger, isOver } = options;
  let file: FileHandle | null = null;
  try {
    file = await openFile(path);
    // Who holds our store is alone with what it knows; of what it does not know, another server may be the author.
    const mayFinish = known !== undefined || Date.now() - changedAt > BUSY_MS;
    const facts = await readRecording(file, size, { isOver, mayFinish });
    if (facts === 'busy') report.busy++;
    else if (isEmpty(facts, candidate)) await discard(options, candidate);
    else if (facts !== null && facts.status !== 'empty')
      list(options, candidate, { ...facts, status: facts.status }, report);
  } catch (error) {
    logger.warn({ file: filePath, err: error }, 'a recording cannot be read or finished');
  } finally {
    await file?.close().catch(() => undefined);
  }
}

/** Files that may only be read are listed when they are whole. */
async function openFile(path: string): Promise<FileHandle> {
  const noFollow = constants.O_NOFOLLOW ?? 0;
  try {
    return await open(path, constants.O_RDWR | noFollow);
  } catch {
    return open(path, constants.O_RDONLY | noFollow);
  }
}

/** Ours, and killed before the first media: there is nothing to keep. */
function isEmpty(facts: FileFacts | null, { known, size }: Candidate): boolean {
  if (facts?.status === 'empty') return true;
  return facts === null && known?.status === 'recording' && size <= fileHeadBytes;
}

async function discard({ library, logger }: RecordScanOptions, { path, filePath, known }: Candidate): Promise<void> {
  await rm(path, { force: true });
  if (known !== undefined) library.remove([known.id]);
  logger.info({ file: filePath }, 'a recording that a crash had left without media was removed');
}

function list(
  { root, library, logger }: RecordScanOptions,
  candidate: Candidate,
  facts: FileFacts & { readonly status: 'done' | 'repaired' },
  report: ScanReport,
): void {
  const recording = describe(root, candidate, facts, library);
  if (recording === null) return;
  if (facts.status === 'repaired') {
    report.repaired++;
    const { size, duration } = recording;
    logger.info({ file: candidate.filePath, size, duration, cut: candidate.size - size }, 'a recording was repaired');
  } else if (candidate.known === undefined) {
    report.found++;
  }
  library.put(root, recording);
}

function describe(root: string, candidate: Candidate, facts: FileFacts, library: RecordLibrary): Recording | null {
  const { filePath, changedAt, known } = candidate;
  const folder = filePath.slice(0, filePath.lastIndexOf('/'));
  const streamPath = streamOf(folder, facts.streamPath);
  if (streamPath === null) return null;
  const { app, name } = parseStreamPath(streamPath);
  const number = /^\d{12,15}$/.exec(basename(filePath, '.flv'))?.[0];
  const changed = Math.round(changedAt);
  const startTime = number === undefined ? Math.max(changed - facts.duration, 0) : Number(number);
  const fresh = known === undefined ? null : library.find(root, known.id);
  return {
    id: known?.id ?? idOf(root, filePath, facts, library),
    streamPath,
    app,
    name,
    filePath,
    publisherId: fresh?.publisherId ?? '',
    startTime: fresh?.startTime ?? startTime,
    endTime: Math.max(changed, startTime),
    duration: facts.duration,
    size: facts.size,
    status: facts.status === 'repaired' ? 'repaired' : 'done',
    reason: '',
  };
}

/** What the file says of its stream counts where the folder's name was too short to say it. */
function streamOf(folder: string, said: string | null): StreamPath | null {
  const stream = said === null ? null : streamOfFolder(said.slice(1));
  return stream !== null && streamFolder(stream) === folder ? stream : streamOfFolder(folder);
}

/** The one in the file, unless that is a copy; of others' files, always the same. */
function idOf(root: string, filePath: string, { id }: FileFacts, library: RecordLibrary): string {
  if (id !== null && !library.has(id)) return id;
  return createHash('sha256')
    .update(`${root}\0${filePath}`)
    .digest('base64url')
    .slice(0, (ID_BYTES * 4) / 3);
}
