import type { AmfObject } from '../amf/amf-value.ts';
import { amfObject } from '../amf/amf-value.ts';
import { decodeFileMetadata, encodeFileHead, fileHeadBytes, firstPageBytes, shortValues } from './flv-file-head.ts';
import { FlvFileIndex } from './flv-file-index.ts';
import { backPointerBytes, decodeTagHeader, flvHeaderBytes, tagHeaderBytes } from './flv-tag.ts';
import { tagRole } from './flv-tag-role.ts';

const UNSAID = amfObject();

/**
 * Turns what an FLV muxer writes for one player into a file: stamps begin at 0, and the one onMetaData is in the file's head.
 * `head` and what `take` gives back, one behind the other from `fileHeadBytes` on, are the file.
 */
export class FlvFileWriter {
  readonly index: FlvFileIndex;
  /** What is said in onMetaData beside what publisher and file say. */
  readonly #own: AmfObject;
  #publisher: AmfObject | null = null;
  #hasBegun = false;
  #announced = { hasAudio: true, hasVideo: true };
  /** The unwrapped stamp of the last tag, and of the first. */
  #clock: number | null = null;
  #base = 0;
  #size = fileHeadBytes;

  constructor(own: AmfObject = UNSAID, index: FlvFileIndex = new FlvFileIndex()) {
    this.#own = own;
    this.index = index;
  }

  /** Bytes of the file so far. */
  get size(): number {
    return this.#size;
  }

  /** Whole tags, at first behind a header; what is given back is the caller's. */
  take(bytes: Buffer): Buffer {
    let at = 0;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      const flags = bytes[4] ?? 0;
      this.#announced = { hasAudio: (flags & 4) !== 0, hasVideo: (flags & 1) !== 0 };
      at = flvHeaderBytes;
    }
    const kept = Buffer.allocUnsafeSlow(bytes.length - at);
    let length = 0;
    while (at < bytes.length) {
      const end = at + tagHeaderBytes + decodeTagHeader(bytes, at).size + backPointerBytes;
      length += this.#tag(bytes.subarray(at, end), kept, length);
      at = end;
    }
    return kept.subarray(0, length);
  }

  /** Returns how many bytes were put into `target`. */
  #tag(tag: Buffer, target: Buffer, at: number): number {
    const { type, timestampMs } = decodeTagHeader(tag);
    const body = tag.subarray(tagHeaderBytes, -backPointerBytes);
    const role = tagRole(type, body);
    if (role === 'metadata') {
      // A second one in the middle of a file would make mpegts.js forget the index in the first.
      const values = this.#publisher === null ? decodeFileMetadata(body) : null;
      if (values !== null) this.#publisher = shortValues(values);
      return 0;
    }
    const timeMs = this.#rebase(timestampMs);
    this.index.add({ role, timeMs, position: this.#size });
    tag.copy(target, at);
    target.writeUIntBE(timeMs % 0x1000000, at + 4, 3);
    target[at + 7] = Math.floor(timeMs / 0x1000000) & 0xff;
    this.#size += tag.length;
    return tag.length;
  }

  #rebase(timestampMs: number): number {
    if (this.#clock === null) this.#base = timestampMs;
    this.#clock = this.#clock === null ? timestampMs : this.#clock + ((timestampMs - this.#clock) | 0);
    return Math.max(this.#clock - this.#base, 0);
  }

  /** The head of a file that is being written; it fits into the first page. */
  head(): Buffer {
    const values = { ...this.#publisher, ...this.#own };
    return encodeFileHead({ ...this.#announced, values: amfObject(values) })!.subarray(0, firstPageBytes);
  }

  /** The head of a closed file; without `entries` it fits into the first page. */
  closedHead(options: { readonly entries: boolean }): Buffer {
    return closedHead({ ...this.#publisher, ...this.#own }, this.index, { fileBytes: this.#size, ...options });
  }

  /** The file ends at `size` after all, with media up to `lastMs`: the rest could not be written. */
  cut(size: number, lastMs: number): void {
    this.#size = size;
    this.index.cut(size, lastMs);
  }
}

/** The head of a closed file of which onMetaData has said `said` so far. */
export function closedHead(
  said: Readonly<AmfObject>,
  index: FlvFileIndex,
  { fileBytes, entries }: { readonly fileBytes: number; readonly entries: boolean },
): Buffer {
  const { hasAudio, hasVideo } = index;
  const ours = index.values(fileBytes, { entries });
  const encode = (values: Readonly<AmfObject>) => {
    return encodeFileHead({ hasAudio, hasVideo, values: amfObject({ ...values, ...ours }) });
  };
  // Of a file that somebody else has changed, more may be said than there is room for beside the index.
  return encode(said) ?? encode(shortValues(amfObject(said)))!;
}
