import type { Socket } from 'node:net';

/** What Node's sockets keep under symbols that it does not export; the words are those of its own `onread` option. */
type Inside = Socket & {
  readonly _handle?: { useUserBuffer?: (buffer: Buffer) => void } | null;
  [key: symbol]: unknown;
};

function symbolOf(socket: Socket, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === description);
}

/**
 * Makes the socket read into `buffer` instead of into 64 KiB of fresh memory each time, and give what came to `onBytes`;
 * 'data' is not emitted then. The bytes are good until `onBytes` returns: the buffer may be shared by all sockets of a
 * process. Returns false, and changes nothing, where Node's insides are other than expected or bytes have come already that
 * nobody has read: listen to 'data' then.
 *
 * Node offers this as `onread` to sockets that connect, and has no words for it for sockets that were accepted.
 */
export function readInto(socket: Socket, buffer: Buffer, onBytes: (bytes: Buffer) => void): boolean {
  const inside = socket as Inside;
  const [kBuffer, kBufferCb, kBufferGen] = ['kBuffer', 'kBufferCb', 'kBufferGen'].map((name) => symbolOf(socket, name));
  const handle = inside._handle;
  if (kBuffer === undefined || kBufferCb === undefined || kBufferGen === undefined) return false;
  if (socket.readableLength > 0 || inside[kBuffer] !== null || typeof handle?.useUserBuffer !== 'function')
    return false;
  inside[kBuffer] = buffer;
  inside[kBufferGen] = null;
  inside[kBufferCb] = (count: number, bytes: Buffer) => {
    onBytes(bytes.subarray(0, count));
    return true;
  };
  handle.useUserBuffer(buffer);
  return true;
}
