import { isIPv4 } from 'node:net';
import { AddressList, normalAddress } from './address-list.ts';
import { type Peer, type PeerSocket, peerAddress } from './peer-address.ts';

/** Addresses of `X-Forwarded-For` that are looked at, from the last one on. */
const MAX_HOPS = 32;
/** Characters of an entry: an IPv6 address in brackets, a port, and room. */
const MAX_ENTRY_LENGTH = 64;
const MAX_PORT = 65_535;

/** A request of HTTP, as far as it tells who sent it. */
export interface ForwardedRequest {
  readonly socket: PeerSocket;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** `192.0.2.7`, `192.0.2.7:80`, `2001:db8::7`, `[2001:db8::7]`, `[2001:db8::7]:80`; `null` for anything else. */
function readEntry(text: string): Peer | null {
  const entry = text.trim();
  if (entry.length > MAX_ENTRY_LENGTH || entry.includes('%')) return null;
  const [, bracketed, plain, digits = '0'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const port = Number(digits);
  if (port > MAX_PORT || (plain !== undefined && !isIPv4(plain)) || (bracketed !== undefined && isIPv4(bracketed))) {
    return null;
  }
  const address = normalAddress(bracketed ?? plain ?? entry);
  return address === null ? null : { address, port };
}

/** From the last entry on; at most `MAX_HOPS`, and nothing beyond them is touched. */
function* entriesFromEnd(list: string): Generator<string> {
  let end = list.length;
  for (let hop = 0; hop < MAX_HOPS && end >= 0; hop++) {
    const comma = end === 0 ? -1 : list.lastIndexOf(',', end - 1);
    yield list.slice(comma + 1, end);
    end = comma;
  }
}

/** Who is believed when he says for whom he connects: `trustedProxies` of the configuration. */
export class TrustedProxies {
  #addresses: AddressList;

  /** @throws RangeError when an entry is neither an address nor a range. */
  constructor(entries: readonly string[]) {
    this.#addresses = new AddressList(entries);
  }

  /** Others from now on. @throws RangeError as the constructor does. */
  change(entries: readonly string[]): void {
    this.#addresses = new AddressList(entries);
  }

  /** Nobody is believed. */
  get isEmpty(): boolean {
    return this.#addresses.isEmpty;
  }

  has(address: string): boolean {
    return this.#addresses.has(address);
  }

  /**
   * Who sent a request: the peer of its socket, unless that is a proxy of ours. Then `X-Forwarded-For` is read from its end,
   * past further proxies of ours, to the first address that is none of them; an entry that is no address ends it before.
   */
  clientOf(request: ForwardedRequest): Peer {
    let client: Peer = { address: peerAddress(request.socket), port: request.socket.remotePort ?? 0 };
    const header = request.headers['x-forwarded-for'];
    if (header === undefined || !this.has(client.address)) return client;
    for (const text of entriesFromEnd(Array.isArray(header) ? header.join(',') : header)) {
      const entry = readEntry(text);
      if (entry === null) break;
      client = entry;
      if (!this.has(client.address)) break;
    }
    return client;
  }
}
