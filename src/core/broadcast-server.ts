import { AbsentError, ClosedError, ConnectionError, EndError } from '../errors.ts';
import type { Format } from '../media/format.ts';
import { type AVPacket, NEEDS_CONFIG, type Track } from '../media/packet.ts';
import { addressOf, admit, tell, throwIfClosed } from './admission.ts';
import { type Counters, errorLabel } from './counters.ts';
import type { Grant, SessionLimits } from './decision.ts';
import type { Feed, FeedStream } from './feed.ts';
import { Feeds } from './feeds.ts';
import type { FlushTimes } from './flush-times.ts';
import { GopCache } from './gop-cache.ts';
import type { Load } from './load.ts';
import { Pace } from './pace.ts';
import { Place, type PlaceHost } from './place.ts';
import type { Player, Session, SessionRegistry } from './session.ts';
import { askSources, type SourceHost } from './source.ts';
import { SessionLimiter } from './session-limiter.ts';
import type { StreamPath } from './stream-path.ts';
import { StreamMemory } from './stream-memory.ts';
import { StreamMeter } from './stream-meter.ts';
import type { StreamStatistics } from './stream-statistics.ts';
import { Subscription } from './subscription.ts';
import { Timeline } from './timeline.ts';
import { TrackWait } from './track-wait.ts';
import type { Turns } from './turns.ts';
import { Waiters } from './waiters.ts';

/** Where broadcasts live: the part of the Context that a broadcast needs. */
export interface BroadcastHost extends PlaceHost, SessionRegistry, SourceHost {
  readonly broadcasts: Map<StreamPath, BroadcastServer>;
  readonly load: Load;
  readonly counters: Counters;
  readonly flushTimes: FlushTimes;
  readonly turns: Turns;
}

/** How a player wants to be told while it is let in. */
export interface PlayOptions {
  /** Called once permission is granted, before the wait for an absent stream. */
  readonly onAdmitted?: () => void;
  /** `false`: an absent stream is refused at once, and nobody is asked to bring it. */
  readonly mayWait?: boolean;
  /** Milliseconds to wait for an absent stream, instead of `play.waitMs`. */
  readonly waitMs?: number;
  /** The turn in which it was let in already (`turns.now`): while that lasts, it need not wait for another. */
  readonly turn?: number;
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
  readonly #feeds = new Feeds(this, () => this.#newPace());
  readonly #subscriptions = new Map<Player<unknown>, Subscription<unknown>>();
  readonly #waiters = new Waiters();
  readonly #place: Place;
  readonly #trackWait = new TrackWait(() => this.#tracksAreKnown());
  #pendingAdmissions = 0;
  /** Of the current publisher; `null`: he has no limits. */
  #limiter: SessionLimiter | null = null;
  /** Of a publisher of this process; `null`: there is none. */
  #meter: StreamMeter | null = null;

  constructor(host: BroadcastHost, streamPath: StreamPath) {
    this.#host = host;
    this.streamPath = streamPath;
    this.gop = new GopCache(host.config.gop);
    this.#place = new Place(host, streamPath);
    this.#timeline = this.#newTimeline(null);
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
    return this.#place.publisher;
  }

