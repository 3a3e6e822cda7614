import { ByteQueue } from '../../bytes/byte-queue.ts';
import { ownMemory } from '../../bytes/own-memory.ts';
import { MAX_SHARE_BYTES, Slab } from '../../bytes/slab.ts';
import { ProtocolError } from '../../errors.ts';
import { type WireLimits, wireLimits } from '../../media/limits.ts';
import type { AVPacket, Track } from '../../media/packet.ts';
import { flvError } from './flv-error.ts';
import { type FlvBodyKind, FlvPacketReader } from './flv-packet-reader.ts';
import {
  backPointerBytes,
  decodeFlvHeader,
  decodeTagHeader,
  type FlvHeader,
  flvTagType,
  tagHeaderBytes,
} from './flv-tag.ts';

const kinds: ReadonlyMap<number, FlvBodyKind> = new Map([
  [flvTagType.audio, 'audio'],
  [flvTagType.video, 'video'],
  [flvTagType.data, 'data'],
  [flvTagType.dataAmf3, 'data-amf3'],
]);

const NOTHING = Buffer.alloc(0);
const NO_PACKETS: readonly AVPacket[] = [];
/** Memory for a tag of which only a part is here is so many times what has come of it. */
const GROWTH = 4;

/**
 * Reads an FLV file or stream as it comes. What is not FLV from its first byte, or has a tag above `maxMessageBytes`, is a
 * `ProtocolError`, thrown by every further `next`; a cut end is no error.
 */
export class FlvDemuxer {
  readonly #input = new ByteQueue();
  readonly #limits: WireLimits;
  readonly #slab = new Slab();
  readonly #reader: FlvPacketReader;
  readonly #packets: Generator<readonly AVPacket[] | null, never>;
  #header: FlvHeader | null = null;
  #failure: ProtocolError | null = null;
  #malformed = 0;
  #skipped = 0;

  constructor(limits: Partial<WireLimits> = {}) {
    this.#limits = { ...wireLimits, ...limits };
    this.#reader = new FlvPacketReader(limits);
    this.#packets = this.#read();
  }

  /** What the file says of itself; `null` before it was read. */
  get header(): FlvHeader | null {
    return this.#header;
  }

  /** The tracks seen so far. */
  get tracks(): readonly Track[] {
    return this.#reader.tracks;
  }

  /** Tags dropped because their bodies cannot be read. */
  get malformed(): number {
    return this.#malformed;
  }

  /** Tags passed over: encrypted, or of a type nobody defined. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Bytes consumed since the beginning. */
  get position(): number {
    return this.#input.position;
  }

  /** The chunk may be kept, not copied: it must not change. */
  push(chunk: Buffer): void {
    this.#input.push(chunk);
  }

  /** The packets of the next tag, none of one that is passed over; `null`: give me more. */
  next(): readonly AVPacket[] | null {
    if (this.#failure !== null) throw this.#failure;
    try {
      return this.#packets.next().value;
    } catch (error) {
      if (error instanceof ProtocolError) this.#failure = error;
      throw error;
    }
  }

  /** FLV E.2 to E.4: a header, then back pointer and tag for ever. Back pointers are often wrong and never needed. */
  *#read(): Generator<readonly AVPacket[] | null, never> {
    const input = this.#input;
    yield* this.#readHeader();
    for (;;) {
      yield* this.#skip(backPointerBytes);
      while (input.size < tagHeaderBytes) yield null;
      const tag = decodeTagHeader(input.take(tagHeaderBytes));
      const kind = tag.isFiltered ? undefined : kinds.get(tag.type);
      if (kind === undefined) {
        this.#skipped++;
        yield* this.#skip(tag.size);
        yield NO_PACKETS;
        continue;
      }
      if (tag.size > this.#limits.maxMessageBytes) {
        throw flvError(
          `tag of ${tag.size} bytes exceeds maxMessageBytes ${this.#limits.maxMessageBytes}`,
          input.position,
          'maxMessageBytes',
        );
      }
      const body = yield* this.#readBody(tag.size);
      yield this.#packetsOf(kind, tag.timestampMs, body);
    }
  }

  *#readHeader(): Generator<null, void> {
    const input = this.#input;
    for (const [index, expected] of [0x46, 0x4c, 0x56].entries()) {
      while (input.size <= index) yield null;
      const found = input.peek(index);
      if (found !== expected) throw flvError(`byte ${found.toString(16)} where "FLV" begins a file`, index);
    }
    while (input.size < 9) yield null;
    this.#header = decodeFlvHeader(input.take(9));
    yield* this.#skip(this.#header.headerBytes - 9);
  }

  /**
   * Not a view: what caches keep would hold the chunk it came in, most of which may be tags that were passed over. And not
   * pieces that wait for the last one: they may be of a byte each, and every one a Buffer.
   */
  *#readBody(size: number): Generator<null, Buffer> {
    const input = this.#input;
    let body = input.size >= size || size <= MAX_SHARE_BYTES ? this.#slab.take(size) : NOTHING;
    for (let filled = 0; filled < size; ) {
      while (input.size === 0) yield null;
      const count = Math.min(input.size, size - filled);
      if (filled + count > body.length) {
        const larger = ownMemory(Math.min(size, GROWTH * (filled + count)));
        body.copy(larger, 0, 0, filled);
        body = larger;
      }
      input.copyTo(body, filled, count);
      filled += count;
    }
    return body;
  }

  *#skip(length: number): Generator<null, void> {
    for (let left = length; left > 0; ) {
      while (this.#input.size === 0) yield null;
      const count = Math.min(left, this.#input.size);
      this.#input.skip(count);
      left -= count;
    }
  }

  #packetsOf(kind: FlvBodyKind, timestampMs: number, body: Buffer): readonly AVPacket[] {
    try {
      return this.#reader.read(kind, timestampMs, body);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#malformed++;
      return NO_PACKETS;
    }
  }
}
