import { audioPacketType, frameType, isEx, videoPacketType } from './ex-header.ts';
import { videoCodecIds } from './flv-codecs.ts';
import { flvTagType } from './flv-tag.ts';

/**
 * What a tag is to a file: `key` is a picture that a decoder can start with, `header` what decoders need before media,
 * `metadata` onMetaData, `other` what plays without.
 */
export type FlvTagRole = 'key' | 'video' | 'audio' | 'header' | 'metadata' | 'other';

/** Bytes of a body that tell its role; fewer when it is shorter. */
export const roleBytes = 32;

/** AMF0: the string `onMetaData`. */
const ON_METADATA = Buffer.from('\x02\x00\x0aonMetaData', 'latin1');
/** FLV E.4.3.1: codec ids whose second byte tells headers from frames. */
const PACKETED: ReadonlySet<number> = new Set([...videoCodecIds.keys()].filter((id) => id >= 7));
const AAC = 10;

/** The role of a tag, by its first `roleBytes`. */
export function tagRole(type: number, body: Buffer): FlvTagRole {
  const start = body.subarray(0, roleBytes);
  switch (type) {
    case flvTagType.video:
      return isEx('video', start) ? exRole('video', start) : legacyVideoRole(start);
    case flvTagType.audio:
      return isEx('audio', start) ? exRole('audio', start) : legacyAudioRole(start);
    case flvTagType.data:
      return start.subarray(0, ON_METADATA.length).equals(ON_METADATA) ? 'metadata' : 'other';
    default:
      return 'other';
  }
}

function legacyVideoRole(body: Buffer): FlvTagRole {
  if (body.length === 0) return 'other';
  const frame = body[0]! >> 4;
  if (frame === frameType.command) return 'other';
  const isMedia = !PACKETED.has(body[0]! & 0x0f) || body[1] === 1;
  if (isMedia) return frame === frameType.key ? 'key' : 'video';
  return body[1] === 0 ? 'header' : 'other';
}

function legacyAudioRole(body: Buffer): FlvTagRole {
  if (body.length === 0) return 'other';
  if (body[0]! >> 4 !== AAC) return 'audio';
  if (body[1] === 0) return 'header';
  return body[1] === 1 ? 'audio' : 'other';
}

/** Enhanced RTMP v2. Of several tracks, the pictures of track 0 are those that a player can start with. */
function exRole(kind: 'audio' | 'video', body: Buffer): FlvTagRole {
  const types = kind === 'video' ? videoPacketType : audioPacketType;
  const frame = (body[0]! >> 4) & 7;
  let packetType = body[0]! & 0x0f;
  let at = 1;
  while (packetType === types.modEx && at + 1 < body.length) {
    let size = body[at++]! + 1;
    if (size === 256) {
      if (at + 2 > body.length) return 'other';
      size = body.readUInt16BE(at) + 1;
      at += 2;
    }
    at += size;
    if (at >= body.length) return 'other';
    packetType = body[at++]! & 0x0f;
  }
  let trackId = 0;
  if (packetType === types.multitrack) {
    packetType = (body[at] ?? 0) & 0x0f;
    trackId = body[at + 5] ?? 0;
  }
  return kind === 'audio' ? exAudioRole(packetType) : exVideoRole(packetType, frame, trackId);
}

function exAudioRole(packetType: number): FlvTagRole {
  if (packetType === audioPacketType.codedFrames) return 'audio';
  const isHeader = packetType === audioPacketType.sequenceStart || packetType === audioPacketType.multichannelConfig;
  return isHeader ? 'header' : 'other';
}

function exVideoRole(packetType: number, frame: number, trackId: number): FlvTagRole {
  switch (packetType) {
    case videoPacketType.codedFrames:
    case videoPacketType.codedFramesX:
      if (frame === frameType.command) return 'other';
      return frame === frameType.key && trackId === 0 ? 'key' : 'video';
    case videoPacketType.sequenceStart:
    case videoPacketType.mpeg2TsSequenceStart:
    case videoPacketType.metadata:
      return frame === frameType.command ? 'other' : 'header';
    default:
      return 'other';
  }
}
