/** A group with less than this behind its first picture, in bytes, is written at once: it costs the kernel one write. */
export const MIN_TAIL_BYTES = 32 * 1024;
/** The memory a group starts with. It doubles as the group grows. */
const FIRST_BYTES = 64 * 1024;

/** What a newcomer begins with. */
export interface Beginning<Unit> {
  readonly now: readonly Unit[];
  /** What may follow a little later; nothing, when it is little. */
  readonly later: readonly Unit[];
}

/** The cached group in one format. Packets for which the format has no unit count as `null`. */
export interface CachedGroup<Unit> {
  push(unit: Unit | null): void;
  /** Removes so many packets from the front. */
  trim(count: number): void;
  /** All but the last `waiting` units; `null`: no packet is left then. */
  read(waiting: number): Beginning<Unit> | null;
}

/** How many packets at the end of the row have `waiting` units between them. */
function countEnd(row: readonly unknown[], waiting: number): number {
  let index = row.length;
  for (let left = waiting; left > 0 && index > 0; ) if (row[--index] !== null) left--;
  return row.length - index;
}

/** Of units that are no bytes: they cannot be joined, and cost nothing to hand out. */
export class CachedUnits<Unit> implements CachedGroup<Unit> {
  readonly #units: (Unit | null)[] = [];

  push(unit: Unit | null): void {
    this.#units.push(unit);
  }

  trim(count: number): void {
    this.#units.splice(0, count);
  }

  read(waiting: number): Beginning<Unit> | null {
    const count = this.#units.length - countEnd(this.#units, waiting);
    if (count === 0) return null;
    return { now: this.#units.slice(0, count).filter((unit) => unit !== null), later: [] };
  }
}

/** Of bytes: laid one behind the other, so that a newcomer's group is one write, and shared by all who come. */
export class CachedBytes implements CachedGroup<Buffer> {
  readonly #maySplit: boolean;
  readonly #lengths: (number | null)[] = [];
  #memory = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #start = 0;
  #end = 0;

  /** @param maySplit whether something may be left for later */
  constructor(maySplit: boolean) {
    this.#maySplit = maySplit;
  }

  push(unit: Buffer | null): void {
    this.#lengths.push(unit === null ? null : unit.length);
    if (unit === null) return;
    if (this.#end + unit.length > this.#memory.length) this.#grow(unit.length);
    unit.copy(this.#memory, this.#end);
    this.#end += unit.length;
  }

  /** What newcomers got is in the old memory still. */
  #grow(more: number): void {
    const size = this.#end - this.#start;
    const memory = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * (size + more)));
    this.#memory.copy(memory, 0, this.#start, this.#end);
    this.#memory = memory;
    this.#start = 0;
    this.#end = size;
  }

  trim(count: number): void {
    for (const length of this.#lengths.splice(0, count)) this.#start += length ?? 0;
  }

  read(waiting: number): Beginning<Buffer> | null {
    const count = this.#lengths.length - countEnd(this.#lengths, waiting);
    if (count === 0) return null;
    let end = this.#end;
    for (let i = count; i < this.#lengths.length; i++) end -= this.#lengths[i] ?? 0;
    if (end === this.#start) return { now: [], later: [] };
    const split = this.#start + (this.#lengths.find((length) => length !== null) ?? 0);
    if (!this.#maySplit || end - split < MIN_TAIL_BYTES) return { now: [this.#view(this.#start, end)], later: [] };
    return { now: [this.#view(this.#start, split)], later: [this.#view(split, end)] };
  }

  #view(start: number, end: number): Buffer {
    return this.#memory.subarray(start, end);
  }
}
