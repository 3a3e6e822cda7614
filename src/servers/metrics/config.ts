import { z } from 'zod';
import { ADDRESS_RANGE_WORDS, isAddressRange } from '../../core/address-list.ts';

/** This machine and private networks: RFC 1918, RFC 4193, RFC 6598 and the addresses of one link. */
const NEIGHBOURS = [
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
];

/** The `metrics` section. */
export const metricsSection = z
  .strictObject({
    enable: z.boolean().default(true).describe('answer /metrics'),
    token: z.string().default('').describe('what has to be sent as "Authorization: Bearer …"; empty: nothing'),
    allow: z
      .array(z.string().refine(isAddressRange, ADDRESS_RANGE_WORDS))
      .default(NEIGHBOURS)
      .describe('addresses that may ask; empty: everybody'),
  })
  .prefault({})
  .describe('what is counted and measured, for Prometheus');

export type MetricsConfig = z.output<typeof metricsSection>;
