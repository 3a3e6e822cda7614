import { ProtocolError } from '../../errors.ts';
import { decodeAmf0, encodeAmf0 } from '../amf/amf0.ts';
import { type AmfObject, type AmfValue, amfObject, ecmaArray, isAmfObject } from '../amf/amf-value.ts';
import {
  backPointerBytes,
  encodeFlvHeader,
  flvHeaderBytes,
  flvTagType,
  tagHeaderBytes,
  writeTagHeader,
} from './flv-tag.ts';

/**
 * Bytes before the first tag of media in a file that we write: the header, and an onMetaData with room for an index. The room
 * is a string behind the values, which no reader looks at; on disk it is a hole.
 */
export const fileHeadBytes = 128 * 1024;
/** What a killed process has written of so many bytes at the beginning of a file is all of them, or none. */
export const firstPageBytes = 4096;

const bodyBytes = fileHeadBytes - flvHeaderBytes - tagHeaderBytes - backPointerBytes;
/** AMF0, 2.14: the marker of a long string and its length. */
const roomHeadBytes = 5;
const longString = 12;
/** What a publisher says of his stream is kept as long as it leaves room for us in the first page. */
const maxPublisherBytes = 3 * 1024;
/** A value that is longer than this is left out first. */
const maxValueBytes = 256;

/** The beginning of a file. */
export interface FlvFileHead {
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
  /** All that onMetaData says. */
  readonly values: AmfObject;
}

/** The back pointer at the end of the head. */
export const headBackPointer: Buffer = (() => {
  const bytes = Buffer.alloc(backPointerBytes);
  bytes.writeUInt32BE(tagHeaderBytes + bodyBytes);
  return bytes;
})();

/** The bytes of a head up to its room, which may hold anything; `null` when the values do not fit. */
export function encodeFileHead({ hasAudio, hasVideo, values }: FlvFileHead): Buffer | null {
  const body = encodeAmf0(['onMetaData', ecmaArray(values)]);
  const room = bodyBytes - body.length - roomHeadBytes;
  if (room < 0) return null;
  const tag = Buffer.alloc(tagHeaderBytes);
  writeTagHeader(tag, 0, { type: flvTagType.data, size: bodyBytes, timestampMs: 0 });
  const roomHead = Buffer.alloc(roomHeadBytes);
  roomHead[0] = longString;
  roomHead.writeUInt32BE(room, 1);
  return Buffer.concat([encodeFlvHeader({ hasAudio, hasVideo }), tag, body, roomHead]);
}

/** What onMetaData of a file says, from its first `fileHeadBytes`; `null` when the file does not begin as ours do. */
export function decodeFileHead(bytes: Buffer): AmfObject | null {
  if (bytes.length < fileHeadBytes || bytes.toString('latin1', 0, 3) !== 'FLV') return null;
  const isOurs =
    bytes[flvHeaderBytes] === flvTagType.data &&
    bytes.readUIntBE(flvHeaderBytes + 1, 3) === bodyBytes &&
    bytes.subarray(fileHeadBytes - backPointerBytes, fileHeadBytes).equals(headBackPointer);
  return isOurs ? decodeFileMetadata(bytes.subarray(flvHeaderBytes + tagHeaderBytes, fileHeadBytes - 4)) : null;
}

/** The values of an onMetaData; `null` when it is none, or cannot be read. */
export function decodeFileMetadata(body: Buffer): AmfObject | null {
  try {
    const values = decodeAmf0(body);
    const at = values[0] === '@setDataFrame' ? 1 : 0;
    const info = values[at + 1];
    return values[at] === 'onMetaData' && info !== undefined && isAmfObject(info) ? info : null;
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** Of what a publisher says, as much as every head has room for: if not all, the short values, in their order. */
export function shortValues(values: AmfObject): AmfObject {
  if (encodedBytes(values) <= maxPublisherBytes) return values;
  const kept = amfObject();
  let left = maxPublisherBytes;
  for (const [key, value] of Object.entries(values)) {
    const bytes = encodedBytes(amfObject({ [key]: value }));
    if (bytes > maxValueBytes || bytes > left) continue;
    left -= bytes;
    kept[key] = value as AmfValue;
  }
  return kept;
}

function encodedBytes(values: AmfObject): number {
  return encodeAmf0([values], { maxAmfDepth: Number.POSITIVE_INFINITY }).length;
}
