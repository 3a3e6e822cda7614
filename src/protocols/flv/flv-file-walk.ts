import { FlvFileIndex } from './flv-file-index.ts';
import { backPointerBytes, decodeTagHeader, flvTagType, tagHeaderBytes } from './flv-tag.ts';
import { type FlvTagRole, roleBytes, tagRole } from './flv-tag-role.ts';

/** The most that is looked at of one tag: the back pointer before it, its header, and the beginning of its body. */
export const walkStepBytes = backPointerBytes + tagHeaderBytes + roleBytes;

const TYPES: ReadonlySet<number> = new Set(Object.values(flvTagType));

/** Where a walk begins, and how long the file is. */
export interface FlvFileWalkOptions {
  /** The byte at which the first tag begins; a back pointer is before it. */
  readonly firstTag: number;
  readonly fileBytes: number;
  /** Are the stamps those of a publisher, that need not begin at 0? */
  readonly isForeign?: boolean;
}

interface Found {
  readonly role: FlvTagRole;
  readonly timeMs: number;
  readonly position: number;
  readonly bytes: number;
}

/**
 * Goes from tag to tag of a file that may end anywhere, and learns what is in it. A tag counts once the back pointer behind
 * it is right. Reads nothing itself: give it the bytes at `position`, `walkStepBytes` at least unless the file ends before.
 */
export class FlvFileWalk {
  readonly index = new FlvFileIndex();
  readonly #fileBytes: number;
  readonly #isForeign: boolean;
  #position: number;
  #end: number;
  #found: Found | null = null;
  #isOver = false;
  #clock: number | null = null;
  #base = 0;

  constructor({ firstTag, fileBytes, isForeign = false }: FlvFileWalkOptions) {
    this.#fileBytes = fileBytes;
    this.#isForeign = isForeign;
    this.#position = firstTag - backPointerBytes;
    this.#end = firstTag;
  }

  /** The byte it wants to read from next: always a back pointer. */
  get position(): number {
    return this.#position;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The byte at which the last whole tag ends. */
  get end(): number {
    return this.#end;
  }

  /** `bytes` are those of the file at `position`, as many as there are at hand. */
  take(bytes: Buffer): void {
    const start = this.#position;
    const isLast = start + bytes.length >= this.#fileBytes;
    while (!this.#isOver) {
      const at = this.#position - start;
      if (!isLast && at + walkStepBytes > bytes.length) return;
      this.#step(bytes.subarray(Math.min(at, bytes.length), at + walkStepBytes));
    }
  }

  #step(bytes: Buffer): void {
    if (bytes.length < backPointerBytes || !this.#isConfirmed(bytes.readUInt32BE())) {
      this.#isOver = true;
      return;
    }
    const position = this.#position + backPointerBytes;
    this.#end = position;
    const tag = bytes.length < backPointerBytes + tagHeaderBytes ? null : decodeTagHeader(bytes, backPointerBytes);
    if (tag === null || !TYPES.has(tag.type)) {
      this.#isOver = true;
      return;
    }
    const body = bytes.subarray(backPointerBytes + tagHeaderBytes).subarray(0, tag.size);
    const role = tagRole(tag.type, body);
    const timeMs = role === 'metadata' ? 0 : this.#timeOf(tag.timestampMs, role);
    this.#found = { role, timeMs, position, bytes: tagHeaderBytes + tag.size };
    this.#position = position + this.#found.bytes;
  }

  /** The back pointer behind the tag before; that before the first tag says nothing. */
  #isConfirmed(backPointer: number): boolean {
    const found = this.#found;
    if (found === null) return true;
    if (!this.#isForeign && backPointer !== found.bytes) return false;
    this.index.add(found);
    return true;
  }

  #timeOf(timestampMs: number, role: FlvTagRole): number {
    const isMedia = role === 'key' || role === 'video' || role === 'audio';
    if (this.#clock === null) {
      if (this.#isForeign && !isMedia) return 0;
      this.#base = this.#isForeign ? timestampMs : 0;
      this.#clock = this.#base;
    }
    // Headers and data of others carry any stamp.
    if (this.#isForeign && !isMedia) return Math.max(this.#clock - this.#base, 0);
    this.#clock += (timestampMs - this.#clock) | 0;
    return Math.max(this.#clock - this.#base, 0);
  }
}
