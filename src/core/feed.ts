import { performance } from 'node:perf_hooks';
import type { Format, Muxer, StreamState } from '../media/format.ts';
import type { AVPacket } from '../media/packet.ts';
import type { Micros } from '../media/time.ts';
import { type GopCache, type GopChange, isEntry } from './gop-cache.ts';
import { Pace, type PaceOptions } from './pace.ts';
import type { FeedSource, Subscription } from './subscription.ts';

/** What a feed reads of its stream. */
export interface FeedStream extends StreamState {
  readonly gop: GopCache;
  readonly hasVideo: boolean;
  /** Are the kinds of tracks known (or was waited long enough for them)? */
  readonly areTracksKnown: boolean;
  moveSubscription<Unit>(subscription: Subscription<Unit>, format: Format<Unit>): void;
}

/** Cached units are joined into at most this many pieces for a newcomer. */
const MAX_SEGMENTS = 4;
const NO_UNITS: readonly never[] = [];

/**
 * One format of one stream: muxes each packet once, joins what came together, and writes the same bytes to every player
 * that is up to date. Lives while it has players.
 */
export class Feed<Unit> implements FeedSource<Unit> {
  readonly format: Format<Unit>;
  readonly #stream: FeedStream;
  readonly #muxer: Muxer<Unit>;
  readonly #pace: Pace;
  #subscriptions: Subscription<Unit>[] = [];
  #size = 0;
  #units: Unit[] = [];
  #packets: AVPacket[] = [];
  #waitsSince = 0;
  #timer: NodeJS.Timeout | null = null;
  #isScheduled = false;
  #isPassing = false;
  #mustCompact = false;
  #latest = -1 as Micros;
  readonly #gopUnits: (Unit | null)[] = [];
  /** How many units at the end of `#gopUnits` wait in `#units` too. */
  #gopWaiting = 0;
  #segments: Buffer[] = [];
  #segmented = 0;
  readonly #flush = () => this.flush();

  constructor(stream: FeedStream, format: Format<Unit>, pace: PaceOptions) {
    this.#stream = stream;
    this.format = format;
    this.#muxer = format.createMuxer();
    this.#pace = new Pace(pace);
    for (const packet of stream.gop.packets) this.#gopUnits.push(this.#muxer.mux(packet));
  }

  get ready(): boolean {
    return !this.format.needsTracks || this.#stream.areTracksKnown;
  }

  get latest(): Micros {
    return this.#latest;
  }

  get size(): number {
    return this.#size;
  }

  get pace(): Pace {
    return this.#pace;
  }

  add(subscription: Subscription<Unit>): void {
    subscription.source = this;
    this.#subscriptions.push(subscription);
    this.#size++;
  }

  remove(subscription: Subscription<Unit>): void {
    const index = this.#subscriptions.indexOf(subscription);
    if (index < 0) return;
    this.#size--;
    if (this.#isPassing) {
      subscription.end();
      this.#mustCompact = true;
      return;
    }
    this.#subscriptions[index] = this.#subscriptions.at(-1)!;
    this.#subscriptions.pop();
  }

