import type { AVPacket, TrackKind } from '../media/packet.ts';
import { fromMillis, type Micros } from '../media/time.ts';
import { isEntry } from './gop-cache.ts';

/** A step backwards up to this is jitter: the stamp is held, not corrected. */
const JITTER = fromMillis(500);
/** The distance between two frames where none is known yet. */
const NOMINAL_STEP = fromMillis(40);
/** A longer distance between two frames says nothing about the frame rate. */
const MAX_STEP = fromMillis(250);
/** What another publisher sends before his first keyframe is left out for so long, by his own clock. */
const MAX_LEAD_MS = 10_000;

const KIND_INDEX: Readonly<Record<TrackKind, number>> = { video: 0, audio: 1, data: 2 };

interface TrackClock {
  offset: number;
  generation: number;
  last: number;
  step: number;
}

/**
 * The clock of a stream as its players see it: never backwards per track, without holes, across publishers and across
 * jumps of a publisher's own clock. All tracks move by the same offset, so sound and picture stay together; a track that
 * has not yet crossed a jump keeps the old offset until it does.
 */
export class Timeline {
  readonly #maxJump: number;
  readonly #fromZero: boolean;
  readonly #tracks = new Map<number, TrackClock>();
  #offset = 0;
  #generation = 0;
  #started = false;
  #leadBegan: number | null = null;
  #latest = -1;
  #jumps = 0;

  constructor(options: { readonly maxJumpMs: number; readonly timestamps: 'keep' | 'zero' }) {
    this.#maxJump = fromMillis(options.maxJumpMs);
    this.#fromZero = options.timestamps === 'zero';
  }

  /** The newest time given out; -1 before the first. */
  get latest(): Micros {
    return this.#latest as Micros;
  }

  /** Jumps of the current publisher's clock that were closed up. */
  get jumps(): number {
    return this.#jumps;
  }

  /** Another publisher goes on: his clock is a new one. */
  renew(): void {
    this.#jumps = 0;
    this.#generation++;
    this.#started = false;
    this.#leadBegan = null;
  }

  /**
   * Does this packet of a publisher who goes on come before a picture can begin? Those who stayed wait for one. Given a
   * time, it would push the first keyframe away from the last picture, and browsers stop for good at such a hole.
   */
  isEarly(packet: AVPacket, hasVideo: boolean): boolean {
    if (this.#started || this.#latest < 0 || !packet.isMedia || !hasVideo || isEntry(packet)) return false;
    this.#leadBegan ??= packet.dts;
    return Math.abs(packet.dts - this.#leadBegan) <= fromMillis(MAX_LEAD_MS);
  }

  /** The packet's time on the stream's clock. Only media moves the clock. */
  place(packet: AVPacket): Micros {
    if (!packet.isMedia) return this.#placeSilently(packet);
    if (!this.#started) this.#start(packet);
    const clock = this.#clockOf(packet);
    const out = Math.max(this.#correct(clock, packet.dts), clock.last, 0);
    if (clock.last >= 0) {
      const step = out - clock.last;
      if (step > 0 && step <= MAX_STEP) clock.step = step;
    }
    clock.last = out;
    if (out > this.#latest) this.#latest = out;
    return out as Micros;
  }

  #start(packet: AVPacket): void {
    const dts: number = packet.dts;
    this.#started = true;
    if (this.#latest < 0) {
      this.#offset = this.#fromZero ? -dts : 0;
      return;
    }
    const out = dts + this.#offset;
    if (out <= this.#latest || out > this.#latest + this.#maxJump) this.#offset = this.#after(packet) - dts;
  }

  /** One frame behind the last of the same track; another track may be ahead of that. */
  #after(packet: AVPacket): number {
    const clock = this.#tracks.get(keyOf(packet));
    return clock === undefined ? this.#next() : Math.max(this.#latest, clock.last + clock.step);
  }

  #clockOf(packet: AVPacket): TrackClock {
    const key = keyOf(packet);
    let clock = this.#tracks.get(key);
    if (clock === undefined) {
      clock = { offset: this.#offset, generation: this.#generation, last: -1, step: NOMINAL_STEP };
      this.#tracks.set(key, clock);
    } else if (clock.generation !== this.#generation) {
      clock.generation = this.#generation;
      clock.offset = this.#offset;
    }
    return clock;
  }

  #correct(clock: TrackClock, dts: number): number {
    const expected = clock.last < 0 ? this.#latest : clock.last + clock.step;
    let out = dts + clock.offset;
    if (expected < 0) return out;
    if (clock.offset !== this.#offset) {
      const moved = dts + this.#offset;
      if (Math.abs(moved - expected) < Math.abs(out - expected)) {
        clock.offset = this.#offset;
        out = moved;
      }
    }
    const newest = Math.max(expected, this.#latest);
    if (out >= expected - clock.step - JITTER && out <= newest + this.#maxJump) return out;
    this.#jumps++;
    this.#offset = this.#next() - dts;
    clock.offset = this.#offset;
    return dts + clock.offset;
  }

  #next(): number {
    let step = 0;
    for (const clock of this.#tracks.values()) step = Math.max(step, clock.step);
    return this.#latest + (step === 0 ? NOMINAL_STEP : step);
  }

  /** Headers and data often carry 0 or a stale stamp: they are put where the media is. */
  #placeSilently(packet: AVPacket): Micros {
    if (this.#latest < 0) return packet.dts;
    const out = packet.dts + this.#offset;
    const near = packet.track.kind === 'data' && packet.type === 'frame' && Math.abs(out - this.#latest) <= JITTER / 2;
    return (near ? out : this.#latest) as Micros;
  }
}

function keyOf({ track }: AVPacket): number {
  return KIND_INDEX[track.kind] * 0x100 + track.id;
}