  get status(): 'idle' | 'publishing' | 'reconnecting' {
    if (this.#place.publisher !== null) return 'publishing';
    return this.#place.absence === null ? 'idle' : 'reconnecting';
  }

  /** Does the stream come from a publisher of this process (who may be away), so that others can fetch it here? */
  get isOrigin(): boolean {
    return this.#place.isOrigin;
  }

  /** Does anybody here play the stream, wait for it, or ask whether he may? */
  get isWanted(): boolean {
    return this.#subscriptions.size > 0 || this.#waiters.size > 0 || this.#pendingAdmissions > 0;
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
    return this.#trackWait.isOver;
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

  get statistics(): StreamStatistics | null {
    return this.isOrigin ? (this.#meter?.statistics ?? null) : null;
  }

  /**
   * Takes the publisher's place: conflict check, permission, `prePublish`, conflict check again (with those of other
   * processes, if there is a registry), `postPublish`. Returns the broadcast that it publishes to: this one, unless the
   * decision was another stream.
   * @throws BusyError, DeniedError, ClosedError; the session's close reason when it ended meanwhile.
   */
  async postPublish(session: Session): Promise<BroadcastServer> {
    return this.#admitted(session, 'publish_refusals', async () => {
      this.#place.check(session);
      const grant = await admit(this.#host, session, 'publish');
      throwIfClosed(session);
      const broadcast = this.#goTo(session, grant);
      await broadcast.#enter(session, grant.limits);
      return broadcast;
    });
  }

  /** The broadcast of the stream that the session was let in to. */
  #goTo(session: Session, { redirect }: Grant): BroadcastServer {
    if (redirect === null || redirect === this.streamPath) return this;
    const address = addressOf(session, redirect);
    const from = session.streamPath;
    session.setAddress(address);
    session.log('info', 'redirected', { from });
    return BroadcastServer.of(this.#host, address.path);
  }

  async #enter(session: Session, limits: SessionLimits): Promise<void> {
    await this.#whileAdmitting(async () => {
      const place = this.#place;
      place.check(session);
      try {
        await place.claim.take(session);
        throwIfClosed(session);
        place.check(session);
      } catch (error) {
        if (!place.isOrigin) place.claim.release();
        throw error;
      }
      this.#takePlace(session, limits);
    });
  }

  /**
   * Gives the place to a publisher who is let in by another process; `by` names him. Players stay: the place is kept until
   * the stream is fetched from there.
   * @throws BusyError when it is defended, by the rules of a conflict within one process.
   */
  yieldPlace(by: string): void {
    this.#place.defend();
    if (!this.#place.yield(by, (session, reason) => this.#end(session, reason))) return;
    for (const player of [...this.#subscriptions.keys()]) player.onStreamMove?.();
  }

  /** @throws BusyError when a publisher who is let in by another process would not get the place. Changes nothing. */
  defendPlace(): void {
    this.#place.defend();
  }

  /** Another publisher's media follows from a session that carries a stream from elsewhere: its headers first. */
  renewPublish(session: Session): void {
    if (session === this.publisher) this.#renew();
  }

  /**
   * Lets a player in, to this stream or the one that the decision names: permission, `prePlay`, a wait for an absent stream,
   * `postPlay`. Nothing flows before `subscription.start()`.
   * @throws DeniedError, AbsentError, ClosedError; the session's close reason when it ended meanwhile.
   */
  async postPlay<Unit>(player: Player<Unit>, options: PlayOptions = {}): Promise<Subscription<Unit>> {
    return this.#admitted(player, 'play_refusals', async () => {
      if (this.#host.isStopping) throw new ClosedError('the server is stopping');
      const grant = await admit(this.#host, player, 'play');
      throwIfClosed(player);
      options.onAdmitted?.();
      return this.#goTo(player, grant).#join(player, grant.limits, options);
    });
  }

  async #join<Unit>(player: Player<Unit>, limits: SessionLimits, options: PlayOptions): Promise<Subscription<Unit>> {
    return this.#whileAdmitting(async () => {
      if (this.status === 'idle') await this.#waitForPublisher(player, options);
      const { turns } = this.#host;
      const turn = options.turn === turns.now ? null : turns.take();
      if (turn !== null) await turn;
      if (this.status === 'idle') await this.#waitForPublisher(player, options);
      throwIfClosed(player);
      return this.#attach(player, limits);
    });
  }

  /** A packet of the current publisher; anybody else's is ignored. */
  broadcastMessage(session: Session, packet: AVPacket): void {
    if (session !== this.#place.publisher) return;
    if (this.#limiter !== null && !this.#limiter.passes(packet)) return this.#drop('limits');
    const arrivedAt = this.#place.touch();
    if (packet.type === 'other' && this.#host.config.publish.unknown === 'drop') return this.#drop('unknown');
    const isEarly = this.#timeline.isEarly(packet, this.#memory.hasVideo);
    const placed = packet.at(isEarly ? this.#timeline.latest : this.#timeline.place(packet));
    const news = this.#memory.remember(placed);
    if (news === 'repeated') return;
    if (isEarly) return this.#drop('early');
    if (this.#meter !== null && placed.isMedia) this.#meter.add(placed, arrivedAt);
    session.describe(this.#memory.tracks, this.#memory.metadata);
    if (news === 'changed') this.#forgetGop();
    const change = this.gop.push(placed, this.#memory.hasVideo);
    this.#feeds.push(placed, change);
    if (!this.#trackWait.isOver) this.#lookForTracks(placed);
  }

  /** Takes a player off. Called by the session's own end. */
  donePlay(player: Player<unknown>): void {
    const subscription = this.#subscriptions.get(player);
    if (subscription === undefined) return;
    this.#subscriptions.delete(player);
    subscription.end();
    this.#feeds.leave(subscription);
    player.endTime = Date.now();
    tell(this.#host, 'donePlay', player);
    this.#leaveIfUnused();
  }

  /** Ends a publish. A dropped connection keeps its place for `publish.graceMs` after its last packet. */
  donePublish(session: Session, reason: Error): void {
    if (session !== this.#place.publisher) return;
    const onOver = () => this.#end(session, reason);
    if (!this.#place.leave(session, reason, { isWanted: this.isWanted, onOver })) this.#end(session, reason);
  }

  /** Ends what a publisher who is away left, at once: when the server stops. */
  endGrace(reason: Error): void {
    const { absence } = this.#place;
    if (absence !== null) this.#end(absence.session, reason);
  }

  moveSubscription<Unit>(subscription: Subscription<Unit>, format: Format<Unit>): void {
    this.#feeds.move(subscription, format);
  }

  /** How long the publisher may go unread, in milliseconds; 0: not at all. */
  get restMs(): number {
    return this.#feeds.restMs;
  }

  /** What is known of the feeds, for metrics. */
  get feeds(): Iterable<Feed<unknown>> {
    return this.#feeds;
  }

  #drop(cause: 'early' | 'limits' | 'unknown'): void {
    this.#host.counters.count('frames_dropped', cause);
  }

  #newPace(): Pace {
    return new Pace(this.#host.config.play, this.#host.load, this.#host.flushTimes);
  }

  /** What comes from elsewhere is measured over there. */
  #startMeter(session: Session): void {
    this.#meter?.end();
    const read = () => ({ timestampJumps: this.#timeline.jumps, gopBytes: this.gop.bytes });
    this.#meter = session.internal ? null : StreamMeter.run(this.#host, read);
  }

  /** A refusal is counted where the session is, by its code; a peer that has left was not refused. */
  async #admitted<Result>(session: Session, counter: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await this.#whileAdmitting(work);
    } catch (error) {
      const hasLeft = error instanceof EndError || error instanceof ConnectionError;
      if (!session.internal && !hasLeft) this.#host.counters.count(counter, errorLabel(error));
      throw error;
    }
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

  #takePlace(session: Session, limits: SessionLimits): void {
    const previous = this.#place.take(session);
    this.#limiter = limiterOf(this.#host, session, limits);
    this.createTime = Date.now();
    session.onDetach((reason) => this.donePublish(session, reason));
    if (this.#subscriptions.size === 0) this.#timeline = this.#newTimeline(session);
    this.#startMeter(session);
    this.#renew();
    session.log('info', 'publish started');
    tell(this.#host, 'postPublish', session);
    this.#place.claim.announce();
    if (previous === null) for (const player of this.#subscriptions.keys()) player.onStreamStart();
    this.#waiters.resolveAll();
  }

  /** What follows is another publisher's. */
  #renew(): void {
    this.#timeline.renew();
    this.#feeds.renew();
    this.#forgetStream();
    for (const player of this.#subscriptions.keys()) player.onStreamRenew?.();
  }

  #end(session: Session, reason: Error): void {
    this.createTime = 0;
    this.#meter?.end();
    this.#meter = null;
    this.#feeds.renew();
    this.#forgetStream();
    session.log('info', 'publish ended', { reason: reason.message });
    this.#place.end(session);
    for (const player of [...this.#subscriptions.keys()]) player.onStreamEnd(reason);
    this.#leaveIfUnused();
  }

  #forgetStream(): void {
    this.#memory.clear();
    this.#forgetGop();
    this.#trackWait.reset();
  }

  #forgetGop(): void {
    this.gop.clear();
    this.#feeds.clear();
  }

  #lookForTracks(packet: AVPacket): void {
    if (this.#memory.isComplete) this.#trackWait.end();
    else if (packet.isMedia) this.#trackWait.begin(this.#host.config.play.trackWaitMs);
  }

  #tracksAreKnown(): void {
    this.#reportMissingConfigs();
    this.#feeds.retry();
  }

  #reportMissingConfigs(): void {
    for (const { kind, codec, config } of this.#memory.tracks) {
      if (config !== null || !NEEDS_CONFIG.has(codec)) continue;
      this.publisher?.log('warn', `no sequence header came for the ${kind} (${codec}): players may have none of it`);
    }
  }

  async #waitForPublisher(player: Session, options: PlayOptions): Promise<void> {
    const { waitMs = this.#host.config.play.waitMs } = options;
    const absent = () => new AbsentError(`${this.streamPath} is not being published`);
    if (options.mayWait === false) throw absent();
    const asked = askSources(this.#host, this.streamPath);
    if (waitMs !== 0) return this.#waiters.wait(player, waitMs, absent);
    await asked;
    throwIfClosed(player);
    if (this.status === 'idle') throw absent();
  }

  #attach<Unit>(player: Player<Unit>, limits: SessionLimits): Subscription<Unit> {
    player.role = 'player';
    limiterOf(this.#host, player, limits);
    const feed = this.#feeds.of(player.format);
    const subscription = new Subscription<Unit>(player, feed, this.#host.config.play, this.#host.turns);
    feed.add(subscription);
    const known = player as Player<unknown>;
    this.#subscriptions.set(known, subscription as Subscription<unknown>);
    player.onDetach(() => this.donePlay(known));
    player.log('info', 'play started');
    const publisher = this.#place.publisher ?? this.#place.absence?.session;
    if (publisher !== undefined && !player.internal) publisher.playCount++;
    tell(this.#host, 'postPlay', player);
    throwIfClosed(player);
    return subscription;
  }

  /** What comes from elsewhere is on its stream's clock already. */
  #newTimeline(session: Session | null): Timeline {
    const { maxJumpMs, timestamps } = this.#host.config.publish;
    return new Timeline({ maxJumpMs, timestamps: session?.internal === true ? 'keep' : timestamps });
  }

  #leaveIfUnused(): void {
    const isUsed = this.#pendingAdmissions > 0 || this.status !== 'idle' || this.#subscriptions.size > 0;
    if (isUsed || this.#host.broadcasts.get(this.streamPath) !== this) return;
    this.#host.broadcasts.delete(this.streamPath);
  }
}

function limiterOf(host: BroadcastHost, session: Session, limits: SessionLimits): SessionLimiter | null {
  return Object.keys(limits).length === 0 ? null : new SessionLimiter(session, limits, host.ticker);
}
