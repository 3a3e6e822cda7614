import type { SessionOrigin, SessionTarget } from '../../core/session.ts';
import { parseStreamAddress, type StreamAddress } from '../../core/stream-path.ts';

/** Both ends of a connection between two processes of this server. */
export const innerOrigin: SessionOrigin = { protocol: 'internal', ip: 'worker', address: 'worker' };

/** @throws ProtocolError when it is no stream's path. */
export function parseStreamPath(path: string): StreamAddress {
  const cut = path.lastIndexOf('/');
  return parseStreamAddress(path.slice(1, Math.max(cut, 1)), path.slice(cut + 1));
}

export function innerTarget(address: StreamAddress): SessionTarget {
  return { address, host: '', query: {} };
}
