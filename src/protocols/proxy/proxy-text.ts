import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { proxyError } from './proxy-error.ts';
import type { ProxyHeader } from './proxy-source.ts';
import { proxyLimits } from './proxy-limits.ts';

/** PROXY protocol, 2.1. */
export const TEXT_SIGNATURE = Buffer.from('PROXY ', 'latin1');

const LINE_END = Buffer.from('\r\n', 'latin1');
const MAX_PORT = 65_535;

function readPort(text: string): number {
  if (!/^(0|[1-9]\d{0,4})$/.test(text) || Number(text) > MAX_PORT) {
    throw proxyError('a port in the PROXY header that is no number from 0 to 65535');
  }
  return Number(text);
}

function readAddress(text: string, family: 'ipv4' | 'ipv6'): string {
  // A zone names an interface of the proxy, not of ours.
  const isRight = family === 'ipv4' ? isIPv4(text) : isIPv6(text) && !text.includes('%');
  if (!isRight)
    throw proxyError(`an address in the PROXY header that is no ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address`);
  return new SocketAddress({ address: text, family }).address;
}

/**
 * PROXY protocol, 2.1: `PROXY TCP4 <source> <destination> <source port> <destination port>` CR LF, `TCP6` likewise, or
 * `UNKNOWN` and whatever follows it.
 */
export function readTextHeader(bytes: Buffer): ProxyHeader | 'need more' {
  const { maxTextBytes } = proxyLimits;
  const end = bytes.subarray(0, maxTextBytes).indexOf(LINE_END);
  if (end < 0) {
    if (bytes.length < maxTextBytes) return 'need more';
    throw proxyError(`a PROXY header without a line end in its first ${maxTextBytes} bytes`, 'maxTextBytes');
  }
  const length = end + LINE_END.length;
  const words = bytes.toString('latin1', TEXT_SIGNATURE.length, end).split(' ');
  const [family, source, destination, sourcePort, destinationPort] = words;
  if (family === 'UNKNOWN') return { length, source: null };
  if (family !== 'TCP4' && family !== 'TCP6') {
    throw proxyError('a protocol in the PROXY header that is not TCP4, TCP6 or UNKNOWN');
  }
  if (words.length !== 5) throw proxyError(`${words.length} words in the PROXY header; 5 are allowed`);
  const kind = family === 'TCP4' ? 'ipv4' : 'ipv6';
  readAddress(destination!, kind);
  readPort(destinationPort!);
  return { length, source: { address: readAddress(source!, kind), port: readPort(sourcePort!) } };
}
