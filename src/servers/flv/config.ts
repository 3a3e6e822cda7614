import { z } from 'zod';

/** The `flv` section. */
export const flvSection = z
  .strictObject({
    origins: z
      .array(z.url({ protocol: /^https?$/ }))
      .default([])
      .describe('web pages of these origins may play and publish (https://example.com); empty: all'),
  })
  .prefault({})
  .describe('HTTP-FLV and WebSocket-FLV');

export type FlvConfig = z.output<typeof flvSection>;
