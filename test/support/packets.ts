import { AVPacket, type PacketType, type Track, type TrackKind } from '../../src/media/packet.ts';
import { fromMillis } from '../../src/media/time.ts';

export const videoTrack: Track = { id: 0, kind: 'video', codec: 'avc', config: null };
export const audioTrack: Track = { id: 0, kind: 'audio', codec: 'aac', config: null };

/** A packet whose payload names it, so that tests can read what arrived. */
export function packet(type: PacketType, kind: TrackKind, ms: number, label = `${kind} ${type} ${ms}`): AVPacket {
  const track =
    kind === 'video' ? videoTrack : kind === 'audio' ? audioTrack : { ...videoTrack, kind, codec: 'amf0' as const };
  const bytes = Buffer.from(`<${label}>`);
  return new AVPacket(track, type, fromMillis(ms), fromMillis(ms), bytes, bytes);
}

export const key = (ms: number, label?: string) => packet('key', 'video', ms, label);
export const frame = (ms: number, label?: string) => packet('frame', 'video', ms, label);
export const audio = (ms: number, label?: string) => packet('frame', 'audio', ms, label);
