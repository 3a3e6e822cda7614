import { SocketAddress } from 'node:net';
import { proxyError } from './proxy-error.ts';
import type { ProxyHeader, ProxySource } from './proxy-source.ts';
import { proxyLimits } from './proxy-limits.ts';

/** PROXY protocol, 2.2. */
export const BINARY_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** Signature, version and command, family and transport, length of the rest. */
const HEAD_BYTES = 16;
const VERSION = 2;
const LOCAL = 0;
const PROXY = 1;
/** Address families, by their number; the bytes of both addresses and ports, and of one address. */
const FAMILIES = [
  { name: 'unspecified', bytes: 0, address: 0 },
  { name: 'IPv4', bytes: 12, address: 4 },
  { name: 'IPv6', bytes: 36, address: 16 },
  { name: 'UNIX', bytes: 216, address: 108 },
] as const;
/** Unspecified, stream, datagram. */
const TRANSPORTS = 3;

function readSource(bytes: Buffer, size: number): ProxySource {
  const block = bytes.subarray(HEAD_BYTES, HEAD_BYTES + size);
  const port = bytes.readUInt16BE(HEAD_BYTES + 2 * size);
  if (size === 4) return { address: block.join('.'), port };
  const groups = Array.from({ length: 8 }, (_, index) => block.readUInt16BE(index * 2).toString(16));
  return { address: new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address, port };
}

/**
 * PROXY protocol, 2.2: the signature, then
 *
 *     version:4 command:4 | family:4 transport:4 | length:16 | source, destination, ports | extensions
 *
 * of which the extensions are passed over.
 */
export function readBinaryHeader(bytes: Buffer): ProxyHeader | 'need more' {
  if (bytes.length < HEAD_BYTES) return 'need more';
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 15;
  if (version !== VERSION) throw proxyError(`version ${version} of the PROXY header; ${VERSION} is allowed`);
  if (command !== LOCAL && command !== PROXY) throw proxyError(`the command ${command} in the PROXY header`);
  const rest = bytes.readUInt16BE(14);
  const length = HEAD_BYTES + rest;
  if (length > proxyLimits.maxBinaryBytes) {
    const message = `a PROXY header of ${length} bytes exceeds maxBinaryBytes ${proxyLimits.maxBinaryBytes}`;
    throw proxyError(message, 'maxBinaryBytes');
  }
  const isKnown = command === PROXY;
  const family = FAMILIES[bytes[13]! >> 4];
  if (isKnown && (family === undefined || (bytes[13]! & 15) >= TRANSPORTS)) {
    throw proxyError(`the family and transport ${bytes[13]} in the PROXY header`);
  }
  if (isKnown && rest < family!.bytes) {
    throw proxyError(`${rest} bytes of addresses in the PROXY header; ${family!.name} needs ${family!.bytes}`);
  }
  if (bytes.length < length) return 'need more';
  const hasAddress = isKnown && (family!.address === 4 || family!.address === 16);
  return { length, source: hasAddress ? readSource(bytes, family!.address) : null };
}
