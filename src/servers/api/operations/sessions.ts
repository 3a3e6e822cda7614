import { z } from 'zod';
import type { Context } from '../../../core/context.ts';
import type { Session, SessionId } from '../../../core/session.ts';
import { ClosedError } from '../../../errors.ts';
import { ApiError } from '../api-error.ts';
import { Memo } from '../memo.ts';
import { type Operation, operation } from '../operation.ts';
import { flag, isFound, optionalPageQuery, order, pageFacts, pageOf, sorted, word } from '../paging.ts';
import type { Rates } from '../rates.ts';

/** What a close frame of WebSocket has room for, less what follows in other protocols. */
const MAX_REASON_BYTES = 120;
const USUAL_REASON = 'closed by the operator';

const sessionSchema = z
  .object({
    id: z.string(),
    ip: z.string().describe('address and port of the peer'),
    address: z.string().describe('its address alone'),
    protocol: z
      .string()
      .describe('the transport: rtmp, rtmps, http-flv, https-flv, ws-flv, wss-flv; internal: one of our own'),
    type: z.enum(['idle', 'publisher', 'player']).describe('idle: it has not begun to publish or play'),
    isPublisher: z.boolean(),
    app: z.string().describe('"" before it has asked for a stream'),
    name: z.string(),
    streamPath: z.string().describe('/app/name'),
    userAgent: z.string().describe('what the peer calls itself'),
    user: z.string().describe('who it has proved to be; "" for nobody in particular'),
    createTime: z.number().int().describe('when it connected, in unix milliseconds'),
    duration: z.number().int().describe('milliseconds since then'),
    inBytes: z.number().int().describe('bytes received'),
    outBytes: z.number().int().describe('bytes sent'),
    inBps: z.number().int().describe('bytes a second received'),
    outBps: z.number().int().describe('bytes a second sent'),
    backlogBytes: z.number().int().describe('bytes that wait to be sent'),
    droppedFrames: z.number().int().describe('frames left out because this player was behind'),
    internal: z.boolean().describe('one of our own, a recorder for one; listed only when asked for'),
  })
  .describe('a session: one peer that publishes or plays one stream');

type SessionEntry = z.input<typeof sessionSchema>;

const SORT_KEYS: Readonly<Record<string, (entry: SessionEntry) => string | number>> = {
  createTime: ({ createTime }) => createTime,
  duration: ({ duration }) => duration,
  streamPath: ({ streamPath }) => streamPath,
  ip: ({ ip }) => ip,
  inBytes: ({ inBytes }) => inBytes,
  outBytes: ({ outBytes }) => outBytes,
  inBps: ({ inBps }) => inBps,
  outBps: ({ outBps }) => outBps,
  backlogBytes: ({ backlogBytes }) => backlogBytes,
  droppedFrames: ({ droppedFrames }) => droppedFrames,
};

const query = z.object({
  app: word('only those of this app'),
  name: word('only those of a stream of this name'),
  ip: word('only those from this address'),
  protocol: word('only those of this transport: rtmp, http-flv, …'),
  type: z.enum(['idle', 'publisher', 'player']).optional().describe('only those who do this'),
  search: word('only those whose path, address, user agent or user contains this; upper and lower case alike'),
  internal: flag('list sessions of our own, too'),
  sort: z
    .enum([
      'createTime',
      'duration',
      'streamPath',
      'ip',
      'inBytes',
      'outBytes',
      'inBps',
      'outBps',
      'backlogBytes',
      'droppedFrames',
    ])
    .optional()
    .describe('by what; without it in the order in which they came'),
  order: order('asc'),
  ...optionalPageQuery,
});

const params = z.object({ id: z.string().min(1).max(64).describe('of the session') });

const kickQuery = z.object({
  reason: z
    .string()
    .max(MAX_REASON_BYTES)
    .refine((text) => Buffer.byteLength(text) <= MAX_REASON_BYTES, `at most ${MAX_REASON_BYTES} bytes in UTF-8`)
    .refine((text) => !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text), 'no control characters')
    .transform((text) => (text.trim() === '' ? USUAL_REASON : text.trim()))
    .default(USUAL_REASON)
    .describe(`what the peer is told, in the words of its protocol; ${MAX_REASON_BYTES} bytes at most`),
});

