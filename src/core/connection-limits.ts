import { peerAddress } from './peer-address.ts';

/** A connection, as far as counting needs it. */
export interface CountedSocket {
  readonly remoteAddress?: string | undefined;
  once(event: 'close', listener: () => void): unknown;
  destroy(): unknown;
}

/** Which limit a connection met: of the house, or of its address. */
export type RefusalCause = 'total' | 'address';

interface Refusal {
  readonly cause: RefusalCause;
  readonly reason: string;
}

/** The limits that are kept here. */
export interface TotalLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
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
  #limits: TotalLimits;
  readonly #proxies: { has(address: string): boolean } | null;
  readonly #perAddress = new Map<string, number>();
  readonly #counted = new WeakMap<CountedSocket, Counted>();
  #total = 0;
  readonly #onRefused: (cause: RefusalCause) => void;
  #refused = 0;
  #reason = '';

  /** @param onRefused is told of each connection that is refused */
  constructor(
    limits: TotalLimits,
    proxies: { has(address: string): boolean } | null = null,
    onRefused: (cause: RefusalCause) => void = () => {},
  ) {
    this.#onRefused = onRefused;
    this.#limits = limits;
    this.#proxies = proxies;
  }

  /** Others from now on; those who are in stay. */
  change(limits: TotalLimits): void {
    this.#limits = limits;
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
    const refusal = this.#refusal(address, known === undefined);
    if (refusal !== null) {
      this.#refused++;
      this.#reason = refusal.reason;
      this.#onRefused(refusal.cause);
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

  #refusal(address: string | null, isNew: boolean): Refusal | null {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    if (isNew && this.#total >= maxConnections) {
      const reason = `${this.#total} connections are open; limits.maxConnections is ${maxConnections}`;
      return { cause: 'total', reason };
    }
    const count = address === null ? 0 : (this.#perAddress.get(address) ?? 0);
    if (count < maxConnectionsPerAddress) return null;
    const reason = `${count} connections from ${address} are open; limits.maxConnectionsPerAddress is ${maxConnectionsPerAddress}`;
    return { cause: 'address', reason };
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
