import type { AVPacket, CodecName, PacketType } from '../../media/packet.ts';
import { audioPacketType, frameType, videoPacketType } from './ex-header.ts';
import { fourCcOf, hasCompositionTime } from './flv-codecs.ts';
import type { HevcForm } from './hevc-form.ts';

/** The first byte of legacy audio bodies; rate, size and channels are what FLV E.4.2.1 prescribes or what is usual. */
const legacyAudio: ReadonlyMap<CodecName, number> = new Map([
  ['aac', 0xaf],
  ['mp3', 0x2f],
  ['g711a', 0x72],
  ['g711u', 0x82],
  ['speex', 0xb2],
]);

/**
 * A body for a packet that came by another transport: legacy for what Adobe's FLV knows, enhanced for the rest and for
 * every track but the first. `null` when FLV has no words for it.
 */
export function writeBody(packet: AVPacket, hevc: HevcForm): Buffer | null {
  const { track } = packet;
  if (track.kind === 'data') return packet.data;
  if (track.id === 0) {
    const head = track.kind === 'audio' ? legacyAudioHead(packet) : legacyVideoHead(packet, hevc);
    if (head !== null) return Buffer.concat([head, packet.data]);
  }
  const head = track.kind === 'audio' ? exAudioHead(packet) : exVideoHead(packet);
  return head === null ? null : Buffer.concat([head, packet.data]);
}

function legacyAudioHead({ track, type }: AVPacket): Buffer | null {
  const first = legacyAudio.get(track.codec);
  if (first === undefined || (type !== 'frame' && type !== 'config')) return null;
  if (track.codec === 'aac') return Buffer.of(first, type === 'config' ? 0 : 1);
  return type === 'frame' ? Buffer.of(first) : null;
}

function legacyVideoHead(packet: AVPacket, hevc: HevcForm): Buffer | null {
  const { codec } = packet.track;
  const id = codec === 'avc' ? 7 : codec === 'hevc' && hevc === 'legacy' ? 12 : null;
  const packetType = legacyPacketTypes.get(packet.type);
  if (id === null || packetType === undefined) return null;
  const head = Buffer.of((frameTypeOf(packet.type) << 4) | id, packetType, 0, 0, 0);
  if (packetType === 1) head.writeIntBE(compositionTime(packet), 2, 3);
  return head;
}

const legacyPacketTypes: ReadonlyMap<PacketType, number> = new Map([
  ['config', 0],
  ['key', 1],
  ['frame', 1],
  ['end', 2],
]);

function exVideoHead(packet: AVPacket): Buffer | null {
  const { codec } = packet.track;
  let packetType: number;
  let cts: Buffer | null = null;
  switch (packet.type) {
    case 'config':
      packetType = videoPacketType.sequenceStart;
      break;
    case 'color':
      packetType = videoPacketType.metadata;
      break;
    case 'end':
      packetType = videoPacketType.sequenceEnd;
      break;
    case 'key':
    case 'frame':
      packetType = videoPacketType.codedFrames;
      if (!hasCompositionTime(codec)) break;
      cts = Buffer.alloc(3);
      cts.writeIntBE(compositionTime(packet), 0, 3);
      break;
    default:
      return null;
  }
  const first = 0x80 | (frameTypeOf(packet.type) << 4);
  return exHead(packet, first, packetType, videoPacketType.multitrack, cts);
}

function exAudioHead(packet: AVPacket): Buffer | null {
  const packetType = audioPacketTypes.get(packet.type);
  return packetType === undefined ? null : exHead(packet, 0x90, packetType, audioPacketType.multitrack, null);
}

const audioPacketTypes: ReadonlyMap<PacketType, number> = new Map([
  ['config', audioPacketType.sequenceStart],
  ['frame', audioPacketType.codedFrames],
  ['end', audioPacketType.sequenceEnd],
  ['channels', audioPacketType.multichannelConfig],
]);

function exHead(
  { track }: AVPacket,
  first: number,
  packetType: number,
  multitrack: number,
  cts: Buffer | null,
): Buffer | null {
  const fourCc = fourCcOf.get(track.codec);
  if (fourCc === undefined) return null;
  const code = Buffer.allocUnsafe(4);
  code.writeUInt32BE(fourCc);
  const head: Buffer[] =
    track.id === 0
      ? [Buffer.of(first | packetType), code]
      : [Buffer.of(first | multitrack, packetType), code, Buffer.of(track.id)];
  if (cts !== null) head.push(cts);
  return Buffer.concat(head);
}

function frameTypeOf(type: PacketType): number {
  return type === 'frame' ? frameType.inter : frameType.key;
}

/** Whole milliseconds, as much of them as SI24 holds. */
function compositionTime(packet: AVPacket): number {
  const cts = Math.round((packet.pts - packet.dts) / 1000);
  return Math.max(-0x800000, Math.min(0x7fffff, cts));
}
