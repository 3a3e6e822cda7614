import type { AVPacket } from '../media/packet.ts';
import { fromMillis } from '../media/time.ts';

export interface GopLimits {
  readonly enabled: boolean;
  readonly maxBytes: number;
  readonly maxMs: number;
  readonly audioMs: number;
}

/** What keeping a packet costs beside its payload: so that a flood of empty ones is bounded too. */
export const PACKET_OVERHEAD_BYTES = 128;

/** What `push` did to the list: emptied it first, kept the packet, removed so many from the front. */
export interface GopChange {
  reset: boolean;
  kept: boolean;
  trimmed: number;
}

/**
 * The packets that a newcomer starts with: from the newest keyframe on, or the last moment of a stream without video.
 * Bounded in bytes and time: a group that grows beyond is dropped whole and newcomers wait for the next keyframe.
 */
export class GopCache {
  readonly packets: AVPacket[] = [];
  #bytes = 0;
  readonly #limits: GopLimits;
  readonly #change: GopChange = { reset: false, kept: false, trimmed: 0 };

  constructor(limits: GopLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.packets.length = 0;
    this.#bytes = 0;
  }

  /** `hasVideo`: the stream has a video track. The result is valid until the next call. */
  push(packet: AVPacket, hasVideo: boolean): Readonly<GopChange> {
    const change = this.#change;
    change.reset = false;
    change.kept = false;
    change.trimmed = 0;
    if (!this.#limits.enabled || (packet.type !== 'key' && packet.type !== 'frame')) return change;
    if (hasVideo) this.#pushVideo(packet, change);
    else this.#pushAudio(packet, change);
    return change;
  }

  #pushVideo(packet: AVPacket, change: GopChange): void {
    if (isEntry(packet)) {
      this.clear();
      change.reset = true;
    } else if (this.packets.length === 0 || !isEntry(this.packets[0]!)) {
      change.reset = this.packets.length > 0;
      this.clear();
      return;
    }
    this.#append(packet, change);
    const age = packet.dts - this.packets[0]!.dts;
    if (this.#bytes > this.#limits.maxBytes || age > fromMillis(this.#limits.maxMs)) {
      this.clear();
      change.reset = true;
      change.kept = false;
    }
  }

  #pushAudio(packet: AVPacket, change: GopChange): void {
    if (this.#limits.audioMs === 0) return;
    this.#append(packet, change);
    const oldest = packet.dts - fromMillis(this.#limits.audioMs);
    let cut = 0;
    while (cut < this.packets.length - 1 && (this.packets[cut]!.dts < oldest || this.#bytes > this.#limits.maxBytes)) {
      this.#bytes -= costOf(this.packets[cut]!);
      cut++;
    }
    if (cut > 0) this.packets.splice(0, cut);
    change.trimmed = cut;
  }

  #append(packet: AVPacket, change: GopChange): void {
    this.packets.push(packet);
    this.#bytes += costOf(packet);
    change.kept = true;
  }
}

/** The whole message counts, not only the payload that was found in it. */
function costOf(packet: AVPacket): number {
  return (packet.origin ?? packet.data).length + PACKET_OVERHEAD_BYTES;
}

/** Can a newcomer's picture begin here? Keyframes of the first video track only; other tracks ride along. */
export function isEntry(packet: AVPacket): boolean {
  return packet.type === 'key' && packet.track.id === 0;
}
