/**
 * Bytes in the pieces in which they came, read from the front. Reading more than `size` is a programming error and throws
 * a RangeError: ask for `size` first.
 */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #head = 0;
  #offset = 0;
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
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** Forgets what is in hand. */
  clear(): void {
    this.skip(this.#size);
  }

  /** The byte at `index` from the front, not consumed. */
  peek(index = 0): number {
    if (index >= this.#size) throw new RangeError(`peek at ${index} of ${this.#size} bytes`);
    let at = this.#offset + index;
    for (let i = this.#head; ; i++) {
      const chunk = this.#chunks[i]!;
      if (at < chunk.length) return chunk[at]!;
      at -= chunk.length;
    }
  }

  u8(): number {
    if (this.#size < 1) throw new RangeError('read of 1 byte of 0');
    const chunk = this.#chunks[this.#head]!;
    const value = chunk[this.#offset]!;
    this.#consumeInHead(chunk, 1);
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
    const chunk = this.#chunks[this.#head];
    if (chunk !== undefined && chunk.length - this.#offset >= length) {
      const view = chunk.subarray(this.#offset, this.#offset + length);
      this.#consumeInHead(chunk, length);
      return view;
    }
    if (length === 0) return Buffer.alloc(0);
    const copy = Buffer.allocUnsafe(length);
    this.copyTo(copy, 0, length);
    return copy;
  }

  /** Moves the next `length` bytes into `target` at `at`. */
  copyTo(target: Buffer, at: number, length: number): void {
    if (length > this.#size) throw new RangeError(`read of ${length} bytes of ${this.#size}`);
    while (length > 0) {
      const chunk = this.#chunks[this.#head]!;
      const count = Math.min(length, chunk.length - this.#offset);
      chunk.copy(target, at, this.#offset, this.#offset + count);
      at += count;
      length -= count;
      this.#consumeInHead(chunk, count);
    }
  }

  skip(length: number): void {
    if (length > this.#size) throw new RangeError(`skip of ${length} bytes of ${this.#size}`);
    while (length > 0) {
      const chunk = this.#chunks[this.#head]!;
      const count = Math.min(length, chunk.length - this.#offset);
      length -= count;
      this.#consumeInHead(chunk, count);
    }
  }

  #consumeInHead(chunk: Buffer, count: number): void {
    this.#offset += count;
    this.#size -= count;
    this.#position += count;
    if (this.#offset < chunk.length) return;
    this.#offset = 0;
    this.#head++;
    if (this.#size === 0) {
      this.#chunks = [];
      this.#head = 0;
    } else if (this.#head > 64) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
