import { amfError } from './amf-error.ts';
import type { AmfLimits, AmfValue } from './amf-value.ts';

/** A value that a later reference may name, with what it weighs once it is repeated. */
interface Shared {
  readonly value: AmfValue;
  /** 0 while the value is still being read: it may not contain itself. */
  nodes: number;
  height: number;
}

/** Bytes of text that weigh as much as one value when a reference repeats them. */
const textPerNode = 64;

/**
 * What one message may still cost. A reference costs as much as what it repeats and may not name a value that encloses
 * it, so decoded values are trees: whoever walks or writes them needs no limit of his own.
 */
export class AmfBudget {
  readonly #limits: AmfLimits;
  #nodes = 0;
  #weight = 0;
  #depth = 0;
  #heights: number[] = [];

  constructor(limits: AmfLimits) {
    this.#limits = limits;
  }

  /** Counts one value. */
  node(position: number): void {
    this.#spend(1, position);
  }

  /** Notes the length of a text, which weighs only if its owner is repeated. */
  text(bytes: number): void {
    this.#weight += Math.floor(bytes / textPerNode);
  }

  /** Counts a text that is repeated by reference. */
  repeatText(bytes: number, position: number): void {
    this.#spend(Math.floor(bytes / textPerNode), position);
  }

  /** Reads what is inside a container: `table` gets the container before its content, as references count them. */
  container<Value extends AmfValue>(table: Shared[], value: Value, position: number, fill: () => void): Value {
    const shared: Shared = { value, nodes: 0, height: 0 };
    table.push(shared);
    this.#checkDepth(1, position);
    this.#depth++;
    this.#heights.push(1);
    const weight = this.#weight;
    fill();
    shared.nodes = this.#weight - weight + 1;
    shared.height = this.#heights.pop()!;
    this.#depth--;
    this.#raise(shared.height + 1);
    return value;
  }

  /** Notes a value without content of its own (a date, bytes) for later references. */
  share<Value extends AmfValue>(table: Shared[], value: Value, bytes: number): Value {
    const nodes = 1 + Math.floor(bytes / textPerNode);
    this.#weight += nodes - 1;
    table.push({ value, nodes, height: 0 });
    return value;
  }

  /** The value that reference `index` names. */
  repeat(table: readonly Shared[], index: number, position: number): AmfValue {
    const shared = table[index];
    if (shared === undefined) throw amfError(`reference ${index} of ${table.length} values`, position);
    if (shared.nodes === 0) throw amfError(`reference ${index} names a value that encloses it`, position);
    this.#checkDepth(shared.height, position);
    this.#spend(shared.nodes, position);
    this.#raise(shared.height + 1);
    return shared.value;
  }

  #spend(nodes: number, position: number): void {
    this.#nodes += nodes;
    this.#weight += nodes;
    if (this.#nodes > this.#limits.maxAmfNodes) {
      throw amfError(`more than maxAmfNodes ${this.#limits.maxAmfNodes} values`, position);
    }
  }

  #checkDepth(height: number, position: number): void {
    if (this.#depth + height > this.#limits.maxAmfDepth) {
      throw amfError(`values nested deeper than maxAmfDepth ${this.#limits.maxAmfDepth}`, position);
    }
  }

  #raise(height: number): void {
    const last = this.#heights.length - 1;
    if (last >= 0 && this.#heights[last]! < height) this.#heights[last] = height;
  }
}

export type ReferenceTable = Shared[];
