import type { Context } from '../../core/context.ts';
import { Deadline } from '../../core/deadline.ts';
import type { StreamPath } from '../../core/stream-path.ts';

/** How long the end of a stream, and what came before it, may be on its way between two processes. */
const SETTLE_MS = 1_000;

/** Waits for the end of streams that are fetched from where they `hasEnded`: what is on its way is played and recorded. */
export async function streamsSettled(
  { broadcasts, logger }: Context,
  hasEnded: (streamPath: StreamPath) => boolean,
): Promise<void> {
  const ending = [...broadcasts.values()].flatMap(({ publisher, streamPath }) => {
    return publisher?.internal === true && hasEnded(streamPath) ? [publisher.over()] : [];
  });
  const isSettled = await new Deadline(SETTLE_MS).meets(Promise.all(ending));
  if (!isSettled) logger.warn({ streams: ending.length }, 'streams of another process do not end in time');
}