  /** The stream is known well enough now: those who waited for that may begin. */
  retry(): void {
    this.flush();
    for (const subscription of [...this.#subscriptions]) subscription.retry();
  }

  /** Another publisher's media follows. */
  renew(): void {
    this.flush();
    this.clear();
    for (const subscription of this.#subscriptions) subscription.renew();
  }

  /** Forgets the cached group. */
  clear(): void {
    this.#gopUnits.length = 0;
    this.#gopWaiting = 0;
    this.#segments = [];
    this.#segmented = 0;
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#units = [];
    this.#packets = [];
    this.clear();
  }

  push(packet: AVPacket, change: Readonly<GopChange>): void {
    const unit = this.#muxer.mux(packet);
    if (change.reset) this.clear();
    if (change.kept) {
      this.#gopUnits.push(unit);
      if (unit !== null) this.#gopWaiting++;
    }
    if (change.trimmed > 0) {
      this.#gopUnits.splice(0, change.trimmed);
      this.#segments = [];
      this.#segmented = 0;
    }
    if (unit === null) return;
    if (this.#units.length === 0) this.#waitsSince = performance.now();
    this.#units.push(unit);
    this.#packets.push(packet);
    this.#schedule(packet);
  }

  #schedule(packet: AVPacket): void {
    if (this.#isScheduled) return;
    const isFrame = packet.track.kind === 'video' || !this.#stream.hasVideo || !this.format.hasVideo;
    const isNow = this.#pace.gear === 'at once' || (isFrame && this.#pace.isDue(this.#waitsSince, performance.now()));
    if (isNow) {
      this.#isScheduled = true;
      queueMicrotask(this.#flush);
    } else if (this.#timer === null) {
      this.#timer = setTimeout(this.#flush, this.#pace.maxDelayMs);
    }
  }

  flush(): void {
    this.#isScheduled = false;
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    if (this.#units.length === 0) return;
    const units = this.#units;
    const packets = this.#packets;
    this.#units = [];
    this.#packets = [];
    this.#gopWaiting = 0;
    this.#latest = packets.at(-1)!.dts;
    const joined = this.join(units);
    const startedAt = performance.now();
    this.#pass(units, packets, joined, startedAt);
    this.#pace.measure(startedAt, performance.now());
  }

  #pass(units: readonly Unit[], packets: readonly AVPacket[], joined: Buffer | null, now: number): void {
    this.#isPassing = true;
    const subscriptions = this.#subscriptions;
    const count = subscriptions.length;
    for (let i = 0; i < count; i++) {
      const subscription = subscriptions[i]!;
      if (subscription.state === 'live') {
        subscription.player.send(units, joined);
        subscription.watch(now);
      } else {
        subscription.offer(units, packets, now);
      }
    }
    this.#isPassing = false;
    if (this.#mustCompact) {
      this.#mustCompact = false;
      this.#subscriptions = subscriptions.filter((subscription) => !subscription.player.isClosed);
    }
  }

  isStart(packet: AVPacket): boolean {
    if (this.#stream.hasVideo && this.format.hasVideo) return isEntry(packet);
    return packet.isMedia;
  }

  begin(at: Micros): Unit[] {
    return this.#muxer.begin(this.#stream, at);
  }

  headers(at: Micros): Unit[] {
    const units: Unit[] = [];
    for (const packet of this.#stream.remembered) {
      const unit = this.#muxer.mux(packet.at(at));
      if (unit !== null) units.push(unit);
    }
    return units;
  }

  replay(subscription: Subscription<Unit>, after: Micros | null): boolean {
    const count = this.#gopUnits.length - this.#gopWaitingWithGaps();
    const first = this.#stream.gop.packets[0];
    if (count <= 0 || first === undefined) return false;
    if (after !== null && first.dts <= after) return false;
    subscription.open(first.dts);
    this.#sendGop(subscription, count);
    subscription.allowBurst();
    return true;
  }

  /** Units that wait for the next flush reach the newcomer with it: they are left out of the replay. */
  #gopWaitingWithGaps(): number {
    let left = this.#gopWaiting;
    let index = this.#gopUnits.length;
    while (left > 0 && index > 0) {
      index--;
      if (this.#gopUnits[index] !== null) left--;
    }
    return this.#gopUnits.length - index;
  }

  #sendGop(subscription: Subscription<Unit>, count: number): void {
    const units = this.#gopUnits.slice(this.#segmented, count).filter((unit) => unit !== null);
    const joined = this.join(units);
    if (joined === null) {
      if (units.length > 0) subscription.player.send(units, null);
      return;
    }
    if (units.length > 0) {
      this.#segments.push(joined);
      this.#segmented = count;
      if (this.#segments.length > MAX_SEGMENTS) this.#segments = [Buffer.concat(this.#segments)];
    }
    for (const segment of this.#segments) subscription.player.send(NO_UNITS, segment);
  }

  join(units: readonly Unit[]): Buffer | null {
    const first = units[0];
    if (!Buffer.isBuffer(first)) return units.length === 0 ? Buffer.alloc(0) : null;
    return units.length === 1 ? first : Buffer.concat(units as readonly unknown[] as Buffer[]);
  }

  move(subscription: Subscription<Unit>, format: Format<Unit>): void {
    this.#stream.moveSubscription(subscription, format);
  }
}
