/** The size of one piece of memory. */
export const SLAB_BYTES = 32_768;
/** What is larger than this gets memory of its own: little is lost at the end of a slab then. */
export const MAX_SHARE_BYTES = SLAB_BYTES / 4;

/**
 * Memory for many small things that live and die together: taken from the front, one behind the other, never given back;
 * a slab is freed when nothing in it is referenced any more. An allocation of its own for each message costs several times
 * what it takes to read one.
 *
 * Not for what is kept: something small would keep a whole slab, which is counted nowhere.
 */
export class Slab {
  #memory: Buffer | null = null;
  #used = 0;

  /** `size` bytes with unspecified contents. */
  take(size: number): Buffer {
    if (size > MAX_SHARE_BYTES) return Buffer.allocUnsafeSlow(size);
    if (this.#memory === null || this.#used + size > SLAB_BYTES) {
      this.#memory = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += size;
    return this.#memory.subarray(start, start + size);
  }
}

/** So many owners share a slab: what one of them keeps alive may keep alive as much of each of the others. */
export const SLAB_OWNERS = 32;

/**
 * Slabs for owners of whom each takes little, as the muxers of many small streams do. A slab that is used up in a tenth of a
 * second is collected with the young; one that lasts for longer costs a collection of everything.
 */
export class SlabPool {
  #slab = new Slab();
  #owners = 0;

  /** A slab for one owner more. */
  share(): Slab {
    if (this.#owners === SLAB_OWNERS) {
      this.#slab = new Slab();
      this.#owners = 0;
    }
    this.#owners++;
    return this.#slab;
  }
}
