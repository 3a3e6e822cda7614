import { z } from 'zod';
import { type Operation, operation } from '../operation.ts';

/** Is the server there? Open to everybody. */
export function healthOperations(version: string): Operation[] {
  return [
    operation({
      id: 'getHealth',
      method: 'get',
      path: '/health',
      tag: 'Server',
      summary: 'Says that the server answers.',
      access: 'open',
      data: z.object({
        status: z.literal('ok'),
        timestamp: z.iso.datetime().describe('the time of the server'),
        version: z.string().describe('the version of the server'),
      }),
      message: 'Server is healthy',
      handle: () => ({ status: 'ok' as const, timestamp: new Date().toISOString(), version }),
    }),
  ];
}
