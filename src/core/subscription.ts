import { SlowError } from '../errors.ts';
import type { Format } from '../media/format.ts';
import type { AVPacket } from '../media/packet.ts';
import type { Micros } from '../media/time.ts';
import type { Beginning } from './cached-group.ts';
import type { Player } from './session.ts';
import type { Turns } from './turns.ts';

/** The cached group, as a newcomer gets it. */
export interface Group<Unit> extends Beginning<Unit> {
  /** The time of its first packet. */
  readonly at: Micros;
}

/** What a subscription asks of the feed it hangs on. */
export interface FeedSource<Unit> {
  /** May a newcomer begin: is what its first bytes state known? */
  readonly ready: boolean;
  /** The time of the newest unit written; -1 before the first. */
  readonly latest: Micros;
  /** Can a player's media begin with this packet? */
  isStart(packet: AVPacket): boolean;
  /** The first bytes of a player. */
  begin(at: Micros): readonly Unit[];
  /** The headers again, for one that has begun. */
  headers(at: Micros): readonly Unit[];
  /** The cached group; `null`: there is none. `after`: only if it begins later than this. */
  group(after: Micros | null): Group<Unit> | null;
  join(units: readonly Unit[]): Buffer | null;
  /** Writes many units of the cache, without copying them. */
  writeCached(player: Player<Unit>, units: readonly Unit[]): void;
  /** Moves the subscription to the feed of another format. */
  move(subscription: Subscription<Unit>, format: Format<Unit>): void;
}

export interface BacklogLimits {
  readonly maxBacklogBytes: number;
  readonly maxBacklogMs: number;
  readonly slowTimeoutMs: number;
}

/** Above this share of `maxBacklogBytes` audio is left out too. */
const AUDIO_SHARE = 1.25;
/** While a newcomer's burst is on its way, waiting bytes may be this many times older. */
const BURST_PATIENCE = 2;

type State =
  /** Not started, or ended. */
  | 'idle'
  /** Needs headers, then media from an entry on. */
  | 'waiting'
  /** Has its first picture; the rest of the group follows when the newcomers behind it have theirs. */
  | 'opening'
  /** Up to date: gets what everybody gets. */
  | 'live'
  /** Audio flows, video from the next keyframe on. */
  | 'keyless'
  /** Too much waits: video is left out, above `AUDIO_SHARE` audio too. */
  | 'behind'
  /** Paused by its peer. */
  | 'paused';

/** One player on one stream: where it stands, and what it may get. */
export class Subscription<Unit = Buffer> {
  readonly player: Player<Unit>;
  state: State = 'idle';
  source: FeedSource<Unit>;
  readonly #limits: BacklogLimits;
  readonly #turns: Turns;
  /** In `opening`: what it has not got yet. */
  #tail: Unit[] = [];
  #hasBegun = false;
  #mustRenew = false;
  #pausedAt = -1 as Micros;
  /** Where the cached group began that it got last; -1: it got none. */
  #groupAt = -1 as Micros;
  #behindSince = 0;
  #burstEnd = 0;
  #markAt = 0;
  #markBytes = 0;
  #seenBytes = 0;
  #saidAt = Number.NEGATIVE_INFINITY;
  #saidDrops = 0;

  constructor(player: Player<Unit>, source: FeedSource<Unit>, limits: BacklogLimits, turns: Turns) {
    this.player = player;
    this.source = source;
    this.#limits = limits;
    this.#turns = turns;
  }

  /** Lets it flow: headers, the cached group, then live. Call it once the peer has been told that it plays. */
  start(): void {
    if (this.player.isClosed) return;
    this.state = 'waiting';
    this.#replay(null);
  }

