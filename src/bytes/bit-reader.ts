import type { ProtocolError } from '../errors.ts';

/** A cursor over the bits of one Buffer, most significant first; reading past its end throws the `ProtocolError` that `fail` makes. */
export class BitReader {
  readonly #bytes: Buffer;
  readonly #fail: (message: string, position: number) => ProtocolError;
  #position = 0;

  constructor(bytes: Buffer, fail: (message: string, position: number) => ProtocolError) {
    this.#bytes = bytes;
    this.#fail = fail;
  }

  /** Bits consumed. */
  get position(): number {
    return this.#position;
  }

  /** Bits left. */
  get remaining(): number {
    return this.#bytes.length * 8 - this.#position;
  }

  /** An unsigned number of up to 32 bits. */
  bits(count: number): number {
    this.#need(count);
    let value = 0;
    for (let left = count; left > 0; ) {
      const inByte = 8 - (this.#position & 7);
      const taken = Math.min(left, inByte);
      const byte = this.#bytes[this.#position >> 3]!;
      value = value * 2 ** taken + ((byte >> (inByte - taken)) & ((1 << taken) - 1));
      this.#position += taken;
      left -= taken;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  skip(count: number): void {
    this.#need(count);
    this.#position += count;
  }

  /** Unsigned Exp-Golomb (ISO/IEC 14496-10, 9.1); also AV1's uvlc, 4.10.3. Up to 2^32 - 2. */
  ue(): number {
    let zeros = 0;
    while (!this.flag()) {
      if (++zeros > 31) throw this.#fail('Exp-Golomb code longer than 32 bits', this.#position >> 3);
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** Signed Exp-Golomb (9.1.1). */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : 0 - code / 2;
  }

  #need(count: number): void {
    if (count > this.remaining) {
      throw this.#fail(`${count} bits needed, ${this.remaining} left`, this.#position >> 3);
    }
  }
}
