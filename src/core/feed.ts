import { performance } from 'node:perf_hooks';
import type { Format, Muxer, StreamState } from '../media/format.ts';
import type { AVPacket } from '../media/packet.ts';
import type { Micros } from '../media/time.ts';
import { type Beginning, CachedBytes, type CachedGroup, CachedUnits } from './cached-group.ts';
import { type GopCache, type GopChange, isEntry } from './gop-cache.ts';
import { joinAdjacent } from './join-adjacent.ts';
import type { Pace } from './pace.ts';
import type { Player } from './session.ts';
import type { FeedSource, Group, Subscription } from './subscription.ts';

/** What a feed reads of its stream. */
export interface FeedStream extends StreamState {
  readonly gop: GopCache;
  readonly hasVideo: boolean;
  /** Are the kinds of tracks known (or was waited long enough for them)? */
  readonly areTracksKnown: boolean;
  moveSubscription<Unit>(subscription: Subscription<Unit>, format: Format<Unit>): void;
}

/** The beginning that fits a stream of which this much is known, before media of this time. */
interface Opening<Unit> extends StreamState {
  readonly at: Micros;
  readonly units: readonly Unit[];
}

const NO_UNITS: readonly never[] = [];
const NOTHING = Buffer.alloc(0);
const NOTHING_CACHED: Beginning<never> = { now: [], later: [] };

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
  /** The oldest unit in `#units`, in milliseconds; 0: it does not wait. */
  #waitsSince = 0;
  #timer: NodeJS.Timeout | null = null;
  #isScheduled = false;
  #isPassing = false;
  #mustCompact = false;
  #latest = -1 as Micros;
  /**
   * The cached group in this format, as long as newcomers ask for it: `null` until the first in each group. A house that
   * nobody enters keeps the group once, as packets, and units die as soon as they are written.
   */
  #group: CachedGroup<Unit> | null = null;
  /** What the last newcomer began with; the next of a crowd begins with the same. */
  #opening: Opening<Unit> | null = null;
  /** How many units at the end of the cached group wait in `#units`: they reach a newcomer with the next flush. */
  #groupWaiting = 0;
  readonly #flush = () => this.flush();

  constructor(stream: FeedStream, format: Format<Unit>, pace: Pace) {
    this.#stream = stream;
    this.format = format;
    this.#muxer = format.createMuxer();
    this.#pace = pace;
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
    this.#group = null;
    this.#opening = null;
    this.#groupWaiting = 0;
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
      this.#group?.push(unit);
      if (unit !== null) this.#groupWaiting++;
    }
    if (change.trimmed > 0) this.#group?.trim(change.trimmed);
    if (unit === null) return;
    if (this.#units.length === 0) {
      // One unit is the usual case: literals of that size, where `push` would make room for many.
      this.#units = [unit];
      this.#packets = [packet];
      this.#waitsSince = this.#pace.gear === 'at once' ? 0 : performance.now();
    } else {
      this.#units.push(unit);
      this.#packets.push(packet);
    }
    this.#schedule(packet);
  }

  #schedule(packet: AVPacket): void {
    if (this.format.isPrompt === true) {
      // On its way to another process: before the passes over the players here, which take their time.
      this.flush();
      return;
    }
    if (this.#isScheduled) return;
    const { gear } = this.#pace;
    const isFrame = packet.track.kind === 'video' || !this.#stream.hasVideo || !this.format.hasVideo;
    if (gear === 'at once' || (gear === 'video frame' && isFrame)) {
      this.#isScheduled = true;
      queueMicrotask(this.#flush);
    } else if (this.#timer === null) {
      this.#timer = setTimeout(this.#flush, this.#pace.maxDelayMs);
    }
  }

  /**
   * How long nothing new need come, in milliseconds, because it would only wait; `Infinity`: nobody plays but sessions of
   * our own.
   */
  get restMs(): number {
    if (this.format.isPrompt === true) return 0;
    if (this.#subscriptions.every(({ player }) => player.internal)) return Infinity;
    if (this.#pace.gear !== 'relaxed' || this.#units.length === 0) return 0;
    return this.#waitsSince + this.#pace.maxDelayMs - performance.now();
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
    this.#groupWaiting = 0;
    this.#latest = packets.at(-1)!.dts;
    const joined = this.join(units);
    const startedAt = performance.now();
    this.#pace.waited(this.#waitsSince === 0 ? 0 : startedAt - this.#waitsSince);
    const count = this.#pass(units, packets, joined, startedAt);
    this.#pace.measure(startedAt, performance.now(), count);
  }

  /** Returns over how many players it went. */
  #pass(units: readonly Unit[], packets: readonly AVPacket[], joined: Buffer | null, now: number): number {
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
    return count;
  }

  isStart(packet: AVPacket): boolean {
    if (this.#stream.hasVideo && this.format.hasVideo) return isEntry(packet);
    return packet.isMedia;
  }

  begin(at: Micros): readonly Unit[] {
    const { remembered, tracks } = this.#stream;
    const last = this.#opening;
    if (last !== null && last.at === at && last.remembered === remembered && last.tracks === tracks) return last.units;
    const units = this.#muxer.begin(this.#stream, at);
    this.#opening = { at, remembered, tracks, units: areBytes(units) ? [joined(units)] : units };
    return this.#opening.units;
  }

  headers(at: Micros): readonly Unit[] {
    const units: Unit[] = [];
    // Another muxer: to this one a header may be part of the message that it has just written.
    const muxer = this.format.createMuxer();
    for (const packet of this.#stream.remembered) {
      const unit = muxer.mux(packet.at(at));
      if (unit !== null) units.push(unit);
    }
    return units;
  }

  group(after: Micros | null): Group<Unit> | null {
    const { firstDts: at, size } = this.#stream.gop;
    if (size === 0 || (after !== null && at <= after)) return null;
    this.#group ??= this.#cacheGroup();
    const beginning = this.#group === null ? NOTHING_CACHED : this.#group.read(this.#groupWaiting);
    return beginning === null ? null : { at, ...beginning };
  }

  /** `null`: this format has no words for anything in it. */
  #cacheGroup(): CachedGroup<Unit> | null {
    // Another muxer: what this one remembers of the flow is about its end, not about the group's beginning.
    const muxer = this.format.createMuxer();
    const units = this.#stream.gop.read().map((packet) => muxer.mux(packet));
    const first = units.find((unit) => unit !== null);
    if (first === undefined) return null;
    const group = newCachedGroup(first, this.format);
    for (const unit of units) group.push(unit);
    return group;
  }

  writeCached(player: Player<Unit>, units: readonly Unit[]): void {
    if (!areBytes(units)) {
      if (units.length > 0) player.send(units, null);
      return;
    }
    for (const piece of joinAdjacent(units)) player.send(NO_UNITS, piece);
  }

  join(units: readonly Unit[]): Buffer | null {
    if (units.length === 0) return NOTHING;
    if (!areBytes(units)) return null;
    const pieces = joinAdjacent(units);
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  move(subscription: Subscription<Unit>, format: Format<Unit>): void {
    this.#stream.moveSubscription(subscription, format);
  }
}

/** Units of one format are all bytes or none is. */
function areBytes<Unit>(units: readonly Unit[]): units is readonly (Unit & Buffer)[] {
  return Buffer.isBuffer(units[0]);
}

/** Not in Node's pool: it is kept. */
function joined<Unit extends Buffer>(units: readonly Unit[]): Unit {
  const bytes = Buffer.allocUnsafeSlow(units.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const unit of units) at += unit.copy(bytes, at);
  return bytes as Buffer as Unit;
}

/** Hops within the server get it whole: the newcomers are at the far end. */
function newCachedGroup<Unit>(unit: Unit, format: Format<Unit>): CachedGroup<Unit> {
  if (!Buffer.isBuffer(unit)) return new CachedUnits<Unit>();
  return new CachedBytes(format.isPrompt !== true) as CachedGroup<unknown> as CachedGroup<Unit>;
}
