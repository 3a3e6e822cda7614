import type { StreamPath } from './stream-path.ts';

/** Who could bring a stream here that nobody publishes here: another process of this server, another server. */
export interface Source {
  /**
   * Fetches the stream and publishes it here as an internal session. Resolves with `true` once that session has the place,
   * with `false` when this source does not have the stream. Never rejects for a stream that is merely absent.
   */
  bring(streamPath: StreamPath): Promise<boolean>;
}
