import { z } from 'zod';
import type { Context } from '../../../core/context.ts';
import type { History } from '../../../core/history.ts';
import { ApiError } from '../api-error.ts';
import { type Operation, operation } from '../operation.ts';
import { moment, order, pagedQuery, pageFacts, windowOf, word } from '../paging.ts';
import type { Rates } from '../rates.ts';

const time = (help: string) => z.number().int().describe(`${help}, in unix milliseconds`);

const entrySchema = z
  .object({
    id: z.string().describe('of the session'),
    role: z.enum(['publisher', 'player']),
    protocol: z.string().describe('its transport'),
    streamPath: z.string().describe('/app/name'),
    app: z.string(),
    name: z.string(),
    ip: z.string().describe('address and port of the peer'),
    user: z.string().describe('who it had proved to be; "" for nobody in particular'),
    userAgent: z.string().describe('what the peer called itself'),
    startTime: time('when it connected'),
    endTime: time('when the media stopped'),
    duration: z.number().int().describe('milliseconds'),
    inBytes: z.number().int().describe('bytes received'),
    outBytes: z.number().int().describe('bytes sent'),
    droppedFrames: z.number().int().describe('frames left out because the player was behind'),
    playCount: z.number().int().describe('plays that began while it published'),
    reason: z.string().describe('why it ended, in words'),
  })
  .describe('a publish or a play that is over');

const query = z
  .object({
    type: z.enum(['publisher', 'player', 'all']).default('publisher').describe('publishes, plays or both'),
    streamPath: word('only those of this stream: /app/name'),
    search: word('only those whose stream or address contains this; upper and lower case alike'),
    ip: word('only those from this address, or address and port'),
    protocol: word('only those of this transport: rtmp, http-flv, …'),
    start: moment('start', 'begun then or later: unix milliseconds, or a date'),
    end: moment('end', 'begun then or earlier; a date without a time includes its whole day'),
    sort: z
      .enum(['startTime', 'duration', 'inBytes', 'outBytes', 'streamPath'])
      .default('startTime')
      .describe('by what'),
    order: order('desc'),
    ...pagedQuery,
  })
  .refine(({ start, end }) => start === undefined || end === undefined || start <= end, {
    message: 'start must not be later than end',
  });

function historyOf({ history }: Context): History {
  if (history === null) {
    throw new ApiError('UNAVAILABLE', 'No history is kept: store.maxHistory is 0, or the store cannot be used.');
  }
  return history;
}

/** What was published and played. */
export function historyOperations(context: Context, _rates: Rates): Operation[] {
  return [
    operation({
      id: 'listHistory',
      method: 'get',
      path: '/history',
      tag: 'History',
      summary: 'Lists publishes that are over, or plays, the newest first.',
      description: 'An entry is there about a second after its end.',
      access: 'viewer',
      query,
      errors: ['UNAVAILABLE'],
      data: z.object({ items: z.array(entrySchema), count: z.number().int().describe('of all pages'), ...pageFacts }),
      message: 'History retrieved successfully',
      handle: ({ query: { type, streamPath, search, ip, protocol, start, end, sort, order: direction, ...page } }) => {
        const { items, count } = historyOf(context).list({
          ...(type === 'all' ? {} : { role: type }),
          ...(streamPath === undefined ? {} : { streamPath }),
          ...(search === undefined ? {} : { search }),
          ...(ip === undefined ? {} : { ip }),
          ...(protocol === undefined ? {} : { protocol }),
          ...(start === undefined ? {} : { start }),
          ...(end === undefined ? {} : { end }),
          sort,
          order: direction,
          ...windowOf(page),
        });
        return { items: [...items], count, ...page };
      },
    }),
    operation({
      id: 'clearHistory',
      method: 'delete',
      path: '/history',
      tag: 'History',
      summary: 'Forgets the history of a stream, or all of it.',
      access: 'admin',
      query: z.object({ streamPath: word('of this stream only; without it all is forgotten') }),
      errors: ['UNAVAILABLE'],
      data: z.object({ removed: z.number().int().describe('entries that are gone') }),
      message: 'History removed',
      handle: ({ query: { streamPath }, user }) => {
        const removed = historyOf(context).clear(streamPath);
        const { logger } = context;
        logger.info(
          { by: user?.username, removed, ...(streamPath === undefined ? {} : { stream: streamPath }) },
          'history removed',
        );
        return { removed };
      },
    }),
  ];
}
