import type { AVPacket } from '../media/packet.ts';
import type { TrackStatistics } from './stream-statistics.ts';

/** What had been counted at a moment. */
interface Mark {
  readonly packets: number;
  readonly bytes: number;
  /** The largest timestamp less its time of arrival since the mark before, in milliseconds; `-Infinity` without packets. */
  readonly lead: number;
  /** The largest distance of presentation from decoding since the mark before, in microseconds. */
  readonly reorder: number;
}

/** Counts one track of a stream. `add` is on the road of every packet: it adds and compares, and allocates nothing. */
export class TrackMeter {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  /** Of the newest packet, in microseconds on the stream's clock. */
  lastDts = 0;
  /** When it came, in milliseconds of the clock that `add` is given. */
  lastAt = 0;
  #packets = 0;
  #bytes = 0;
  #lead = Number.NEGATIVE_INFINITY;
  #reorder = 0;
  #keyframes = 0;
  /** Before the first keyframe the first packet stands for it. */
  #keyDts = 0;
  #keyInterval = 0;
  /** Oldest first: the ends of the last seconds. */
  readonly #marks: Mark[];

  /** @param marks how many seconds of the stream are in its window so far, this one included */
  constructor(id: number, kind: 'video' | 'audio', marks: number) {
    this.id = id;
    this.kind = kind;
    const nothing = { packets: 0, bytes: 0, lead: Number.NEGATIVE_INFINITY, reorder: 0 };
    this.#marks = Array.from({ length: marks }, () => nothing);
  }

  get packets(): number {
    return this.#packets;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param now milliseconds of a clock that only goes forward */
  add(packet: AVPacket, now: number): void {
    const { dts } = packet;
    if (this.#packets === 0) this.#keyDts = dts;
    this.#packets++;
    this.#bytes += packet.data.length;
    const lead = dts / 1000 - now;
    if (lead > this.#lead) this.#lead = lead;
    this.lastDts = dts;
    this.lastAt = now;
    const reorder = packet.pts - dts;
    if (reorder > this.#reorder) this.#reorder = reorder;
    if (packet.type !== 'key') return;
    if (this.#keyframes > 0) this.#keyInterval = dts - this.#keyDts;
    this.#keyDts = dts;
    this.#keyframes++;
  }

  /** The end of a second; of these the last `max` are looked at. */
  mark(max: number): void {
    this.#marks.push({ packets: this.#packets, bytes: this.#bytes, lead: this.#lead, reorder: this.#reorder });
    this.#reorder = 0;
    this.#lead = Number.NEGATIVE_INFINITY;
    if (this.#marks.length > max) this.#marks.shift();
  }

  /** How far its timestamps were ahead of their arrival in the window, at best, in milliseconds; `null` without packets. */
  get lead(): number | null {
    const lead = this.#marks.slice(1).reduce((largest, mark) => Math.max(largest, mark.lead), Number.NEGATIVE_INFINITY);
    return Number.isFinite(lead) ? lead : null;
  }

  /** @param seconds that the window is long */
  read(now: number, seconds: number): TrackStatistics {
    const first = this.#marks[0]!;
    const last = this.#marks.at(-1)!;
    const perSecond = (amount: number) => (seconds <= 0 ? 0 : amount / seconds);
    const isVideo = this.kind === 'video';
    const reorder = this.#marks.slice(1).reduce((largest, mark) => Math.max(largest, mark.reorder), 0);
    return {
      id: this.id,
      kind: this.kind,
      packets: this.#packets,
      bytes: this.#bytes,
      bitrate: Math.round(perSecond((last.bytes - first.bytes) * 8)),
      frameRate: Math.round(perSecond(last.packets - first.packets) * 100) / 100,
      keyframes: isVideo ? this.#keyframes : 0,
      keyframeIntervalMs: isVideo ? Math.round(this.#keyInterval / 1000) : 0,
      sinceKeyframeMs: isVideo ? Math.round((this.lastDts - this.#keyDts) / 1000) : 0,
      maxReorderMs: Math.round(reorder / 1000),
      silentMs: Math.max(0, Math.round(now - this.lastAt)),
    };
  }
}
