import { z } from 'zod';
import type { Context } from '../../../core/context.ts';
import { parseStreamAddress, type StreamAddress } from '../../../core/stream-path.ts';
import { ProtocolError } from '../../../errors.ts';
import { ApiError } from '../api-error.ts';
import { type Operation, operation } from '../operation.ts';
import { addressesOf, hostOf, isSigned } from '../stream-addresses.ts';
import { streamParams } from './stream-params.ts';

/** For how long a signature is good, in seconds; what is asked for is brought within. */
const TTL = { min: 60, max: 24 * 60 * 60, usual: 60 * 60 };

const query = z.object({
  ttl: z.coerce
    .number()
    .int()
    .transform((ttl) => Math.min(TTL.max, Math.max(TTL.min, ttl)))
    .default(TTL.usual)
    .meta({
      description: 'for how many seconds signatures are good',
      minimum: TTL.min,
      maximum: TTL.max,
      default: TTL.usual,
    }),
  action: z.enum(['play', 'publish']).default('play').describe('what the addresses are for'),
});

const data = z.object({
  app: z.string(),
  name: z.string(),
  streamPath: z.string().describe('/app/name'),
  status: z.enum(['publishing', 'reconnecting', 'idle']).describe('idle: nobody publishes it'),
  action: z.enum(['play', 'publish']),
  signed: z.boolean().describe('do the addresses carry a signature?'),
  expiresAt: z.iso.datetime().nullable().describe('until when the signatures are good; null without any'),
  urls: z.array(
    z.object({
      protocol: z.enum(['rtmp', 'rtmps', 'http-flv', 'ws-flv', 'https-flv', 'wss-flv']),
      url: z.string(),
    }),
  ),
});

function addressOf({ app, name }: z.output<typeof streamParams>): StreamAddress {
  try {
    return parseStreamAddress(app, name);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new ApiError('BAD_REQUEST', `No stream can have this address: ${error.message}.`, { cause: error });
  }
}

/** A signed address lets in whoever has it, so it is made for administrators only; plain ones are no secret. */
export function streamAddressOperation(context: Context): Operation {
  return operation({
    id: 'getStreamAddresses',
    method: 'get',
    path: '/streams/{app}/{name}/urls',
    tag: 'Streams',
    summary: 'Writes the addresses of a stream, signed where a signature is needed.',
    description:
      'For every open door, with the host by which this request was sent. The stream need not be live. Addresses with a signature, and all to publish, are for administrators only: whoever has one may use it.',
    access: 'viewer',
    params: streamParams,
    query,
    errors: ['FORBIDDEN'],
    data,
    message: 'Play URLs generated successfully',
    handle: ({ params, query: { ttl, action }, user, request }) => {
      const { config, streams } = context;
      const address = addressOf(params);
      const signed = isSigned(config, action);
      if ((signed || action === 'publish') && user?.role !== 'admin') {
        throw new ApiError('FORBIDDEN', 'Addresses that let somebody in are for administrators.');
      }
      const host = hostOf(request.headers.host);
      if (host === null) throw new ApiError('BAD_REQUEST', 'The header Host names no host.');
      const expiresAt = signed ? Math.floor(Date.now() / 1000) + ttl : null;
      const { secret } = config.auth;
      return {
        app: address.app,
        name: address.name,
        streamPath: address.path,
        status: streams.get(address.path)?.status ?? ('idle' as const),
        action,
        signed,
        expiresAt: expiresAt === null ? null : new Date(expiresAt * 1000).toISOString(),
        urls: addressesOf(address, { listeners: context.listeners(), host, action, secret, expiresAt }),
      };
    },
  });
}
