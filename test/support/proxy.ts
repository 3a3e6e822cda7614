import { once } from 'node:events';
import { connect, type Socket, SocketAddress } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { connect as connectTls } from 'node:tls';

/** The header of version 1 that a proxy sends for a client. */
export function textHeader(address: string, port: number): Buffer {
  const [family, destination] = address.includes(':') ? ['TCP6', '2001:db8::ffff'] : ['TCP4', '198.51.100.1'];
  return Buffer.from(`PROXY ${family} ${address} ${destination} ${port} 1935\r\n`, 'latin1');
}

/** The 4 or 16 bytes of an address. */
function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  // inet_ntop prints the last four bytes of some addresses in dots.
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(new SocketAddress({ address, family: 'ipv6' }).address);
  const [, front = '', ...numbers] = dotted ?? [];
  const [a = 0, b = 0, c = 0, d = 0] = numbers.map(Number);
  const plain =
    dotted === null
      ? new SocketAddress({ address, family: 'ipv6' }).address
      : `${front}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const [head = '', tail] = plain.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  const bytes = Buffer.alloc(16);
  [...first, ...zeros, ...last].forEach((group, index) => bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2));
  return bytes;
}

export interface BinaryHeaderOptions {
  readonly address?: string;
  readonly port?: number;
  readonly version?: number;
  readonly command?: number;
  readonly family?: number;
  readonly transport?: number;
  /** In place of addresses and ports. */
  readonly block?: Buffer;
  readonly extensions?: Buffer;
}

/** A header of version 2; every part of it may be wrong. */
export function binaryHeader(options: BinaryHeaderOptions): Buffer {
  const { address = '192.0.2.7', port = 51234, version = 2, command = 1, transport = 1 } = options;
  const { family = address.includes(':') ? 2 : 1, extensions = Buffer.alloc(0) } = options;
  const source = addressBytes(address);
  const ports = Buffer.from([port >> 8, port & 255, 1935 >> 8, 1935 & 255]);
  const block = options.block ?? Buffer.concat([source, Buffer.alloc(source.length, 1), ports]);
  const length = block.length + extensions.length;
  return Buffer.concat([
    Buffer.from('0d0a0d0a000d0a515549540a', 'hex'),
    Buffer.from([(version << 4) | command, (family << 4) | transport, length >> 8, length & 255]),
    block,
    extensions,
  ]);
}

export interface ProxiedOptions {
  readonly port: number;
  /** What the proxy sends first. */
  readonly header: Buffer;
  /** TLS behind the header. */
  readonly secure?: boolean;
  /** The protocols that are offered over TLS. */
  readonly protocols?: string[];
  /**
   * `first`: the header goes ahead alone. `together`: with the connection's own first bytes in one piece. `bytes`: both
   * byte by byte.
   */
  readonly pace?: 'first' | 'together' | 'bytes';
}

/** A client of a proxy in TCP mode: what it writes goes to the server behind the proxy's header. */
export async function connectProxied(options: ProxiedOptions): Promise<Socket> {
  const { port, header, secure = false, pace = 'first' } = options;
  const outer = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(outer, 'connect');
  if (pace === 'first') {
    outer.write(header);
    return secure ? handshake(outer, options.protocols) : outer;
  }
  const [near, far] = duplexPair();
  far.once('data', async (chunk: Buffer) => {
    // What comes meanwhile waits for the pipe.
    far.pause();
    const first = Buffer.concat([header, chunk]);
    if (pace === 'together') outer.write(first);
    else await writeSingly(outer, first);
    far.pipe(outer);
  });
  outer.pipe(far);
  outer.on('error', () => near.destroy());
  outer.on('close', () => near.destroy());
  near.on('close', () => outer.destroy());
  far.on('error', () => {});
  return secure ? handshake(near, options.protocols) : asSocket(near);
}

/** What tests use of a socket, on a stream that is none. */
function asSocket(stream: Duplex): Socket {
  return Object.assign(stream, { setNoDelay: () => stream }) as unknown as Socket;
}

async function writeSingly(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && !socket.destroyed; at++) {
    socket.write(bytes.subarray(at, at + 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function handshake(socket: Duplex, protocols: string[] | undefined): Promise<Socket> {
  const options = protocols === undefined ? {} : { ALPNProtocols: protocols };
  const secure = connectTls({ socket, rejectUnauthorized: false, ...options });
  secure.on('error', () => {});
  await Promise.race([once(secure, 'secureConnect'), once(secure, 'close')]);
  return secure;
}
