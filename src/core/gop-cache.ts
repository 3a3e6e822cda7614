import type { AVPacket } from '../media/packet.ts';
import { fromMillis, type Micros } from '../media/time.ts';
import { PacketRow } from './packet-row.ts';

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
  readonly #row = new PacketRow();
  readonly #limits: GopLimits;
  readonly #change: GopChange = { reset: false, kept: false, trimmed: 0 };
  #beginsWithEntry = false;

  constructor(limits: GopLimits) {
    this.#limits = limits;
  }

  /** How many packets. */
  get size(): number {
    return this.#row.size;
  }

  get bytes(): number {
    return this.#row.bytes + this.#row.size * PACKET_OVERHEAD_BYTES;
  }

  /** Decoding time of the oldest packet; -1 when there is none. */
  get firstDts(): Micros {
    return this.#row.firstDts;
  }

  /** Decoding time of the newest packet; -1 when there is none. */
  get lastDts(): Micros {
    return this.#row.lastDts;
  }

  /** Copies of the packets, oldest first. */
  read(): AVPacket[] {
    return this.#row.read();
  }

  clear(): void {
    this.#row.release();
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
    const { size } = this.#row;
    const isBeginning = isEntry(packet);
    if (isBeginning || (size > 0 && !this.#beginsWithEntry)) {
      this.#row.clear();
      change.reset = isBeginning || size > 0;
    }
    if (!isBeginning && this.#row.size === 0) return;
    const age = isBeginning ? 0 : packet.dts - this.#row.firstDts;
    if (this.bytes + costOf(packet) > this.#limits.maxBytes || age > fromMillis(this.#limits.maxMs)) {
      this.#row.clear();
      change.reset = true;
      return;
    }
    if (isBeginning) this.#beginsWithEntry = true;
    this.#row.push(packet);
    change.kept = true;
  }

  #pushAudio(packet: AVPacket, change: GopChange): void {
    if (this.#limits.audioMs === 0) return;
    this.#beginsWithEntry = false;
    const oldest = packet.dts - fromMillis(this.#limits.audioMs);
    const room = this.#limits.maxBytes - costOf(packet);
    while (this.#row.size > 0 && (this.#row.firstDts < oldest || this.bytes > room)) {
      this.#row.shift();
      change.trimmed++;
    }
    this.#row.push(packet);
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
