import { LimitError } from '../errors.ts';

/** Counts the connections of one server, in total and per address. */
export class ConnectionLimits {
  readonly #maxTotal: number;
  readonly #maxPerAddress: number;
  readonly #perAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: { readonly maxConnections: number; readonly maxConnectionsPerAddress: number }) {
    this.#maxTotal = limits.maxConnections;
    this.#maxPerAddress = limits.maxConnectionsPerAddress;
  }

  get total(): number {
    return this.#total;
  }

  /** @throws LimitError when the house or the address has its fill; otherwise `release` must be called once, later. */
  admit(address: string): void {
    if (this.#total >= this.#maxTotal) {
      throw new LimitError(
        'maxConnections',
        `${this.#total} connections are open; maxConnections is ${this.#maxTotal}`,
      );
    }
    const count = this.#perAddress.get(address) ?? 0;
    if (count >= this.#maxPerAddress) {
      throw new LimitError(
        'maxConnectionsPerAddress',
        `${count} connections from ${address} are open; maxConnectionsPerAddress is ${this.#maxPerAddress}`,
      );
    }
    this.#perAddress.set(address, count + 1);
    this.#total++;
  }

  release(address: string): void {
    const count = this.#perAddress.get(address) ?? 0;
    if (count <= 1) this.#perAddress.delete(address);
    else this.#perAddress.set(address, count - 1);
    this.#total--;
  }
}
