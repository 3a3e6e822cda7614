/** Where the other end of a connection is. */
export interface Peer {
  /** '' once it has gone, and on a local socket. */
  readonly address: string;
  /** 0 when it is not known. */
  readonly port: number;
}

/** A socket, as far as it says who is at its other end. */
export interface PeerSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** The address of a socket's peer, an IPv4 one in its own form also when it came through an IPv6 listener; '' once it has gone. */
export function peerAddress(socket: { readonly remoteAddress?: string | undefined }): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

/** From now on the socket says that `peer` is at its other end, to whoever asks it. */
export function lendPeer(socket: object, { address, port }: Peer): void {
  const remoteFamily = address.includes(':') ? 'IPv6' : 'IPv4';
  for (const [name, value] of Object.entries({ remoteAddress: address, remotePort: port, remoteFamily })) {
    Object.defineProperty(socket, name, { value, configurable: true, enumerable: true });
  }
}

const GROUPS = 8;
const GROUPS_OF_NETWORK = 4;

/** What one peer can change at will is the same here: an IPv4 address, or the /64 that an IPv6 address is in. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [front = '', back] = address.split('::');
  const head = front === '' ? [] : front.split(':');
  const tail = back === undefined || back === '' ? [] : back.split(':');
  const zeros = back === undefined ? 0 : Math.max(0, GROUPS - head.length - tail.length);
  return [...head, ...Array.from({ length: zeros }, () => '0'), ...tail].slice(0, GROUPS_OF_NETWORK).join(':');
}
