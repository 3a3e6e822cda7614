import { ByteReader } from '../../bytes/byte-reader.ts';
import { flvError } from './flv-error.ts';

/** Enhanced RTMP v2, "ExVideoTagHeader": VideoPacketType. */
export const videoPacketType = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  metadata: 4,
  mpeg2TsSequenceStart: 5,
  multitrack: 6,
  modEx: 7,
} as const;

/** Enhanced RTMP v2, "ExAudioTagHeader": AudioPacketType. */
export const audioPacketType = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  multichannelConfig: 4,
  multitrack: 5,
  modEx: 7,
} as const;

/** FLV E.4.3.1: FrameType of a video tag. */
export const frameType = { key: 1, inter: 2, disposable: 3, generatedKey: 4, command: 5 } as const;

/** AvMultitrackType. */
const multitrackType = { oneTrack: 0, manyTracks: 1, manyTracksManyCodecs: 2 } as const;

/** One track's share of an enhanced body. */
export interface ExPart {
  readonly fourCc: number;
  readonly trackId: number;
  /** What follows the FourCC, the track id and the size: a view. */
  readonly data: Buffer;
}

export interface ExHeader {
  /** FrameType; 0 for audio. */
  readonly frameType: number;
  /** The packet type of the parts, once ModEx and Multitrack are unwrapped. */
  readonly packetType: number;
  /** The offset of the byte whose low four bits hold the packet type, or Multitrack. */
  readonly typeAt: number;
  readonly isMultitrack: boolean;
  /** Is it a video command: one byte, no FourCC, no parts? */
  readonly isCommand: boolean;
  /** To be added to the presentation time, in nanoseconds. */
  readonly nanos: number;
  /** Empty for a command and for a multitrack layout nobody defined. */
  readonly parts: readonly ExPart[];
}

/** Is it an enhanced body, as opposed to a legacy one? */
export function isEx(kind: 'audio' | 'video', body: Buffer): boolean {
  const first = body[0] ?? 0;
  return kind === 'video' ? first >= 0x80 : first >> 4 === 9;
}

/**
 * Reads the head of an enhanced body and finds its tracks:
 *
 *     type:8 { ModEx: size:8|8+16 data modExType:4 nextType:4 }* [ Multitrack: layout:4 type:4 ] FourCC:32 ...
 *
 * Throws `ProtocolError` when it is cut short, or its sizes do not add up to the last byte.
 */
export function readExHeader(kind: 'audio' | 'video', body: Buffer, maxTracks: number): ExHeader {
  const types = kind === 'video' ? videoPacketType : audioPacketType;
  const reader = new ByteReader(body, flvError);
  const first = reader.u8();
  const frame = kind === 'video' ? (first >> 4) & 7 : 0;
  let packetType = first & 0x0f;
  let typeAt = 0;
  let nanos = 0;
  while (packetType === types.modEx) {
    let size = reader.u8() + 1;
    if (size === 256) size = reader.u16() + 1;
    const data = reader.take(size);
    typeAt = reader.position;
    const next = reader.u8();
    // TimestampOffsetNano, the only one defined: less than a millisecond. What is unknown is skipped.
    if (next >> 4 === 0 && size >= 3) nanos += Math.min(data.readUIntBE(0, 3), 999_999);
    packetType = next & 0x0f;
  }
  if (kind === 'video' && packetType !== videoPacketType.metadata && frame === frameType.command) {
    reader.skip(1);
    return { frameType: frame, packetType, typeAt, isMultitrack: false, isCommand: true, nanos, parts: [] };
  }
  if (packetType !== types.multitrack) {
    const parts = [{ fourCc: reader.u32(), trackId: 0, data: reader.rest() }];
    return { frameType: frame, packetType, typeAt, isMultitrack: false, isCommand: false, nanos, parts };
  }
  const layout = reader.u8();
  packetType = layout & 0x0f;
  if (packetType === types.multitrack) throw flvError('multitrack inside multitrack', reader.position - 1);
  // ModEx comes before Multitrack, never inside: nobody defined what it would be there.
  const parts = packetType === types.modEx ? [] : readParts(reader, layout >> 4, maxTracks);
  return { frameType: frame, packetType, typeAt, isMultitrack: true, isCommand: false, nanos, parts };
}

function readParts(reader: ByteReader, layout: number, maxTracks: number): ExPart[] {
  if (layout === multitrackType.oneTrack) {
    return [{ fourCc: reader.u32(), trackId: reader.u8(), data: reader.rest() }];
  }
  if (layout !== multitrackType.manyTracks && layout !== multitrackType.manyTracksManyCodecs) return [];
  const common = layout === multitrackType.manyTracks ? reader.u32() : null;
  const parts: ExPart[] = [];
  do {
    if (parts.length === maxTracks) throw flvError(`more than maxTracks ${maxTracks} tracks`, reader.position);
    const fourCc = common ?? reader.u32();
    const trackId = reader.u8();
    parts.push({ fourCc, trackId, data: reader.take(reader.u24()) });
  } while (reader.remaining > 0);
  return parts;
}

/** The same body for one of its tracks alone, without the multitrack wrapper; ModEx stays. One allocation. */
export function unwrapPart(body: Buffer, header: ExHeader, part: ExPart): Buffer {
  const head = header.typeAt + 1;
  const bytes = Buffer.allocUnsafe(head + 4 + part.data.length);
  body.copy(bytes, 0, 0, head);
  bytes[header.typeAt] = (bytes[header.typeAt]! & 0xf0) | header.packetType;
  bytes.writeUInt32BE(part.fourCc, head);
  part.data.copy(bytes, head + 4);
  return bytes;
}

/** The same body for one of its tracks alone, in a wrapper of the one-track layout. One allocation. */
export function isolatePart(body: Buffer, header: ExHeader, part: ExPart): Buffer {
  const head = header.typeAt + 1;
  const bytes = Buffer.allocUnsafe(head + 6 + part.data.length);
  body.copy(bytes, 0, 0, head);
  bytes[head] = (multitrackType.oneTrack << 4) | header.packetType;
  bytes.writeUInt32BE(part.fourCc, head + 1);
  bytes[head + 5] = part.trackId;
  part.data.copy(bytes, head + 6);
  return bytes;
}
