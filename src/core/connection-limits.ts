import { peerAddress } from './peer-address.ts';

/** A connection, as far as counting needs it. */
export interface CountedSocket {
  readonly remoteAddress?: string | undefined;
  once(event: 'close', listener: () => void): unknown;
  destroy(): unknown;
}

/** A connection that is counted; `address` is `null` while it is only known to be some proxy's. */
interface Counted {
  address: string | null;
}

/**
 * Counts the connections of one server, in total and per address. Those of a trusted proxy are of all its clients: they
 * count in total, and once a client is named, for its address.
 */
export class ConnectionLimits {
  readonly #maxTotal: number;
  readonly #maxPerAddress: number;
  readonly #proxies: { has(address: string): boolean } | null;
  readonly #perAddress = new Map<string, number>();
  readonly #counted = new WeakMap<CountedSocket, Counted>();
  #total = 0;
  #refused = 0;
  #reason = '';

  constructor(
    limits: { readonly maxConnections: number; readonly maxConnectionsPerAddress: number },
    proxies: { has(address: string): boolean } | null = null,
  ) {
    this.#maxTotal = limits.maxConnections;
    this.#maxPerAddress = limits.maxConnectionsPerAddress;
    this.#proxies = proxies;
  }

  get total(): number {
    return this.#total;
  }

  /**
   * Counts a connection until it closes; destroys it and says false when the house or its address has its fill. Called again
   * when a proxy has said whose connection it is, it counts it for that address from then on.
   */
  admit(socket: CountedSocket): boolean {
    const peer = peerAddress(socket);
    const address = this.#proxies?.has(peer) ? null : peer;
    const known = this.#counted.get(socket);
    if (known !== undefined && known.address === address) return true;
    const reason = this.#refusal(address, known === undefined);
    if (reason !== null) {
      this.#refused++;
      this.#reason = reason;
      socket.destroy();
      return false;
    }
    this.#take(address);
    if (known === undefined) {
      this.#enter(socket, { address });
    } else {
      this.#leave(known.address);
      known.address = address;
    }
    return true;
  }

  /** How many were refused since the last call, and why the last one was; `null`: none. For the log, once a second. */
  takeRefused(): { readonly count: number; readonly reason: string } | null {
    if (this.#refused === 0) return null;
    const taken = { count: this.#refused, reason: this.#reason };
    this.#refused = 0;
    return taken;
  }

  #refusal(address: string | null, isNew: boolean): string | null {
    if (isNew && this.#total >= this.#maxTotal) {
      return `${this.#total} connections are open; limits.maxConnections is ${this.#maxTotal}`;
    }
    const count = address === null ? 0 : (this.#perAddress.get(address) ?? 0);
    if (count < this.#maxPerAddress) return null;
    return `${count} connections from ${address} are open; limits.maxConnectionsPerAddress is ${this.#maxPerAddress}`;
  }

  #enter(socket: CountedSocket, counted: Counted): void {
    this.#counted.set(socket, counted);
    this.#total++;
    socket.once('close', () => {
      this.#leave(counted.address);
      this.#total--;
    });
  }

  #take(address: string | null): void {
    if (address !== null) this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
  }

  #leave(address: string | null): void {
    if (address === null) return;
    const count = this.#perAddress.get(address) ?? 0;
    if (count <= 1) this.#perAddress.delete(address);
    else this.#perAddress.set(address, count - 1);
  }
}
