import type { Logger } from './logger.ts';
import type { StreamPath } from './stream-path.ts';

/** Who could bring a stream here that nobody publishes here: another process of this server, another server. */
export interface Source {
  /**
   * Fetches the stream and publishes it here as an internal session. Resolves with `true` once that session has the place,
   * with `false` when this source does not have the stream. Never rejects for a stream that is merely absent.
   */
  bring(streamPath: StreamPath): Promise<boolean>;
}

/** Who has sources: the part of the Context that asks them. */
export interface SourceHost {
  readonly sources: readonly Source[];
  readonly logger: Logger;
}

/** Asks one source after the other until one has brought the stream. Never rejects: a source that fails is logged. */
export async function askSources(host: SourceHost, streamPath: StreamPath): Promise<boolean> {
  for (const source of host.sources) {
    try {
      if (await source.bring(streamPath)) return true;
    } catch (error) {
      host.logger.error({ stream: streamPath, err: error }, 'a source failed to bring a stream');
    }
  }
  return false;
}
