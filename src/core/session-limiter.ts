import { LimitError } from '../errors.ts';
import type { AVPacket } from '../media/packet.ts';
import { MAX_TIMER_MS } from './deadline.ts';
import type { SessionLimits } from './decision.ts';
import type { Session } from './session.ts';
import type { Ticker } from './ticker.ts';

/** A publisher's bitrate is judged by so many seconds: a key frame is no breach. */
export const BITRATE_SECONDS = 5;

/** Holds one session to the limits of its grant, from the moment it publishes or plays until it ends. */
export class SessionLimiter {
  readonly #session: Session;
  readonly #limits: SessionLimits;
  readonly #codecs: ReadonlySet<string> | null;
  /** What had come at each of the last seconds, oldest first. */
  readonly #counts: { readonly atMs: number; readonly bytes: number }[] = [];

  constructor(session: Session, limits: SessionLimits, ticker: Ticker) {
    this.#session = session;
    this.#limits = limits;
    this.#codecs = limits.codecs === undefined ? null : new Set(limits.codecs);
    const { maxDurationMs, maxBitrate } = limits;
    if (maxDurationMs !== undefined && maxDurationMs < MAX_TIMER_MS) {
      const onOver = () => this.#end('maxDurationMs', `${maxDurationMs} ms are over`);
      const timer = setTimeout(onOver, Math.max(0, maxDurationMs));
      this.#atEnd(() => clearTimeout(timer));
    }
    if (maxBitrate !== undefined && session.isPublisher) this.#atEnd(ticker.add(() => this.#checkBitrate(maxBitrate)));
  }

  /** May the packet pass? Ends the session when its track is coded in something else than was granted. */
  passes({ track, type }: AVPacket): boolean {
    if (this.#codecs === null || track.kind === 'data' || this.#codecs.has(track.codec)) return true;
    // Not understood, and so in no codec: no reason to end a publisher, and none to pass it on.
    if (type === 'other') return false;
    const granted = this.#limits.codecs!.join(', ');
    this.#end('codecs', `${track.kind} in ${track.codec}; granted: ${granted === '' ? 'none' : granted}`);
    return false;
  }

  #atEnd(stop: () => void): void {
    const { signal } = this.#session;
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }

  #checkBitrate(maxBitrate: number): void {
    const counts = this.#counts;
    const now = { atMs: performance.now(), bytes: this.#session.inBytes };
    counts.push(now);
    const first = counts[0]!;
    const seconds = (now.atMs - first.atMs) / 1000;
    if (seconds < BITRATE_SECONDS) return;
    counts.shift();
    const bitrate = Math.round(((now.bytes - first.bytes) * 8) / seconds);
    if (bitrate > maxBitrate) this.#end('maxBitrate', `${bitrate} bit/s; ${maxBitrate} are granted`);
  }

  #end(limit: string, what: string): void {
    this.#session.close(new LimitError(limit, `${limit}: ${what}`));
  }
}
