import type { StreamStatistics } from '../../core/stream-statistics.ts';
import type { Track } from '../../media/packet.ts';

/** What is known of a stream at a moment; the doctor asks nothing else. */
export interface StreamFacts {
  readonly tracks: readonly Track[];
  /** What the publisher said of it (onMetaData); `null`: nothing. */
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly statistics: StreamStatistics;
  /** Milliseconds since the publish began. */
  readonly ageMs: number;
  /** Jumps of timestamps that are not yet forgotten. */
  readonly recentJumps: number;
  /** Bits a second over the last half minute, of all tracks of a kind; `null` while less than that is known. */
  readonly bitrate: { readonly video: number | null; readonly audio: number | null };
}

/** Seconds over which a bitrate is judged: scenes change, and a keyframe is large. */
const BITRATE_SECONDS = 30;

interface Mark {
  readonly at: number;
  readonly video: number;
  readonly audio: number;
}

interface Jumps {
  readonly at: number;
  readonly count: number;
}

/** Remembers as much of one publish as its facts need. */
export class StreamHistory {
  readonly #jumpMemoryMs: number;
  readonly #marks: Mark[] = [];
  #jumps: Jumps[] = [];
  #jumpsSeen = 0;

  constructor(jumpMemoryMs: number) {
    this.#jumpMemoryMs = jumpMemoryMs;
  }

  /** Takes what was measured last. One that it knows already changes nothing. */
  take(statistics: StreamStatistics): void {
    const { at, tracks, timestampJumps } = statistics;
    if (at === this.#marks.at(-1)?.at) return;
    const bytes = (kind: 'video' | 'audio') =>
      tracks.reduce((sum, track) => sum + (track.kind === kind ? track.bytes : 0), 0);
    this.#marks.push({ at, video: bytes('video'), audio: bytes('audio') });
    if (this.#marks.length > BITRATE_SECONDS + 1) this.#marks.shift();
    if (timestampJumps > this.#jumpsSeen) this.#jumps.push({ at, count: timestampJumps - this.#jumpsSeen });
    this.#jumpsSeen = timestampJumps;
    this.#jumps = this.#jumps.filter((jump) => at - jump.at < this.#jumpMemoryMs);
  }

  get recentJumps(): number {
    return this.#jumps.reduce((sum, { count }) => sum + count, 0);
  }

  bitrateOf(kind: 'video' | 'audio'): number | null {
    if (this.#marks.length <= BITRATE_SECONDS) return null;
    const first = this.#marks[0]!;
    const last = this.#marks.at(-1)!;
    return last.at <= first.at ? null : ((last[kind] - first[kind]) * 8000) / (last.at - first.at);
  }
}
