import { z } from 'zod';
import type { Context } from '../../../core/context.ts';
import { ApiError } from '../api-error.ts';
import { type Operation, operation } from '../operation.ts';
import { isFound, optionalPageQuery, order, pageFacts, pageOf, sorted, word } from '../paging.ts';
import type { Rates } from '../rates.ts';
import { StreamEntries } from '../stream-entries.ts';
import { type StreamEntry, streamSchema } from '../stream-schema.ts';
import { Views } from '../views.ts';
import { streamAddressOperation } from './stream-addresses.ts';
import { streamParams } from './stream-params.ts';
import { recordingOperations } from './recording.ts';

const SORT_KEYS: Readonly<Record<string, (entry: StreamEntry) => string | number>> = {
  key: ({ key }) => key,
  createTime: ({ createTime }) => createTime,
  subscribers: ({ subscribers }) => subscribers,
  inBytes: ({ inBytes }) => inBytes,
  outBytes: ({ outBytes }) => outBytes,
  inBps: ({ inBps }) => inBps,
  outBps: ({ outBps }) => outBps,
};

const query = z.object({
  app: word('only those of this app'),
  name: word('only those of this name'),
  status: z.enum(['publishing', 'reconnecting', 'idle']).optional().describe('only those in this state'),
  protocol: word('only those whose publisher uses this transport: rtmp, http-flv, …'),
  search: word('only those whose path, or publisher’s address, contains this; upper and lower case alike'),
  sort: z
    .enum(['key', 'createTime', 'subscribers', 'inBytes', 'outBytes', 'inBps', 'outBps'])
    .optional()
    .describe('by what; without it in the order in which they appeared'),
  order: order('asc'),
  ...optionalPageQuery,
});

const listed = z.object({
  streams: z.array(streamSchema),
  total: z.number().int().describe('of all pages'),
  ...pageFacts,
});

function isWanted(entry: StreamEntry, wanted: z.output<typeof query>): boolean {
  const { app, name, status, protocol, search } = wanted;
  if (app !== undefined && entry.app !== app) return false;
  if (name !== undefined && entry.name !== name) return false;
  if (status !== undefined && entry.status !== status) return false;
  if (protocol !== undefined && entry.publisher?.protocol !== protocol) return false;
  return isFound(search, entry.key, entry.publisher?.ip ?? '');
}

/** What is live. */
export function streamOperations(context: Context, rates: Rates): Operation[] {
  const entries = new StreamEntries(context, rates);
  const views = new Views<readonly StreamEntry[], z.input<typeof listed>>();
  return [
    operation({
      id: 'listStreams',
      method: 'get',
      path: '/streams',
      tag: 'Streams',
      summary: 'Lists streams that are live, or waited for.',
      description:
        'Numbers are up to a second old, a list up to a tenth of a second. Without page and pageSize all are listed.',
      access: 'viewer',
      query,
      data: listed,
      message: 'Streams retrieved successfully',
      isShared: true,
      handle: ({ query: wanted }) => {
        const list = entries.list();
        return views.of(list, wanted, () => {
          const found = list.filter((entry) => isWanted(entry, wanted));
          const key = wanted.sort === undefined ? undefined : SORT_KEYS[wanted.sort];
          const { items, ...facts } = pageOf(sorted(found, key, wanted.order), wanted);
          return { streams: items, ...facts };
        });
      },
    }),
    operation({
      id: 'getStream',
      method: 'get',
      path: '/streams/{app}/{name}',
      tag: 'Streams',
      summary: 'Shows one stream.',
      access: 'viewer',
      params: streamParams,
      errors: ['NOT_FOUND'],
      data: streamSchema,
      message: 'Stream information retrieved successfully',
      handle: ({ params: { app, name } }) => {
        const entry = entries.find(`/${app}/${name}`);
        if (entry === null) throw new ApiError('NOT_FOUND', 'Stream not found');
        return entry;
      },
    }),
    streamAddressOperation(context),
    ...recordingOperations(context),
  ];
}
