import { z } from 'zod';
import type { Configuration } from '../../../core/configuration.ts';
import type { Context } from '../../../core/context.ts';
import { ListenError } from '../../../errors.ts';
import { ApiError } from '../api-error.ts';
import { type Operation, operation } from '../operation.ts';

/** Stream keys and users fit in, and no more is held for a request. */
const MAX_BODY_BYTES = 64 * 1024;

const anyJson = z.unknown();

const planSchema = z.object({
  changes: z
    .array(
      z.object({
        key: z.string().describe('dotted: `play.waitMs`'),
        from: anyJson.describe('`null` in place of a secret, and where there was none'),
        to: anyJson.describe('`null` in place of a secret, and where there is none any more'),
        effect: z
          .enum(['now', 'new', 'listener', 'restart'])
          .describe(
            'when it counts: at once; for new sessions, streams or connections; when a door has moved; at the next start',
          ),
      }),
    )
    .readonly(),
  listeners: z
    .array(z.object({ name: z.string(), from: z.string().nullable(), to: z.string().nullable() }))
    .readonly()
    .describe('doors that open, close or move, as `host:port`; `null`: shut'),
  droppedSessions: z.number().int().describe('sessions that end because of it'),
  restart: z.array(z.string()).readonly().describe('keys whose new value counts at the next start only'),
  isApplied: z.boolean(),
  isWritten: z.boolean().describe('was the file of the configuration written?'),
});

function configurationOf({ configuration }: Context): Configuration {
  if (configuration !== null) return configuration;
  throw new ApiError('UNAVAILABLE', 'This server does not show or change its configuration.');
}

/** Says which door cannot be opened; anything else is thrown on. */
function refuseDoor(error: unknown): never {
  if (!(error instanceof ListenError)) throw error;
  throw new ApiError('CONFLICT', `${error.message}; nothing has changed`, { cause: error });
}

/** The configuration. */
export function configurationOperations(context: Context): Operation[] {
  const tag = 'Configuration';
  return [
    operation({
      id: 'getConfig',
      method: 'get',
      path: '/config',
      tag,
      summary: 'Shows every key of the configuration that is in force, without its secrets.',
      access: 'admin',
      data: z.record(z.string(), anyJson).describe('nested, as in the file'),
      message: 'Configuration',
      errors: ['UNAVAILABLE'],
      handle: () => ({ ...configurationOf(context).describe() }),
    }),
    operation({
      id: 'changeConfig',
      method: 'put',
      path: '/config',
      tag,
      summary: 'Changes the configuration and writes its file; with `plan=1` only says what that would do.',
      description:
        'The body is put over the operator’s own values, key by key; lists as a whole; `null` takes a key away. All of it counts, or nothing.',
      access: 'admin',
      query: z.object({
        plan: z
          .enum(['0', '1', 'false', 'true'])
          .optional()
          .describe('`1` or `true`: change nothing, only say what would change'),
      }),
      body: z.record(z.string(), anyJson).describe('keys and their new values, nested as in the file'),
      maxBodyBytes: MAX_BODY_BYTES,
      data: planSchema,
      message: 'Configuration changes',
      errors: ['CONFLICT', 'UNAVAILABLE'],
      handle: async ({ query, body, user }) => {
        const configuration = configurationOf(context);
        const isPlan = query.plan === '1' || query.plan === 'true';
        const plan = isPlan
          ? await configuration.plan(body)
          : await configuration.apply(body, user?.username ?? '').catch(refuseDoor);
        return plan;
      },
    }),
  ];
}
