import type { Context } from '../../core/context.ts';
import type { Source } from '../../core/source.ts';
import type { StreamPath } from '../../core/stream-path.ts';

/** What fetches the streams of other processes of this server. */
export interface InnerSource extends Source {
  /** The stream is published elsewhere now: whoever waits for it here is to get it. */
  appeared(streamPath: StreamPath): void;
  stop(): void;
}

/** Makes one; servers do not know each other, so whoever knows both puts it in. */
export type CreateInnerSource = (
  context: Context,
  options: {
    readonly token: string;
    /** The local socket of the process that has the stream; `null`: none. */
    readonly locate: (streamPath: StreamPath) => string | null;
  },
) => InnerSource;
