import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';

type Family = 'ipv4' | 'ipv6';

interface AddressRange {
  readonly family: Family;
  readonly address: string;
  readonly prefix: number;
}

const BITS = { ipv4: 32, ipv6: 128 } as const;
/** Bits before an IPv4 address that is written as an IPv6 one. */
const MAPPED_BITS = 96;
const MAPPED = /^::ffff:(?=\d+\.)/i;

/** What `isAddressRange` accepts, in words. */
export const ADDRESS_RANGE_WORDS = 'an IP address, or a range of them such as "10.0.0.0/8" or "2001:db8::/32",';

/** An address in its usual short form, an IPv4 one in its own form also inside an IPv6 one; `null` when it is none. */
export function normalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  // The zone of a link-local address names an interface, not the peer.
  const [address = ''] = text.split('%', 1);
  if (!isIPv6(address)) return null;
  return new SocketAddress({ address, family: 'ipv6' }).address.replace(MAPPED, '');
}

function readRange(text: string): AddressRange | null {
  const [, written = '', size] = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const address = normalAddress(written);
  if (address === null) return null;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const isMapped = family === 'ipv4' && !isIPv4(written);
  const prefix = (size === undefined ? BITS[isMapped ? 'ipv6' : family] : Number(size)) - (isMapped ? MAPPED_BITS : 0);
  return prefix >= 0 && prefix <= BITS[family] ? { family, address, prefix } : null;
}

/** Is it an address (`192.0.2.7`, `2001:db8::7`) or a range in CIDR form (`192.0.2.0/24`)? */
export function isAddressRange(text: string): boolean {
  return readRange(text) !== null;
}

/**
 * Addresses and ranges of them. An IPv4 address is only in IPv4 ranges, also when it is written as an IPv6 one
 * (`::ffff:192.0.2.7`); so `0.0.0.0/0` and `::/0` together are everybody.
 */
export class AddressList {
  readonly isEmpty: boolean;
  // Node matches IPv4 addresses with IPv6 ranges such as `::/0`, which nobody means who writes them.
  readonly #ranges: Readonly<Record<Family, BlockList>> = { ipv4: new BlockList(), ipv6: new BlockList() };

  /** @throws RangeError when an entry is none that `isAddressRange` accepts. */
  constructor(entries: readonly string[]) {
    this.isEmpty = entries.length === 0;
    for (const entry of entries) {
      const range = readRange(entry);
      if (range === null) throw new RangeError(`"${entry}" is not an address, nor a range of addresses`);
      this.#ranges[range.family].addSubnet(range.address, range.prefix, range.family);
    }
  }

  /** What is no address ('' of a peer that has gone, or is on a local socket) is in no list. */
  has(address: string): boolean {
    const normal = this.isEmpty ? null : normalAddress(address);
    if (normal === null) return false;
    const family = isIPv4(normal) ? 'ipv4' : 'ipv6';
    return this.#ranges[family].check(normal, family);
  }
}
