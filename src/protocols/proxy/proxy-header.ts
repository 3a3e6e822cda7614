import { BINARY_SIGNATURE, readBinaryHeader } from './proxy-binary.ts';
import type { ProxyHeader } from './proxy-source.ts';
import { readTextHeader, TEXT_SIGNATURE } from './proxy-text.ts';

/** How the bytes begin, compared as far as there are any. */
function beginsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

/**
 * Reads the header of the PROXY protocol, version 1 or 2, at the beginning of a connection. `null`: the bytes do not begin
 * with one. Only bytes of a peer that is trusted to say who its client is may be given to this.
 * @param bytes everything that has come so far
 * @throws ProtocolError when it began like a header and is none, or is longer than `proxyLimits` allow.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'need more' | null {
  for (const [signature, read] of [
    [TEXT_SIGNATURE, readTextHeader],
    [BINARY_SIGNATURE, readBinaryHeader],
  ] as const) {
    if (beginsLike(bytes, signature)) return bytes.length < signature.length ? 'need more' : read(bytes);
  }
  return null;
}
