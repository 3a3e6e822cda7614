import { performance } from 'node:perf_hooks';
import { AbsentError, BusyError, ClosedError, ConnectionError, ProtocolError, TimeoutError } from '../errors.ts';
import type { Format } from '../media/format.ts';
import type { AVPacket, CodecName, Track } from '../media/packet.ts';
import { admit, type Audience, tell, throwIfClosed } from './admission.ts';
import type { CoreConfig } from './config.ts';
import { Feed, type FeedStream } from './feed.ts';
import { GopCache } from './gop-cache.ts';
import type { Player, Session, SessionRegistry } from './session.ts';
import type { StreamPath } from './stream-path.ts';
import { StreamMemory } from './stream-memory.ts';
import { Subscription } from './subscription.ts';
import type { Ticker } from './ticker.ts';
import { Timeline } from './timeline.ts';

/** Where broadcasts live: the part of the Context that a broadcast needs. */
export interface BroadcastHost extends Audience, SessionRegistry {
  readonly broadcasts: Map<StreamPath, BroadcastServer>;
  readonly config: CoreConfig;
  readonly ticker: Ticker;
  readonly isStopping: boolean;
}

/** How a player wants to be told while it is let in. */
export interface PlayOptions {
  /** Called once permission is granted, before the wait for an absent stream. */
  readonly onAdmitted?: () => void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** Codecs that no player can decode without their configuration record. */
const NEEDS_CONFIG: ReadonlySet<CodecName> = new Set<CodecName>(['avc', 'hevc', 'vvc', 'aac']);

/** Sessions that end for these reasons did not mean to: their place is kept for `publish.graceMs`. */
function isDropped(reason: Error): boolean {
  return reason instanceof ConnectionError || reason instanceof TimeoutError || reason instanceof ProtocolError;
}

/**
 * One live stream: its publisher, its memory, its players. In `context.broadcasts` while it has any of them, or somebody
 * who waits for it.
 */
export class BroadcastServer implements FeedStream {
  readonly streamPath: StreamPath;
  /** Unix milliseconds at which the publisher's place was taken; 0 without one. */
  createTime = 0;
  readonly gop: GopCache;
  readonly #host: BroadcastHost;
  #timeline: Timeline;
  readonly #memory = new StreamMemory();
  readonly #feeds = new Map<string, Feed<unknown>>();
  readonly #subscriptions = new Map<Player<unknown>, Subscription<unknown>>();
  readonly #waiters = new Set<Waiter>();
  #publisher: Session | null = null;
  /** The publisher whose connection dropped and whose place is kept. */
  #absentee: Session | null = null;
  #graceTimer: NodeJS.Timeout | null = null;
  #tracksTimer: NodeJS.Timeout | null = null;
  #areTracksKnown = false;
  #lastPacketAt = 0;
  #lastPacketTime = 0;
  #pendingAdmissions = 0;
  #removeTask: (() => void) | null = null;

  constructor(host: BroadcastHost, streamPath: StreamPath) {
    this.#host = host;
    this.streamPath = streamPath;
    this.gop = new GopCache(host.config.gop);
    this.#timeline = this.#newTimeline();
  }

  /** The broadcast of a path; made and registered when there is none. */
  static of(host: BroadcastHost, streamPath: StreamPath): BroadcastServer {
    let broadcast = host.broadcasts.get(streamPath);
    if (broadcast === undefined) {
      broadcast = new BroadcastServer(host, streamPath);
      host.broadcasts.set(streamPath, broadcast);
    }
    return broadcast;
  }

  get publisher(): Session | null {
    return this.#publisher;
  }

