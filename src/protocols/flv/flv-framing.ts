import { ownMemory } from '../../bytes/own-memory.ts';

/** What surrounds each unit: nothing, an HTTP/1.1 chunk (RFC 9112, 7.1), or a binary WebSocket frame (RFC 6455, 5.2). */
export type FlvFraming = 'plain' | 'chunked' | 'websocket';

/** Puts bytes into `target`, from `at` on. */
type Write = (target: Buffer, at: number) => void;
type Allocate = (size: number) => Buffer;

/**
 * One Buffer of `length` bytes within its frame, in what `allocate` gives; `write` fills them. Never from Node's pool:
 * caches keep units, and a small one would hold memory that is counted nowhere.
 */
export function framed(framing: FlvFraming, length: number, write: Write, allocate: Allocate = ownMemory): Buffer {
  switch (framing) {
    case 'plain': {
      const bytes = allocate(length);
      write(bytes, 0);
      return bytes;
    }
    case 'chunked':
      return chunk(length, write, allocate);
    case 'websocket':
      return binaryFrame(length, write, allocate);
  }
}

/** These bytes as a unit of their own; `plain` gives them back. An HTTP chunk of 0 bytes would end the body: none is made. */
export function frameUnit(framing: FlvFraming, bytes: Buffer): Buffer {
  if (framing === 'plain' || bytes.length === 0) return bytes;
  return framed(framing, bytes.length, (target, at) => bytes.copy(target, at));
}

function chunk(length: number, write: Write, allocate: Allocate): Buffer {
  const size = length.toString(16);
  const start = size.length + 2;
  const bytes = allocate(start + length + 2);
  bytes.write(size, 'latin1');
  bytes.writeUInt16BE(0x0d0a, size.length);
  write(bytes, start);
  bytes.writeUInt16BE(0x0d0a, start + length);
  return bytes;
}

/** Final, binary, unmasked, as a server sends. */
function binaryFrame(length: number, write: Write, allocate: Allocate): Buffer {
  const start = length < 126 ? 2 : length <= 0xffff ? 4 : 10;
  const bytes = allocate(start + length);
  bytes[0] = 0x82;
  if (start === 2) bytes[1] = length;
  else if (start === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  write(bytes, start);
  return bytes;
}
