import type { PacketType } from '../../media/packet.ts';
import { frameType, isEx, readExHeader, videoPacketType } from './ex-header.ts';
import { fourCcOf } from './flv-codecs.ts';

/** How HEVC leaves: as it came, as codec id 12 (old players of some CDNs), or as Enhanced RTMP `hvc1`. */
export type HevcForm = 'as-is' | 'legacy' | 'enhanced';

const hevcCodecId = 12;
const hvc1 = fourCcOf.get('hevc')!;

/**
 * The body of an HEVC track in the other form; `null` when that form has no words for it (HDR metadata in legacy). What the
 * reader did not understand and what is inside a multitrack wrapper stays as it is.
 */
export function convertHevc(body: Buffer, form: HevcForm, type: PacketType): Buffer | null {
  if (form === 'as-is' || type === 'other') return body;
  if (isEx('video', body)) return form === 'legacy' ? toLegacy(body, type) : body;
  return form === 'legacy' ? withCodecId12(body) : toEnhanced(body);
}

/** OBS before 29.1 writes HEVC under AVC's id. */
function withCodecId12(body: Buffer): Buffer {
  const first = (body[0]! & 0xf0) | hevcCodecId;
  if (body[0] === first) return body;
  const bytes = Buffer.from(body);
  bytes[0] = first;
  return bytes;
}

function toLegacy(body: Buffer, type: PacketType): Buffer | null {
  const header = readExHeader('video', body, Number.POSITIVE_INFINITY);
  const [part] = header.parts;
  if (header.isMultitrack || part === undefined) return body;
  const frame = header.frameType === 0 ? (type === 'key' ? frameType.key : frameType.inter) : header.frameType;
  const first = (frame << 4) | hevcCodecId;
  switch (header.packetType) {
    case videoPacketType.sequenceStart:
      return join([(frameType.key << 4) | hevcCodecId, 0, 0, 0, 0], part.data);
    case videoPacketType.codedFrames:
      return join([first, 1], part.data);
    case videoPacketType.codedFramesX:
      return join([first, 1, 0, 0, 0], part.data);
    case videoPacketType.sequenceEnd:
      return Buffer.of((frameType.key << 4) | hevcCodecId, 2, 0, 0, 0);
    default:
      return null;
  }
}

function toEnhanced(body: Buffer): Buffer {
  const first = 0x80 | (body[0]! & 0x70);
  switch (body[1]) {
    case 0:
      return join(exHead(first | videoPacketType.sequenceStart), body.subarray(5));
    case 1:
      return body.readIntBE(2, 3) === 0
        ? join(exHead(first | videoPacketType.codedFramesX), body.subarray(5))
        : join(exHead(first | videoPacketType.codedFrames), body.subarray(2));
    default:
      return Buffer.from(exHead(first | videoPacketType.sequenceEnd));
  }
}

function exHead(first: number): number[] {
  return [first, hvc1 >>> 24, (hvc1 >>> 16) & 0xff, (hvc1 >>> 8) & 0xff, hvc1 & 0xff];
}

function join(head: readonly number[], data: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + data.length);
  bytes.set(head);
  data.copy(bytes, head.length);
  return bytes;
}
