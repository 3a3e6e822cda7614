import type { ByteQueue } from '../../bytes/byte-queue.ts';
import { MAX_SHARE_BYTES, Slab } from '../../bytes/slab.ts';
import { ProtocolError } from '../../errors.ts';
import type { WireLimits } from '../../media/limits.ts';
import { MessageType, type RtmpMessage } from './messages/message.ts';
import { decodeAbort, decodeSetChunkSize } from './messages/protocol-control.ts';
import { ownMemory } from '../../bytes/own-memory.ts';

/** RTMP 1.0, 5.3.1: the size of chunks until Set Chunk Size says otherwise. */
export const DEFAULT_CHUNK_SIZE = 128;

/**
 * The largest timestamp of a format 0 chunk that a format 3 chunk behind it takes for a delta. RTMP 1.0, 5.3.1.2.4 says
 * so of any timestamp, and FFmpeg writes it for the first frames of a stream; librtmp means "the same time", and above
 * the length of a frame that is the only sense it makes.
 */
export const MAX_IMPLIED_DELTA_MS = 1000;

const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;
const EXTENDED = 0xffffff;
const NOTHING = Buffer.alloc(0);
/** Memory that the first byte of a message gets. */
const FIRST_ALLOCATION_BYTES = 4096;
/** Memory never exceeds so many times what a peer has really sent. */
const GROWTH = 4;

/** The limits of the chunk stream. */
export type ChunkLimits = Pick<
  WireLimits,
  'maxMessageBytes' | 'maxPartialBytes' | 'maxChunkStreams' | 'maxCommandBytes'
>;

/** What the header of a chunk stream's last message said, and the message that is being put together. */
interface ChunkStream {
  readonly id: number;
  timestamp: number;
  /** What a format 3 chunk that begins a message adds. */
  delta: number;
  /** Was the last header a format 0 one, its timestamp absolute? */
  isAbsolute: boolean;
  hasExtended: boolean;
  /** The 32 bits of the extended timestamp as they came. */
  extended: number;
  length: number;
  typeId: number;
  streamId: number;
  /** Grows towards `length` as bytes come. */
  payload: Buffer;
  filled: number;
  isPartial: boolean;
}

/**
 * Puts messages together from chunks (RTMP 1.0, 5.3.1). Set Chunk Size and Abort act in here and are not handed out.
 *
 * Each payload is copied once, out of the socket's buffers, which can so be used again: small ones that are there as a
 * whole into the slab, for they are gone again soon, all others into memory of their own.
 */
export class ChunkReader {
  readonly #input: ByteQueue;
  readonly #limits: ChunkLimits;
  readonly #streams = new Map<number, ChunkStream>();
  readonly #slab: Slab;
  readonly #messages: Generator<RtmpMessage | null, never, void>;
  #chunkSize = DEFAULT_CHUNK_SIZE;
  #partialBytes = 0;
  #droppedPartials = 0;
  /** Bytes of memory made for messages so far, also for those that were given up. */
  #allocated = 0;

  /** @param slab for messages that are there as a whole; may be shared with other connections */
  constructor(input: ByteQueue, limits: ChunkLimits, slab: Slab = new Slab()) {
    this.#input = input;
    this.#limits = limits;
    this.#slab = slab;
    this.#messages = this.#read();
  }

  /** The size of the peer's chunks. */
  get chunkSize(): number {
    return this.#chunkSize;
  }

  /** Memory held for unfinished messages, in bytes. */
  get partialBytes(): number {
    return this.#partialBytes;
  }

  /** Unfinished messages given up: aborted, or overtaken by a new header on their chunk stream. */
  get droppedPartials(): number {
    return this.#droppedPartials;
  }

  /**
   * The next message; `null`: give me more bytes.
   * @throws ProtocolError when the peer breaks the chunk format or a limit. Not to be called again after that.
   */
  next(): RtmpMessage | null {
    return this.#messages.next().value;
  }

