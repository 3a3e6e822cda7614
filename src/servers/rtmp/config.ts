import { z } from 'zod';
import { portNumber } from '../../core/config.ts';

/** The `rtmp` section. */
export const rtmpSection = z
  .strictObject({
    port: portNumber(1935, 'RTMP'),
    chunkSize: z.number().int().min(128).max(0xffffff).default(65_536).describe('bytes of the chunks we send'),
    windowAckSize: z
      .number()
      .int()
      .min(2_500)
      .max(0x7fffffff)
      .default(5_000_000)
      .describe('bytes between acknowledgements'),
  })
  .describe('the RTMP listener');

/** The `rtmps` section. */
export const rtmpsSection = z
  .strictObject({
    port: portNumber(1936, 'RTMP over TLS'),
    key: z.string().min(1).optional().describe('the private key, a PEM file; without key and cert one is made'),
    cert: z.string().min(1).optional().describe('the certificate chain, a PEM file'),
  })
  .describe('the RTMPS listener');

export type RtmpConfig = z.output<typeof rtmpSection>;
export type RtmpsConfig = z.output<typeof rtmpsSection>;
