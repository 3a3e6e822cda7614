import type { Format } from '../media/format.ts';
import type { AVPacket } from '../media/packet.ts';
import { Feed, type FeedStream } from './feed.ts';
import type { GopChange } from './gop-cache.ts';
import type { Pace } from './pace.ts';
import type { Subscription } from './subscription.ts';

/** The feeds of one stream: one for each format that somebody plays. */
export class Feeds implements Iterable<Feed<unknown>> {
  readonly #stream: FeedStream;
  readonly #createPace: () => Pace;
  readonly #feeds = new Map<string, Feed<unknown>>();

  constructor(stream: FeedStream, createPace: () => Pace) {
    this.#stream = stream;
    this.#createPace = createPace;
  }

  [Symbol.iterator](): Iterator<Feed<unknown>> {
    return this.#feeds.values();
  }

  /** The feed of a format; made when there is none. */
  of<Unit>(format: Format<Unit>): Feed<Unit> {
    let feed = this.#feeds.get(format.name) as Feed<Unit> | undefined;
    if (feed === undefined) {
      feed = new Feed(this.#stream, format, this.#createPace());
      this.#feeds.set(format.name, feed as Feed<unknown>);
    }
    return feed;
  }

  /** Takes a player off his feed, which ends with its last one. */
  leave(subscription: Subscription<unknown>): void {
    for (const feed of this) {
      if (feed !== subscription.source) continue;
      feed.remove(subscription);
      if (feed.size > 0) return;
      feed.stop();
      this.#feeds.delete(feed.format.name);
      return;
    }
  }

  /** Gives a player another format, from where the stream is now. */
  move<Unit>(subscription: Subscription<Unit>, format: Format<Unit>): void {
    const target = this.of(format);
    if (target === subscription.source) return;
    for (const feed of this) feed.flush();
    this.leave(subscription as Subscription<unknown>);
    target.add(subscription);
  }

  push(packet: AVPacket, change: Readonly<GopChange>): void {
    for (const feed of this.#feeds.values()) feed.push(packet, change);
  }

  /** How long the publisher may go unread, in milliseconds: until the first of the feeds writes. */
  get restMs(): number {
    let restMs = Infinity;
    for (const feed of this.#feeds.values()) restMs = Math.min(restMs, feed.restMs);
    return Number.isFinite(restMs) ? restMs : 0;
  }

  /** Another publisher's media follows, or none. */
  renew(): void {
    for (const feed of this) feed.renew();
  }

  /** Forgets the cached group. */
  clear(): void {
    for (const feed of this) feed.clear();
  }

  /** The stream is known well enough now: those who waited for that may begin. */
  retry(): void {
    for (const feed of this) feed.retry();
  }
}
