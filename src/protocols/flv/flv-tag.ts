import { flvError } from './flv-error.ts';

/** FLV E.4.1: TagType; 15 is AMF3 data (Enhanced RTMP v2). */
export const flvTagType = { audio: 8, video: 9, dataAmf3: 15, data: 18 } as const;

/** Bytes of the file header with the back pointer 0 that follows it. */
export const flvHeaderBytes = 13;
/** Bytes before a tag's body. */
export const tagHeaderBytes = 11;
/** Bytes after it. */
export const backPointerBytes = 4;
/** The longest file header that is skipped to find the first tag. */
export const maxFlvHeaderBytes = 65536;

export interface FlvHeader {
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
  /** Where the first back pointer is; 9 in practice. */
  readonly headerBytes: number;
}

/** FLV E.2, from the first 9 bytes: `46 4C 56`, version, flags, header size. Throws `ProtocolError` when it is not FLV. */
export function decodeFlvHeader(bytes: Buffer): FlvHeader {
  if (bytes.length < 9) throw flvError(`header of ${bytes.length} bytes, 9 needed`, 0);
  const signature = bytes.readUIntBE(0, 3);
  if (signature !== 0x464c56) throw flvError(`signature ${signature.toString(16)}, not 464c56 ("FLV")`, 0);
  const flags = bytes[4]!;
  const headerBytes = bytes.readUInt32BE(5);
  if (headerBytes < 9 || headerBytes > maxFlvHeaderBytes) {
    throw flvError(`header size ${headerBytes}, 9 to ${maxFlvHeaderBytes} allowed`, 5);
  }
  return { hasAudio: (flags & 4) !== 0, hasVideo: (flags & 1) !== 0, headerBytes };
}

/** The first 13 bytes of a file: header, then the back pointer 0. */
export function encodeFlvHeader({ hasAudio, hasVideo }: Pick<FlvHeader, 'hasAudio' | 'hasVideo'>): Buffer {
  return Buffer.of(0x46, 0x4c, 0x56, 1, (hasAudio ? 4 : 0) | (hasVideo ? 1 : 0), 0, 0, 0, 9, 0, 0, 0, 0);
}

export interface FlvTagHeader {
  readonly type: number;
  /** Is the body encrypted? */
  readonly isFiltered: boolean;
  /** Bytes of the body. */
  readonly size: number;
  /** Milliseconds, unsigned 32 bit. */
  readonly timestampMs: number;
}

/**
 *     reserved:2 filter:1 type:5 | size:24 | timestamp, low 24 bits:24 | timestamp, high 8 bits:8 | stream id:24
 */
export function decodeTagHeader(bytes: Buffer, at = 0): FlvTagHeader {
  const first = bytes[at]!;
  return {
    type: first & 0x1f,
    isFiltered: (first & 0x20) !== 0,
    size: bytes.readUIntBE(at + 1, 3),
    timestampMs: bytes.readUIntBE(at + 4, 3) + bytes[at + 7]! * 0x1000000,
  };
}

/** Writes 11 bytes at `at`; `timestampMs` modulo 2^32. */
export function writeTagHeader(target: Buffer, at: number, tag: Omit<FlvTagHeader, 'isFiltered'>): void {
  const timestamp = tag.timestampMs >>> 0;
  target[at] = tag.type;
  target.writeUIntBE(tag.size, at + 1, 3);
  target.writeUIntBE(timestamp & 0xffffff, at + 4, 3);
  target[at + 7] = timestamp >>> 24;
  target.writeUIntBE(0, at + 8, 3);
}

export interface FlvTag {
  readonly type: number;
  readonly timestampMs: number;
  readonly body: Buffer;
}

/** Bytes of a tag with its back pointer. */
export function tagLength(body: Buffer): number {
  return tagHeaderBytes + body.length + backPointerBytes;
}

/** Writes a tag and its back pointer at `at`. */
export function writeTag(target: Buffer, at: number, { type, timestampMs, body }: FlvTag): void {
  writeTagHeader(target, at, { type, size: body.length, timestampMs });
  body.copy(target, at + tagHeaderBytes);
  target.writeUInt32BE(tagHeaderBytes + body.length, at + tagHeaderBytes + body.length);
}

/** A tag and its back pointer, in one allocation. */
export function encodeTag(tag: FlvTag): Buffer {
  const bytes = Buffer.allocUnsafe(tagLength(tag.body));
  writeTag(bytes, 0, tag);
  return bytes;
}
