import { peerAddress } from './peer-address.ts';

/** A connection, as far as counting needs it. */
export interface CountedSocket {
  readonly remoteAddress?: string | undefined;
  once(event: 'close', listener: () => void): unknown;
  destroy(): unknown;
}

/** Counts the connections of one server, in total and per address. */
export class ConnectionLimits {
  readonly #maxTotal: number;
  readonly #maxPerAddress: number;
  readonly #perAddress = new Map<string, number>();
  #total = 0;
  #refused = 0;
  #reason = '';

  constructor(limits: { readonly maxConnections: number; readonly maxConnectionsPerAddress: number }) {
    this.#maxTotal = limits.maxConnections;
    this.#maxPerAddress = limits.maxConnectionsPerAddress;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts a new connection until it closes; destroys it and says false when the house or its address has its fill. */
  admit(socket: CountedSocket): boolean {
    const address = peerAddress(socket);
    const count = this.#perAddress.get(address) ?? 0;
    const reason = this.#refusal(address, count);
    if (reason !== null) {
      this.#refused++;
      this.#reason = reason;
      socket.destroy();
      return false;
    }
    this.#perAddress.set(address, count + 1);
    this.#total++;
    socket.once('close', () => this.#release(address));
    return true;
  }

  /** How many were refused since the last call, and why the last one was; `null`: none. For the log, once a second. */
  takeRefused(): { readonly count: number; readonly reason: string } | null {
    if (this.#refused === 0) return null;
    const taken = { count: this.#refused, reason: this.#reason };
    this.#refused = 0;
    return taken;
  }

  #refusal(address: string, count: number): string | null {
    if (this.#total >= this.#maxTotal) {
      return `${this.#total} connections are open; limits.maxConnections is ${this.#maxTotal}`;
    }
    if (count < this.#maxPerAddress) return null;
    return `${count} connections from ${address} are open; limits.maxConnectionsPerAddress is ${this.#maxPerAddress}`;
  }

  #release(address: string): void {
    const count = this.#perAddress.get(address) ?? 0;
    if (count <= 1) this.#perAddress.delete(address);
    else this.#perAddress.set(address, count - 1);
    this.#total--;
  }
}