  get status(): 'idle' | 'publishing' | 'reconnecting' {
    if (this.#publisher !== null) return 'publishing';
    return this.#absentee === null ? 'idle' : 'reconnecting';
  }

  get tracks(): readonly Track[] {
    return this.#memory.tracks;
  }

  get remembered(): readonly AVPacket[] {
    return this.#memory.remembered;
  }

  get hasVideo(): boolean {
    return this.#memory.hasVideo;
  }

  get areTracksKnown(): boolean {
    return this.#areTracksKnown;
  }

  /** What the publisher says of the stream (onMetaData); `null` before it came. */
  get metadata(): Readonly<Record<string, unknown>> | null {
    return this.#memory.metadata;
  }

  /** The players, internal ones included. */
  get players(): Iterable<Player<unknown>> {
    return this.#subscriptions.keys();
  }

  get playerCount(): number {
    return this.#subscriptions.size;
  }

  /**
   * Takes the publisher's place: conflict check, permission, `prePublish`, conflict check again, `postPublish`.
   * @throws BusyError, DeniedError, ClosedError; the session's close reason when it ended meanwhile.
   */
  async postPublish(session: Session): Promise<void> {
    await this.#whileAdmitting(async () => {
      this.#checkPlace();
      await admit(this.#host, session, 'publish');
      throwIfClosed(session);
      this.#checkPlace();
      this.#takePlace(session);
    });
  }

  /**
   * Lets a player in: permission, `prePlay`, a wait for an absent stream, `postPlay`. Nothing flows before
   * `subscription.start()`.
   * @throws DeniedError, AbsentError, ClosedError; the session's close reason when it ended meanwhile.
   */
  async postPlay<Unit>(player: Player<Unit>, options: PlayOptions = {}): Promise<Subscription<Unit>> {
    return this.#whileAdmitting(async () => {
      if (this.#host.isStopping) throw new ClosedError('the server is stopping');
      await admit(this.#host, player, 'play');
      throwIfClosed(player);
      options.onAdmitted?.();
      if (this.status === 'idle') await this.#waitForPublisher(player);
      throwIfClosed(player);
      return this.#attach(player);
    });
  }

