const NOTHING = Buffer.alloc(0);

/**
 * Bytes in the pieces in which they came, read from the front. Reading more than `size` is a programming error and throws
 * a RangeError: ask for `size` first.
 */
export class ByteQueue {
  /** The piece at the front; mostly the only one. */
  #front: Buffer = NOTHING;
  #offset = 0;
  /** The pieces behind it, from `#next` on. */
  readonly #chunks: (Buffer | null)[] = [];
  #next = 0;
  #size = 0;
  #position = 0;

  /** Bytes in hand. */
  get size(): number {
    return this.#size;
  }

  /** Bytes consumed since the beginning. */
  get position(): number {
    return this.#position;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#size === 0) {
      this.#front = chunk;
      this.#offset = 0;
    } else {
      this.#chunks.push(chunk);
    }
    this.#size += chunk.length;
  }

  /** Copies what is in hand: whoever pushed it may use its memory again. */
  keep(): void {
    if (this.#size === 0) {
      this.#front = NOTHING;
      this.#offset = 0;
      return;
    }
    const size = this.#size;
    const position = this.#position;
    const copy = Buffer.allocUnsafeSlow(size);
    this.copyTo(copy, 0, size);
    this.#position = position;
    this.push(copy);
  }

  /** Forgets what is in hand. */
  clear(): void {
    this.skip(this.#size);
  }

  /** The byte at `index` from the front, not consumed. */
  peek(index = 0): number {
    if (index >= this.#size) throw new RangeError(`peek at ${index} of ${this.#size} bytes`);
    let at = this.#offset + index;
    let chunk = this.#front;
    for (let i = this.#next; at >= chunk.length; i++) {
      at -= chunk.length;
      chunk = this.#chunks[i]!;
    }
    return chunk[at]!;
  }

  u8(): number {
    if (this.#size < 1) throw new RangeError('read of 1 byte of 0');
    const value = this.#front[this.#offset]!;
    this.#consumeInFront(1);
    return value;
  }

  u16(): number {
    return (this.u8() << 8) | this.u8();
  }

  u24(): number {
    return (this.u8() << 16) | (this.u8() << 8) | this.u8();
  }

  u32(): number {
    return this.u8() * 0x1000000 + this.u24();
  }

  u32le(): number {
    return this.u8() + (this.u8() << 8) + (this.u8() << 16) + this.u8() * 0x1000000;
  }

  /** The next `length` bytes: a view when they lie in one piece, one copy when they straddle. */
  take(length: number): Buffer {
    if (this.#front.length - this.#offset >= length && length <= this.#size) {
      const view = this.#front.subarray(this.#offset, this.#offset + length);
      this.#consumeInFront(length);
      return view;
    }
    const copy = Buffer.allocUnsafe(length);
    this.copyTo(copy, 0, length);
    return copy;
  }

  /** Moves the next `length` bytes into `target` at `at`. */
  copyTo(target: Buffer, at: number, length: number): void {
    if (length > this.#size) throw new RangeError(`read of ${length} bytes of ${this.#size}`);
    while (length > 0) {
      const count = Math.min(length, this.#front.length - this.#offset);
      this.#front.copy(target, at, this.#offset, this.#offset + count);
      at += count;
      length -= count;
      this.#consumeInFront(count);
    }
  }

  skip(length: number): void {
    if (length > this.#size) throw new RangeError(`skip of ${length} bytes of ${this.#size}`);
    while (length > 0) {
      const count = Math.min(length, this.#front.length - this.#offset);
      length -= count;
      this.#consumeInFront(count);
    }
  }

  #consumeInFront(count: number): void {
    this.#offset += count;
    this.#size -= count;
    this.#position += count;
    if (this.#offset < this.#front.length) return;
    this.#offset = 0;
    this.#front = NOTHING;
    if (this.#next === this.#chunks.length) return;
    this.#front = this.#chunks[this.#next]!;
    this.#chunks[this.#next++] = null;
    if (this.#next === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#next = 0;
    } else if (this.#next > 64) {
      this.#chunks.splice(0, this.#next);
      this.#next = 0;
    }
  }
}
