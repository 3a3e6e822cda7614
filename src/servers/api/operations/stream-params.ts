import { z } from 'zod';
import { MAX_APP_PARTS, MAX_NAME_LENGTH } from '../../../core/stream-path.ts';

/** Parts of an address that name a stream. */
export const streamParams = z.object({
  app: z
    .string()
    .min(1)
    .max((MAX_NAME_LENGTH + 1) * MAX_APP_PARTS * 2)
    .describe('the app; one of several parts with its slashes percent-encoded: a%2Fb'),
  name: z
    .string()
    .min(1)
    .max(MAX_NAME_LENGTH * 2)
    .describe('the name'),
});
