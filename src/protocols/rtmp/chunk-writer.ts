import { ownMemory } from '../../bytes/own-memory.ts';

/** Where the bytes go: memory of their own, or a `Slab`'s. */
export type Allocate = (size: number) => Buffer;

/** What stands in front of a message's payload. */
export interface MessageHeader {
  /** 2 to 65599. */
  readonly chunkStreamId: number;
  /** Milliseconds; written modulo 2^32. */
  readonly timestamp: number;
  readonly typeId: number;
  readonly streamId: number;
}

/** What the 24 bits of the length field can say. */
export const MAX_MESSAGE_BYTES = 0xffffff;

const EXTENDED = 0xffffff;

function basicHeaderBytes(chunkStreamId: number): number {
  return chunkStreamId < 64 ? 1 : chunkStreamId < 320 ? 2 : 3;
}

/** RTMP 1.0, 5.3.1.1. */
function writeBasicHeader(target: Buffer, at: number, format: number, chunkStreamId: number): number {
  if (chunkStreamId < 64) return target.writeUInt8((format << 6) | chunkStreamId, at);
  if (chunkStreamId < 320) {
    target.writeUInt8(format << 6, at);
    return target.writeUInt8(chunkStreamId - 64, at + 1);
  }
  target.writeUInt8((format << 6) | 1, at);
  return target.writeUInt16LE(chunkStreamId - 64, at + 1);
}

/**
 * A message as chunks in one Buffer: format 0 first, then format 3, each with the extended timestamp if there is one
 * (RTMP 1.0, 5.3.1). Full headers make the bytes the same whatever was sent before, so that many players can share them. `payload` has at most `MAX_MESSAGE_BYTES`.
 */
export function encodeChunks(
  header: MessageHeader,
  payload: Buffer,
  chunkSize: number,
  allocate: Allocate = ownMemory,
): Buffer {
  const { chunkStreamId } = header;
  const timestamp = header.timestamp >>> 0;
  const isExtended = timestamp >= EXTENDED;
  const repeatedBytes = basicHeaderBytes(chunkStreamId) + (isExtended ? 4 : 0);
  const repeats = Math.max(0, Math.ceil(payload.length / chunkSize) - 1);
  const bytes = allocate(repeatedBytes + 11 + payload.length + repeats * repeatedBytes);

  let at = writeBasicHeader(bytes, 0, 0, chunkStreamId);
  const stamp = isExtended ? EXTENDED : timestamp;
  const { length } = payload;
  bytes[at++] = stamp >>> 16;
  bytes[at++] = stamp >>> 8;
  bytes[at++] = stamp;
  bytes[at++] = length >>> 16;
  bytes[at++] = length >>> 8;
  bytes[at++] = length;
  bytes[at++] = header.typeId;
  bytes[at++] = header.streamId;
  bytes[at++] = header.streamId >>> 8;
  bytes[at++] = header.streamId >>> 16;
  bytes[at++] = header.streamId >>> 24;
  if (isExtended) at = bytes.writeUInt32BE(timestamp, at);
  if (length <= chunkSize) {
    bytes.set(payload, at);
    return bytes;
  }
  at += payload.copy(bytes, at, 0, chunkSize);
  for (let sent = chunkSize; sent < payload.length; sent += chunkSize) {
    at = writeBasicHeader(bytes, at, 3, chunkStreamId);
    if (isExtended) at = bytes.writeUInt32BE(timestamp, at);
    at += payload.copy(bytes, at, sent, sent + chunkSize);
  }
  return bytes;
}