  /** Writes the cached group. Returns false when there is none. */
  #replay(after: Micros | null): boolean {
    const { source } = this;
    const group = source.ready ? source.group(after) : null;
    if (group === null) return false;
    this.state = 'opening';
    this.#groupAt = group.at;
    this.#tail = [...group.later];
    this.open(group.at);
    source.writeCached(this.player, group.now);
    if (group.later.length === 0) this.#settle();
    else this.#turns.afterCrowd(() => this.#settle());
    return true;
  }

  /** Writes what was held back, if anything was: before whatever else than the media behind it. */
  #settle(): void {
    if (this.state !== 'opening') return;
    const tail = this.#tail;
    this.#tail = [];
    this.state = 'live';
    this.source.writeCached(this.player, tail);
    this.#allowBurst();
  }

  /** Tries again to leave `waiting`; the feed calls it when what it waited for is known. */
  retry(): void {
    if (this.state === 'waiting') this.start();
  }

  /** Another publisher's media follows: everything from its headers on. */
  renew(): void {
    this.#settle();
    this.#groupAt = -1 as Micros;
    if (this.state !== 'idle' && this.state !== 'paused') this.state = 'waiting';
  }

  end(): void {
    this.state = 'idle';
    this.#tail = [];
  }

  pause(): void {
    this.#settle();
    if (this.state === 'idle' || this.state === 'paused') return;
    this.state = 'paused';
    const { latest } = this.source;
    this.#pausedAt = latest > this.#groupAt ? latest : this.#groupAt;
  }

  /** Headers again, then the cached group if it began after the pause, else the next keyframe. */
  resume(): void {
    if (this.state !== 'paused') return;
    this.state = 'waiting';
    if (!this.#replay(this.#pausedAt) && this.#hasBegun) this.#awaitKey();
  }

  /** Other tracks for the same player: sound or picture switched off or on. */
  setFormat(format: Format<Unit>): void {
    this.#settle();
    this.source.move(this, format);
    if (this.state === 'live' || this.state === 'keyless' || this.state === 'behind') {
      if (format.hasVideo) this.#awaitKey();
      else this.state = 'live';
    }
  }

  #awaitKey(): void {
    this.state = 'keyless';
    this.#mustRenew = true;
  }

  /** Headers for what follows, once per beginning. */
  open(at: Micros): void {
    const units = this.#hasBegun ? this.source.headers(at) : this.source.begin(at);
    this.#hasBegun = true;
    this.#mustRenew = false;
    this.#send(units);
  }

  /** A burst of cached media was written: it may wait beyond the limits until it is through. */
  #allowBurst(): void {
    this.#burstEnd = this.player.outBytes;
    this.#seenBytes = this.player.outBytes;
    this.#markAt = 0;
  }

  /** One flush for a player that is not simply up to date. `now` in milliseconds. */
  offer(units: readonly Unit[], packets: readonly AVPacket[], now: number): void {
    if (this.state === 'idle' || this.state === 'paused') return;
    if (this.state === 'waiting' && !this.source.ready) return;
    if (this.state === 'opening') {
      for (const unit of units) this.#tail.push(unit);
      return;
    }
    if (this.state === 'behind') this.#checkPatience(now);
    const chosen: Unit[] = [];
    for (let i = 0; i < units.length; i++) {
      const packet = packets[i]!;
      if (this.state !== 'live' && this.#mayGoLive(packet, now)) {
        this.#send(chosen.splice(0));
        if (this.state === 'waiting' || this.#mustRenew) this.open(packet.dts);
        this.state = 'live';
      }
      if (this.#passes(packet)) chosen.push(units[i]!);
    }
    this.#send(chosen);
    this.watch(now);
  }

  #mayGoLive(packet: AVPacket, now: number): boolean {
    if (!this.source.isStart(packet)) return false;
    return this.state !== 'behind' || this.#hasCaughtUp(now);
  }

  #passes(packet: AVPacket): boolean {
    switch (this.state) {
      case 'live':
        return true;
      case 'keyless':
        return packet.track.kind !== 'video';
      case 'behind': {
        if (packet.isHeader) return true;
        const isFree = this.player.backlogBytes <= this.#limits.maxBacklogBytes * AUDIO_SHARE;
        if (packet.track.kind !== 'video' && isFree) return true;
        this.player.droppedFrames++;
        return false;
      }
      default:
        return false;
    }
  }

  #send(units: readonly Unit[]): void {
    if (units.length > 0 && !this.player.isClosed) this.player.send(units, this.source.join(units));
  }

  /** Looks at what waits for the player after a write. */
  watch(now: number): void {
    const waiting = this.player.backlogBytes;
    const fresh = this.player.outBytes - this.#seenBytes;
    this.#seenBytes = this.player.outBytes;
    if (waiting === 0) {
      this.#markAt = 0;
      this.#burstEnd = 0;
      return;
    }
    const written = this.player.outBytes - waiting;
    if (this.#markAt === 0 || written >= this.#markBytes) {
      this.#markAt = now;
      this.#markBytes = this.player.outBytes;
    }
    if (this.state !== 'live' && this.state !== 'keyless') return;
    const allowance = this.#burstEnd > 0 && written < this.#burstEnd ? this.#burstEnd - written : 0;
    const isLate = now - this.#markAt > this.#limits.maxBacklogMs * (allowance > 0 ? BURST_PATIENCE : 1);
    // A flush that alone is above the limit says nothing yet about its player: nobody takes it at once.
    const isTooMuch = waiting > this.#limits.maxBacklogBytes + Math.max(allowance, this.#excuse(fresh));
    if (isTooMuch || isLate) this.#fallBehind(now, waiting);
  }

  #excuse(fresh: number): number {
    return fresh > this.#limits.maxBacklogBytes ? fresh : 0;
  }

  #fallBehind(now: number, waiting: number): void {
    this.state = 'behind';
    this.#behindSince = now;
    if (now - this.#saidAt < 1000) return;
    this.#saidAt = now;
    this.player.log('warn', 'player is behind: frames are left out until it catches up', {
      backlogBytes: waiting,
      maxBacklogBytes: this.#limits.maxBacklogBytes,
      droppedFrames: this.player.droppedFrames - this.#saidDrops,
    });
    this.#saidDrops = this.player.droppedFrames;
  }

  #hasCaughtUp(now: number): boolean {
    const waiting = this.player.backlogBytes;
    if (waiting === 0) return true;
    return waiting < this.#limits.maxBacklogBytes / 2 && now - this.#markAt <= this.#limits.maxBacklogMs / 2;
  }

  #checkPatience(now: number): void {
    if (now - this.#behindSince <= this.#limits.slowTimeoutMs) return;
    const seconds = Math.round((now - this.#behindSince) / 1000);
    this.player.close(
      new SlowError(
        `behind for ${seconds} s with ${this.player.backlogBytes} bytes waiting; play.slowTimeoutMs is ${this.#limits.slowTimeoutMs}`,
      ),
    );
  }
}
