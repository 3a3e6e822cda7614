import type { LiveStream } from '../../core/live-stream.ts';
import type { Session } from '../../core/session.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import type { StreamStatistics } from '../../core/stream-statistics.ts';
import type { Track } from '../../media/packet.ts';
import type { StreamFacts } from './messages.ts';
import type { RemoteSession } from './remote-session.ts';

/** A stream of the workers: its publisher in one of them, its players in any. */
export class RemoteStream implements LiveStream {
  readonly streamPath: StreamPath;
  tracks: readonly Track[] = [];
  metadata: Readonly<Record<string, unknown>> | null = null;
  createTime = 0;
  statistics: StreamStatistics | null = null;
  readonly #players = new Set<Session>();
  #holder: RemoteSession | null = null;

  constructor(streamPath: StreamPath) {
    this.streamPath = streamPath;
  }

  get status(): LiveStream['status'] {
    if (this.#holder === null) return 'idle';
    return this.#holder.hasEnded ? 'reconnecting' : 'publishing';
  }

  get publisher(): Session | null {
    return this.#holder?.hasEnded === false ? this.#holder : null;
  }

  get players(): Iterable<Session> {
    return this.#players;
  }

  get playerCount(): number {
    return this.#players.size;
  }

  get isUnused(): boolean {
    return this.#holder === null && this.#players.size === 0;
  }

  /** The session publishes it now. */
  take(session: RemoteSession): void {
    this.#holder = session;
    this.createTime = Date.now();
    this.#forget();
  }

  /** The session's publish is done; a later one's is not. */
  leave(session: RemoteSession): void {
    if (this.#holder !== session) return;
    this.#holder = null;
    this.createTime = 0;
    this.#forget();
  }

  /** Facts of a worker that has the stream no more are late ones. */
  learn(facts: StreamFacts, worker: number): void {
    if (this.#holder?.home.number !== worker) return;
    this.tracks = facts.tracks;
    this.metadata = facts.metadata;
    this.#holder.describe(facts.tracks, facts.metadata);
  }

  /** Likewise. */
  measure(statistics: StreamStatistics, worker: number): void {
    if (this.#holder?.home.number === worker) this.statistics = statistics;
  }

  add(player: Session): void {
    if (this.#holder !== null) this.#holder.playCount++;
    this.#players.add(player);
  }

  remove(player: Session): void {
    this.#players.delete(player);
  }

  #forget(): void {
    this.tracks = [];
    this.metadata = null;
    this.statistics = null;
  }
}