  /** A packet of the current publisher; anybody else's is ignored. */
  broadcastMessage(session: Session, packet: AVPacket): void {
    if (session !== this.#publisher) return;
    this.#lastPacketAt = performance.now();
    this.#lastPacketTime = Date.now();
    if (packet.type === 'other' && this.#host.config.publish.unknown === 'drop') return;
    const placed = packet.at(this.#timeline.place(packet));
    const news = this.#memory.remember(placed);
    if (news === 'repeated') return;
    if (news === 'changed') this.#forgetGop();
    const change = this.gop.push(placed, this.#memory.hasVideo);
    for (const feed of this.#feeds.values()) feed.push(placed, change);
    if (!this.#areTracksKnown) this.#lookForTracks(placed);
  }

  /** Takes a player off. Called by the session's own end. */
  donePlay(player: Player<unknown>): void {
    const subscription = this.#subscriptions.get(player);
    if (subscription === undefined) return;
    this.#subscriptions.delete(player);
    subscription.end();
    this.#leaveFeed(subscription);
    player.endTime = Date.now();
    tell(this.#host, 'donePlay', player);
    this.#leaveIfUnused();
  }

  /** Ends a publish. A dropped connection keeps its place for `publish.graceMs` after its last packet. */
  donePublish(session: Session, reason: Error): void {
    if (session !== this.#publisher) return;
    session.endTime = this.#lastPacketTime;
    this.#publisher = null;
    this.#removeTask?.();
    this.#removeTask = null;
    const left = this.#host.config.publish.graceMs - (performance.now() - this.#lastPacketAt);
    if (!isDropped(reason) || this.#host.isStopping || left <= 0) {
      this.#end(session, reason);
      return;
    }
    this.#absentee = session;
    this.#graceTimer = setTimeout(() => {
      session.log('info', 'the publisher did not come back', { graceMs: this.#host.config.publish.graceMs });
      this.#end(session, reason);
    }, left);
    session.log('info', 'the publisher dropped; his place is kept', { graceMs: Math.round(left) });
  }

  /** Ends what a dropped publisher left, at once: when the server stops. */
  endGrace(reason: Error): void {
    if (this.#absentee !== null) this.#end(this.#absentee, reason);
  }

  moveSubscription<Unit>(subscription: Subscription<Unit>, format: Format<Unit>): void {
    const target = this.#feedOf(format);
    if (target === subscription.source) return;
    for (const feed of this.#feeds.values()) feed.flush();
    this.#leaveFeed(subscription as Subscription<unknown>);
    target.add(subscription);
  }

  /** What is known of the feeds, for metrics. */
  get feeds(): Iterable<Feed<unknown>> {
    return this.#feeds.values();
  }

  async #whileAdmitting<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#pendingAdmissions++;
    try {
      return await work();
    } finally {
      this.#pendingAdmissions--;
      this.#leaveIfUnused();
    }
  }

  #checkPlace(): void {
    if (this.#host.isStopping) throw new ClosedError('the server is stopping');
    const { publish } = this.#host.config;
    const publisher = this.#publisher;
    if (publisher === null || publish.takeover) return;
    const silentMs = performance.now() - this.#lastPacketAt;
    if (silentMs >= publish.stallMs) return;
    throw new BusyError(`${this.streamPath} is being published already`);
  }

  #takePlace(session: Session): void {
    const previous = this.#publisher ?? this.#absentee;
    if (previous !== null) this.#replace(previous, session);
    this.#publisher = session;
    this.#lastPacketAt = performance.now();
    this.#lastPacketTime = Date.now();
    this.createTime = Date.now();
    session.role = 'publisher';
    session.onDetach((reason) => this.donePublish(session, reason));
    this.#removeTask = this.#host.ticker.add(() => this.#checkSilence());
    if (this.#subscriptions.size === 0) this.#timeline = this.#newTimeline();
    this.#timeline.renew();
    this.#forgetStream();
    for (const feed of this.#feeds.values()) feed.renew();
    session.log('info', 'publish started');
    tell(this.#host, 'postPublish', session);
    if (previous === null) for (const player of this.#subscriptions.keys()) player.onStreamStart();
    for (const waiter of [...this.#waiters]) waiter.resolve();
  }

  /** The previous publisher's publish is done; his stream goes on with another. */
  #replace(previous: Session, by: Session): void {
    this.#removeTask?.();
    this.#removeTask = null;
    if (this.#graceTimer !== null) clearTimeout(this.#graceTimer);
    this.#graceTimer = null;
    this.#absentee = null;
    this.#publisher = null;
    if (previous.endTime === 0) previous.endTime = this.#lastPacketTime;
    tell(this.#host, 'donePublish', previous);
    if (!previous.isClosed) {
      previous.onDetach(null);
      previous.close(new ClosedError(`replaced by ${by.ip}`));
    }
  }

  #end(session: Session, reason: Error): void {
    if (this.#graceTimer !== null) clearTimeout(this.#graceTimer);
    this.#graceTimer = null;
    this.#absentee = null;
    this.createTime = 0;
    for (const feed of this.#feeds.values()) feed.renew();
    this.#forgetStream();
    session.log('info', 'publish ended', { reason: reason.message });
    tell(this.#host, 'donePublish', session);
    for (const player of [...this.#subscriptions.keys()]) player.onStreamEnd(reason);
    this.#leaveIfUnused();
  }

  #forgetStream(): void {
    this.#memory.clear();
    this.#forgetGop();
    this.#areTracksKnown = false;
    if (this.#tracksTimer !== null) clearTimeout(this.#tracksTimer);
    this.#tracksTimer = null;
  }

  #forgetGop(): void {
    this.gop.clear();
    for (const feed of this.#feeds.values()) feed.clear();
  }

  #checkSilence(): void {
    const limit = this.#host.config.publish.idleTimeoutMs;
    const silentMs = performance.now() - this.#lastPacketAt;
    if (limit === 0 || silentMs < limit || this.#publisher === null) return;
    const seconds = Math.round(silentMs / 1000);
    this.#publisher.close(new TimeoutError('publish.idleTimeoutMs', `the publisher sent nothing for ${seconds} s`));
  }

  /** FLV headers say which kinds of tracks follow: they wait until that is known, or for `play.trackWaitMs`. */
  #lookForTracks(packet: AVPacket): void {
    if (this.#memory.isComplete) {
      this.#tracksAreKnown();
    } else if (this.#tracksTimer === null && packet.isMedia) {
      this.#tracksTimer = setTimeout(() => this.#tracksAreKnown(), this.#host.config.play.trackWaitMs);
    }
  }

  #tracksAreKnown(): void {
    if (this.#tracksTimer !== null) clearTimeout(this.#tracksTimer);
    this.#tracksTimer = null;
    this.#areTracksKnown = true;
    this.#reportMissingConfigs();
    for (const feed of this.#feeds.values()) feed.retry();
  }

  #reportMissingConfigs(): void {
    for (const { kind, codec, config } of this.#memory.tracks) {
      if (config !== null || !NEEDS_CONFIG.has(codec)) continue;
      this.#publisher?.log('warn', `no sequence header came for the ${kind} (${codec}): players may have none of it`);
    }
  }

  #waitForPublisher(player: Session): Promise<void> {
    const { waitMs } = this.#host.config.play;
    const absent = () => new AbsentError(`${this.streamPath} is not being published`);
    if (waitMs === 0) return Promise.reject(absent());
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | null = null;
      const { signal } = player;
      const done = () => {
        if (timer !== null) clearTimeout(timer);
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        resolve: () => {
          done();
          resolve();
        },
        reject: (reason) => {
          done();
          reject(reason);
        },
      };
      const onAbort = () => waiter.reject(player.closeReason ?? absent());
      signal.addEventListener('abort', onAbort);
      if (waitMs > 0) timer = setTimeout(() => waiter.reject(absent()), waitMs);
      this.#waiters.add(waiter);
    });
  }

  #attach<Unit>(player: Player<Unit>): Subscription<Unit> {
    player.role = 'player';
    const feed = this.#feedOf(player.format);
    const subscription = new Subscription<Unit>(player, feed, this.#host.config.play);
    feed.add(subscription);
    const known = player as Player<unknown>;
    this.#subscriptions.set(known, subscription as Subscription<unknown>);
    player.onDetach(() => this.donePlay(known));
    player.log('info', 'play started');
    tell(this.#host, 'postPlay', player);
    throwIfClosed(player);
    return subscription;
  }

  #feedOf<Unit>(format: Format<Unit>): Feed<Unit> {
    let feed = this.#feeds.get(format.name) as Feed<Unit> | undefined;
    if (feed === undefined) {
      feed = new Feed(this, format, this.#host.config.play);
      this.#feeds.set(format.name, feed as Feed<unknown>);
    }
    return feed;
  }

  #leaveFeed(subscription: Subscription<unknown>): void {
    const feed = [...this.#feeds.values()].find((candidate) => candidate === subscription.source);
    if (feed === undefined) return;
    feed.remove(subscription);
    if (feed.size > 0) return;
    feed.stop();
    this.#feeds.delete(feed.format.name);
  }

  #newTimeline(): Timeline {
    const { maxJumpMs, timestamps } = this.#host.config.publish;
    return new Timeline({ maxJumpMs, timestamps });
  }

  #leaveIfUnused(): void {
    const isUsed =
      this.#pendingAdmissions > 0 ||
      this.#publisher !== null ||
      this.#absentee !== null ||
      this.#subscriptions.size > 0;
    if (isUsed || this.#host.broadcasts.get(this.streamPath) !== this) return;
    this.#host.broadcasts.delete(this.streamPath);
  }
}