  /**
   * ```
   * basic header 1..3   format (2 bits), chunk stream id (6 bits, or 1 or 2 more bytes)
   * message header      format 0: timestamp 3, length 3, type 1, message stream id 4 (little-endian)
   *                     format 1: delta 3, length 3, type 1     format 2: delta 3     format 3: nothing
   * extended timestamp  0 or 4
   * data                up to the chunk size
   * ```
   */
  *#read(): Generator<RtmpMessage | null, never, void> {
    const input = this.#input;
    for (;;) {
      while (input.size === 0) yield null;
      const low = input.peek() & 0x3f;
      while (input.size < (low < 2 ? low + 2 : 1)) yield null;
      const format = input.u8() >> 6;
      const id = low === 0 ? 64 + input.u8() : low === 1 ? 64 + input.u8() + 256 * input.u8() : low;
      const stream = this.#stream(id, format);

      if (format < 3) {
        while (input.size < MESSAGE_HEADER_BYTES[format]!) yield null;
        if (stream.isPartial) this.#drop(stream);
        const field = input.u24();
        if (format < 2) this.#readLengthAndType(stream);
        if (format === 0) stream.streamId = input.u32le();
        stream.hasExtended = field === EXTENDED;
        while (stream.hasExtended && input.size < 4) yield null;
        this.#begin(stream, format, stream.hasExtended ? input.u32() : field);
      } else if (!stream.isPartial) {
        let time = stream.extended;
        if (stream.hasExtended && stream.isAbsolute) {
          let repeats = this.#repeatsExtended(stream);
          for (; repeats === null; repeats = this.#repeatsExtended(stream)) yield null;
          if (repeats) input.skip(4);
        } else if (stream.hasExtended) {
          while (input.size < 4) yield null;
          time = input.u32();
        }
        this.#begin(stream, format, time);
      } else if (stream.hasExtended) {
        // Repeated by most senders, left out by librtmp before 2024 and whatever follows the text of 2009.
        let repeats = this.#repeatsExtended(stream);
        for (; repeats === null; repeats = this.#repeatsExtended(stream)) yield null;
        if (repeats) input.skip(4);
      }

      for (let left = Math.min(stream.length - stream.filled, this.#chunkSize); left > 0; ) {
        while (input.size === 0) yield null;
        left -= this.#append(stream, left);
      }
      if (stream.filled === stream.length) {
        const message = this.#finish(stream);
        if (!this.#act(message)) yield message;
      }
    }
  }

  #stream(id: number, format: number): ChunkStream {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    if (format >= 2) throw this.#error(`format ${format} as the first chunk of chunk stream ${id}`, '5.3.1.2');
    const max = this.#limits.maxChunkStreams;
    if (this.#streams.size >= max) throw this.#error(`chunk stream ${id} exceeds maxChunkStreams ${max}`, '5.3.1.1');
    const stream: ChunkStream = {
      id,
      timestamp: 0,
      delta: 0,
      isAbsolute: false,
      hasExtended: false,
      extended: 0,
      length: 0,
      typeId: 0,
      streamId: 0,
      payload: NOTHING,
      filled: 0,
      isPartial: false,
    };
    this.#streams.set(id, stream);
    return stream;
  }

  #readLengthAndType(stream: ChunkStream): void {
    stream.length = this.#input.u24();
    stream.typeId = this.#input.u8();
    const isCommand = stream.typeId === MessageType.command || stream.typeId === MessageType.commandAmf3;
    const { maxMessageBytes, maxCommandBytes } = this.#limits;
    if (stream.length > maxMessageBytes) {
      throw this.#error(`message of ${stream.length} bytes exceeds maxMessageBytes ${maxMessageBytes}`, '5.3.1.2.1');
    }
    if (isCommand && stream.length > maxCommandBytes) {
      throw this.#error(`command of ${stream.length} bytes exceeds maxCommandBytes ${maxCommandBytes}`, '5.3.1.2.1');
    }
  }

  /** `time` is the timestamp of format 0, the delta of 1 and 2, and what an extended field said for 3. */
  #begin(stream: ChunkStream, format: number, time: number): void {
    stream.isPartial = true;
    stream.filled = 0;
    if (format === 0) {
      stream.isAbsolute = true;
      stream.extended = time;
      stream.timestamp = time;
      stream.delta = time <= MAX_IMPLIED_DELTA_MS ? time : 0;
      return;
    }
    if (format < 3) {
      stream.isAbsolute = false;
      stream.extended = time;
      stream.delta = time;
    } else if (stream.hasExtended && !stream.isAbsolute) {
      stream.extended = time;
      stream.delta = time;
    }
    stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
  }

  /**
   * Do the next four bytes repeat the extended timestamp, as it came or as the time it made? `null`: those in hand do, but
   * there are too few.
   */
  #repeatsExtended(stream: ChunkStream): boolean | null {
    const seen = Math.min(4, this.#input.size);
    let value = 0;
    for (let i = 0; i < seen; i++) value = value * 256 + this.#input.peek(i);
    const unseen = 256 ** (4 - seen);
    const repeats = Math.floor(stream.extended / unseen) === value || Math.floor(stream.timestamp / unseen) === value;
    return repeats && seen < 4 ? null : repeats;
  }

  /** Takes up to `wanted` of the bytes in hand into the stream's message. */
  #append(stream: ChunkStream, wanted: number): number {
    const count = Math.min(wanted, this.#input.size);
    const needed = stream.filled + count;
    if (needed > stream.payload.length) this.#grow(stream, needed);
    this.#input.copyTo(stream.payload, stream.filled, count);
    stream.filled = needed;
    return count;
  }

  /** Memory follows the bytes that came, not the length that was announced. */
  #grow(stream: ChunkStream, needed: number): void {
    const others = this.#partialBytes - stream.payload.length;
    const allowed = this.#limits.maxPartialBytes - others;
    if (needed > allowed) {
      const found = `unfinished messages of ${others + needed} bytes exceed`;
      throw this.#error(`${found} maxPartialBytes ${this.#limits.maxPartialBytes}`, '5.3.1');
    }
    const inHand = stream.filled + this.#input.size;
    if (stream.filled === 0 && stream.length <= Math.min(MAX_SHARE_BYTES, allowed, inHand)) {
      stream.payload = this.#slab.take(stream.length);
      this.#partialBytes = others + stream.length;
      return;
    }
    // What follows may belong to other messages, and this one may be given up for the next: it can be counted on only once.
    const received = this.#input.position + this.#input.size;
    const credit = GROWTH * received + FIRST_ALLOCATION_BYTES * this.#limits.maxChunkStreams - this.#allocated;
    const ahead = Math.min(credit, Math.max(FIRST_ALLOCATION_BYTES, GROWTH * inHand));
    const size = Math.min(stream.length, allowed, Math.max(GROWTH * needed, ahead));
    this.#allocated += size;
    const payload = ownMemory(size);
    stream.payload.copy(payload, 0, 0, stream.filled);
    stream.payload = payload;
    this.#partialBytes = others + size;
  }

