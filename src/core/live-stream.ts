import type { Track } from '../media/packet.ts';
import type { Session } from './session.ts';
import type { StreamStatistics } from './stream-statistics.ts';
import type { StreamPath } from './stream-path.ts';

/** What can be known of a live stream, wherever it flows: in this process, or in another one of this server. */
export interface LiveStream {
  readonly streamPath: StreamPath;
  /** `reconnecting`: the publisher's connection dropped and his place is kept. */
  readonly status: 'idle' | 'publishing' | 'reconnecting';
  /** `null` while nobody publishes, or the place is kept. */
  readonly publisher: Session | null;
  readonly tracks: readonly Track[];
  /** What the publisher says of the stream (onMetaData); `null` before it came. */
  readonly metadata: Readonly<Record<string, unknown>> | null;
  readonly players: Iterable<Session>;
  readonly playerCount: number;
  /** Unix milliseconds at which its publish began; 0 while nobody publishes. */
  readonly createTime: number;
  /** What was measured of its media, a second old at most; `null` before that. */
  readonly statistics: StreamStatistics | null;
}
