import type { ProtocolError } from '../errors.ts';

/** A cursor over one complete Buffer; reading past its end throws the `ProtocolError` that `fail` makes. */
export class ByteReader {
  readonly bytes: Buffer;
  readonly #fail: (message: string, position: number) => ProtocolError;
  #position = 0;

  constructor(bytes: Buffer, fail: (message: string, position: number) => ProtocolError) {
    this.bytes = bytes;
    this.#fail = fail;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.bytes.length - this.#position;
  }

  u8(): number {
    return this.bytes[this.#advance(1)]!;
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.#advance(2));
  }

  s16(): number {
    return this.bytes.readInt16BE(this.#advance(2));
  }

  u24(): number {
    return this.bytes.readUIntBE(this.#advance(3), 3);
  }

  s24(): number {
    return this.bytes.readIntBE(this.#advance(3), 3);
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.#advance(4));
  }

  f64(): number {
    return this.bytes.readDoubleBE(this.#advance(8));
  }

  peek(): number {
    if (this.remaining < 1) throw this.#fail('1 byte needed, 0 left', this.#position);
    return this.bytes[this.#position]!;
  }

  /** A view. */
  take(length: number): Buffer {
    const start = this.#advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** A view of all that is left. */
  rest(): Buffer {
    return this.take(this.remaining);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  #advance(length: number): number {
    const start = this.#position;
    if (length > this.bytes.length - start) {
      throw this.#fail(`${length} bytes needed, ${this.bytes.length - start} left`, start);
    }
    this.#position = start + length;
    return start;
  }
}