  #release(stream: ChunkStream): void {
    this.#partialBytes -= stream.payload.length;
    stream.payload = NOTHING;
    stream.filled = 0;
    stream.isPartial = false;
  }

  #drop(stream: ChunkStream): void {
    this.#release(stream);
    this.#droppedPartials++;
  }

  #finish(stream: ChunkStream): RtmpMessage {
    const { id, timestamp, typeId, streamId, payload } = stream;
    this.#release(stream);
    return { chunkStreamId: id, timestamp, typeId, streamId, payload };
  }

  /** RTMP 1.0, 5.4: what concerns the chunks themselves takes effect before the next one. */
  #act(message: RtmpMessage): boolean {
    if (message.typeId === MessageType.setChunkSize) {
      this.#chunkSize = decodeSetChunkSize(message.payload);
      return true;
    }
    if (message.typeId !== MessageType.abort) return false;
    const stream = this.#streams.get(decodeAbort(message.payload) ?? -1);
    if (stream?.isPartial === true) this.#drop(stream);
    return true;
  }

  #error(message: string, section: string): ProtocolError {
    const position = this.#input.position;
    return new ProtocolError('NMS_PROTOCOL_CHUNK', `${message} (byte ${position})`, {
      position,
      section: `RTMP 1.0, ${section}`,
    });
  }
}
