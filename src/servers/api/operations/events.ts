import { z } from 'zod';
import type { Context } from '../../../core/context.ts';
import type { Session } from '../../../core/session.ts';
import { ApiError } from '../api-error.ts';
import { draftEvent, eventNames, type Happening } from '../event-data.ts';
import { EventLog } from '../event-log.ts';
import { EventReader } from '../event-reader.ts';
import { type Operation, rawOperation } from '../operation.ts';
import type { Rates } from '../rates.ts';

/** Readers of events at once; each costs a connection and a write per event. */
const MAX_READERS = 100;
/** How often a reader of events is sent a comment, and whoever gave him his token is asked again. */
const PING_MS = 15_000;
/** After the doors begin to close: what ends with them is still told. */
const LAST_EVENTS_MS = 250;
/** Characters of a list of names of events. */
const MAX_NAMES_LENGTH = 512;

const query = z.object({
  events: z
    .string()
    .max(MAX_NAMES_LENGTH)
    .transform((text, check) => {
      const names = text.split(',').filter((name) => name !== '');
      const unknown = names.find((name) => !eventNames.some((known) => known === name));
      if (unknown !== undefined) {
        check.addIssue({ code: 'custom', message: `an event that there is not; there are ${eventNames.join(', ')}` });
        return z.NEVER;
      }
      return names.length === 0 ? null : new Set(names);
    })
    .optional()
    .describe('only these, with commas between them; without it all'),
  lastEventId: z
    .string()
    .max(64)
    .optional()
    .describe('the id of the last event that is known, for programs that cannot send the header Last-Event-ID'),
});

const description = `Each event has an id, and as data one line of JSON: \`id\`, \`ip\`, \`app\`, \`name\`, \`streamPath\`, \`protocol\`, \`isPublisher\`, \`createTime\`, \`endTime\`, \`inBytes\`, \`outBytes\`, \`at\`, \`user\`, \`userAgent\`, \`droppedFrames\`, \`playCount\`, \`reason\`; of \`streamHealth\` \`advice\` and \`state\`, too. Who comes back with the header Last-Event-ID gets what he missed; when that is not known any more, the event \`reset\` comes first: load the lists anew. A comment comes every ${PING_MS / 1000} seconds.`;

/** What happens, as it happens: server-sent events. */
export function eventOperations(context: Context, _rates: Rates): Operation[] {
  const log = new EventLog();
  const readers = new Set<EventReader>();
  for (const name of eventNames) {
    const listener = (session: Session, advice?: Happening['advice'], state?: Happening['state']) => {
      const event = log.add(draftEvent({ name, session, advice, state, at: Date.now() }));
      for (const reader of readers) reader.tell(event);
    };
    context.eventEmitter.on(name, listener as never);
  }

  return [
    rawOperation({
      id: 'readEvents',
      method: 'get',
      path: '/events',
      tag: 'Events',
      summary: 'Tells what happens, as it happens: server-sent events.',
      description,
      access: 'viewer',
      isTokenInQuery: true,
      query,
      errors: ['UNAVAILABLE'],
      contentType: 'text/event-stream',
      respond: ({ query: { events = null, lastEventId }, request, response }) => {
        if (context.closing.signal.aborted) throw new ApiError('UNAVAILABLE', 'The server is stopping.');
        if (readers.size >= MAX_READERS) {
          throw new ApiError('UNAVAILABLE', `${MAX_READERS} readers follow events already.`);
        }
        const reader = new EventReader(response, log, events);
        const pings = setInterval(() => reader.ping(), PING_MS).unref();
        const onClosing = () => void setTimeout(() => reader.end(), LAST_EVENTS_MS);
        // A client may end its side once it has asked; of a reader of events that means that he has gone.
        const { socket } = request;
        const onEnd = () => void response.destroy();
        socket.once('end', onEnd);
        response.once('close', () => {
          socket.off('end', onEnd);
          clearInterval(pings);
          readers.delete(reader);
          context.closing.signal.removeEventListener('abort', onClosing);
        });
        context.closing.signal.addEventListener('abort', onClosing, { once: true });
        readers.add(reader);
        reader.begin(request.get('Last-Event-ID') || lastEventId || null);
      },
    }),
  ];
}
