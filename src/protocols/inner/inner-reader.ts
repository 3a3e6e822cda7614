import { ByteQueue } from '../../bytes/byte-queue.ts';
import { ByteReader } from '../../bytes/byte-reader.ts';
import { ProtocolError } from '../../errors.ts';
import type { AVPacket } from '../../media/packet.ts';
import { innerError } from './inner-error.ts';
import { INNER_VERSION, innerLimits, type InnerLimits, MAX_HELLO_BYTES } from './inner-limits.ts';
import { InnerPackets } from './inner-packets.ts';
import { frameType, MAGIC, PACKET_BYTES } from './inner-words.ts';

/** What one end says to the other. */
export type InnerFrame =
  | { readonly type: 'hello'; readonly token: string; readonly path: string }
  | { readonly type: 'accept' }
  | { readonly type: 'refuse' | 'end'; readonly code: string; readonly message: string }
  | { readonly type: 'packet'; readonly packet: AVPacket }
  | { readonly type: 'renew' }
  | { readonly type: 'move' };

/** Which end reads: an owner gets a hello and no more, a puller an answer and then a stream. */
export type InnerEnd = 'owner' | 'puller';

/**
 * Reads what the other end sends, as it comes. What makes no sense, comes out of turn or is beyond a limit is a
 * `ProtocolError` (`NMS_PROTOCOL_INNER`, `NMS_PROTOCOL_AMF` for metadata), thrown by every further `next`.
 */
export class InnerReader {
  readonly #input = new ByteQueue();
  readonly #maxFrameBytes: number;
  readonly #packets: InnerPackets;
  #expects: 'hello' | 'answer' | 'stream' | 'nothing';
  /** Bytes of the frame that comes, its type included; 0 between frames. */
  #length = 0;
  #failure: ProtocolError | null = null;

  constructor(end: InnerEnd, limits: InnerLimits = innerLimits()) {
    this.#expects = end === 'owner' ? 'hello' : 'answer';
    this.#maxFrameBytes = end === 'owner' ? MAX_HELLO_BYTES : limits.maxFrameBytes;
    this.#packets = new InnerPackets(limits);
  }

  /** Packets left out because the message they are a part of was not sent. */
  get missed(): number {
    return this.#packets.missed;
  }

  /** The chunk is kept, not copied: it must not change. */
  push(chunk: Buffer): void {
    this.#input.push(chunk);
  }

  /** The next frame that means something; `null`: give me more. */
  next(): InnerFrame | null {
    if (this.#failure !== null) throw this.#failure;
    try {
      return this.#next();
    } catch (error) {
      if (error instanceof ProtocolError) {
        this.#failure = error;
        this.#input.clear();
      }
      throw error;
    }
  }

  #next(): InnerFrame | null {
    for (;;) {
      if (this.#length === 0) {
        if (this.#input.size > 0 && this.#expects === 'nothing') throw this.#error('bytes behind the last frame');
        if (this.#input.size < 4) return null;
        this.#length = this.#checkLength(this.#input.u32());
      }
      if (this.#input.size < this.#length) return null;
      const bodyBytes = this.#length - 1;
      this.#length = 0;
      const frame = this.#read(this.#input.u8(), bodyBytes);
      if (frame !== null) return frame;
    }
  }

  #checkLength(length: number): number {
    if (length === 0) throw this.#error('a frame of 0 bytes');
    if (length > this.#maxFrameBytes) {
      const message = `frame of ${length} bytes exceeds maxFrameBytes ${this.#maxFrameBytes}`;
      throw innerError(message, this.#input.position, 'maxFrameBytes');
    }
    return length;
  }

  /** `null`: nothing for the reader's owner. */
  #read(type: number, bodyBytes: number): InnerFrame | null {
    switch (type) {
      case frameType.hello:
        this.#turn(type, 'hello', 'nothing');
        return this.#hello(this.#body(bodyBytes));
      case frameType.accept:
        this.#turn(type, 'answer', 'stream');
        this.#body(bodyBytes, 0);
        return { type: 'accept' };
      case frameType.refuse:
        this.#turn(type, 'answer', 'nothing');
        return { type: 'refuse', ...this.#reason(this.#body(bodyBytes)) };
      case frameType.config:
        this.#turn(type, 'stream', 'stream');
        this.#packets.addConfig(this.#input, bodyBytes);
        return null;
      case frameType.packet: {
        this.#turn(type, 'stream', 'stream');
        if (bodyBytes < PACKET_BYTES) throw this.#error(`a packet in ${bodyBytes} bytes; ${PACKET_BYTES} come first`);
        const packet = this.#packets.read(this.#input, bodyBytes);
        return packet === null ? null : { type: 'packet', packet };
      }
      case frameType.renew:
        this.#turn(type, 'stream', 'stream');
        this.#body(bodyBytes, 0);
        this.#packets.renew();
        return { type: 'renew' };
      case frameType.end:
        this.#turn(type, 'stream', 'nothing');
        return { type: 'end', ...this.#reason(this.#body(bodyBytes)) };
      case frameType.move:
        this.#turn(type, 'stream', 'nothing');
        this.#body(bodyBytes, 0);
        return { type: 'move' };
      default:
        throw this.#error(`a frame of type ${type}`);
    }
  }

  #turn(type: number, expected: 'hello' | 'answer' | 'stream', next: 'stream' | 'nothing'): void {
    if (this.#expects !== expected) throw this.#error(`a frame of type ${type} in place of ${this.#expects}`);
    this.#expects = next;
  }

  #body(bytes: number, allowed = bytes): ByteReader {
    if (bytes !== allowed) throw this.#error(`${bytes} bytes in a frame that has none`);
    const start = this.#input.position;
    return new ByteReader(this.#input.take(bytes), (message, position) => innerError(message, start + position));
  }

  #hello(body: ByteReader): InnerFrame {
    if (body.u32() !== MAGIC) throw this.#error('a hello that does not begin with "NMSI"');
    const version = body.u16();
    if (version !== INNER_VERSION) throw this.#error(`version ${version}; ${INNER_VERSION} is spoken here`);
    const token = body.take(body.u16()).toString();
    return { type: 'hello', token, path: body.rest().toString() };
  }

  #reason(body: ByteReader): { readonly code: string; readonly message: string } {
    const code = body.take(body.u8()).toString();
    return { code, message: body.rest().toString() };
  }

  #error(message: string): ProtocolError {
    return innerError(message, this.#input.position);
  }
}
