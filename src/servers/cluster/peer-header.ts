import { timingSafeEqual } from 'node:crypto';

/** The header in which a worker names the client of a request. What a client sends under this name goes no further. */
export const PEER_HEADER = 'x-nms-peer';

/** Who sent a request, and how. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  readonly isSecure: boolean;
}

/** The header's value: a token that no client knows, then the peer. */
export function encodePeer(peer: Peer, token: string): string {
  return `${token} ${peer.isSecure ? 'tls' : 'tcp'} ${peer.port} ${peer.address}`;
}

/** The peer of a request that a worker passed on; `null` when no worker did. */
export function readPeer(value: string | readonly string[] | undefined, token: string): Peer | null {
  if (typeof value !== 'string') return null;
  const [found = '', kind, port = '', address = ''] = value.split(' ');
  const isOurs =
    found.length === token.length && timingSafeEqual(Buffer.from(found, 'latin1'), Buffer.from(token, 'latin1'));
  return isOurs ? { address, port: Number(port), isSecure: kind === 'tls' } : null;
}