function isWanted(entry: SessionEntry, wanted: z.output<typeof query>): boolean {
  const { app, name, ip, protocol, type, search, internal } = wanted;
  if (entry.internal && !internal) return false;
  if (app !== undefined && entry.app !== app) return false;
  if (name !== undefined && entry.name !== name) return false;
  if (ip !== undefined && entry.address !== ip && entry.ip !== ip) return false;
  if (protocol !== undefined && entry.protocol !== protocol) return false;
  if (type !== undefined && entry.type !== type) return false;
  return isFound(search, entry.streamPath, entry.ip, entry.userAgent, entry.user);
}

/** Who is connected. The query of an address is never shown: it is how peers prove who they are. */
export function sessionOperations(context: Context, rates: Rates): Operation[] {
  const describe = (session: Session): SessionEntry => ({
    id: session.id,
    ip: session.ip,
    address: session.address,
    protocol: session.protocol,
    type: session.role,
    isPublisher: session.isPublisher,
    app: session.streamApp,
    name: session.streamName,
    streamPath: session.streamPath,
    userAgent: session.userAgent,
    user: session.user,
    createTime: session.createTime,
    duration: Math.max(0, Date.now() - session.createTime),
    inBytes: session.inBytes,
    outBytes: session.outBytes,
    ...rates.of(session),
    backlogBytes: session.backlogBytes,
    droppedFrames: session.droppedFrames,
    internal: session.internal,
  });
  const list = new Memo(() => [...context.sessions.values()].map(describe));
  for (const event of ['sessionStart', 'sessionEnd', 'postPublish', 'donePublish', 'postPlay', 'donePlay'] as const) {
    context.eventEmitter.on(event, () => list.outdate());
  }
  const find = (id: string): Session => {
    const session = context.sessions.get(id as SessionId);
    if (session === undefined) throw new ApiError('NOT_FOUND', 'Session not found');
    return session;
  };

  return [
    operation({
      id: 'listSessions',
      method: 'get',
      path: '/sessions',
      tag: 'Sessions',
      summary: 'Lists who is connected.',
      description:
        'Numbers are up to a second old, a list up to a tenth of a second. Without page and pageSize all are listed.',
      access: 'viewer',
      query,
      data: z.object({
        sessions: z.array(sessionSchema),
        total: z.number().int().describe('of all pages'),
        ...pageFacts,
      }),
      message: 'Sessions retrieved successfully',
      handle: ({ query: wanted }) => {
        const found = list.get().filter((entry) => isWanted(entry, wanted));
        const key = wanted.sort === undefined ? undefined : SORT_KEYS[wanted.sort];
        const { items, ...facts } = pageOf(sorted(found, key, wanted.order), wanted);
        return { sessions: items, ...facts };
      },
    }),
    operation({
      id: 'getSession',
      method: 'get',
      path: '/sessions/{id}',
      tag: 'Sessions',
      summary: 'Shows one session.',
      access: 'viewer',
      params,
      errors: ['NOT_FOUND'],
      data: sessionSchema,
      message: 'Session information retrieved successfully',
      handle: ({ params: { id } }) => describe(find(id)),
    }),
    operation({
      id: 'closeSession',
      method: 'delete',
      path: '/sessions/{id}',
      tag: 'Sessions',
      summary: 'Ends a session, and tells its peer why; a publisher’s place is not kept.',
      access: 'admin',
      params,
      query: kickQuery,
      errors: ['NOT_FOUND'],
      data: z.object({ id: z.string().describe('of the session that was ended') }),
      message: 'Session deleted successfully',
      handle: ({ params: { id }, query: { reason }, user }) => {
        const session = find(id);
        session.log('info', 'kicked', { by: user?.username, reason });
        session.close(new ClosedError(reason));
        return { id };
      },
    }),
  ];
}
