import { z } from 'zod';
import { portNumber } from '../../../src/core/config.ts';
import { notifySection } from '../../../src/servers/notify/config.ts';

const secure = (port: number) =>
  z.strictObject({
    port: portNumber(port, 'a TLS port'),
    key: z.string().min(1).optional().describe('private key'),
    cert: z.string().min(1).optional().describe('certificate'),
  });

/** Sections as servers hand them in: four doors, one section without defaults, one key that only a library can set. */
export const serverSections = {
  rtmp: z.strictObject({ port: portNumber(1935, 'RTMP'), chunkSize: z.number().int().min(128).default(65_536) }),
  rtmps: secure(1936),
  http: z.strictObject({
    port: portNumber(8000, 'HTTP'),
    server: z.custom<object>((value) => typeof value === 'object', 'a server of Node.js').optional(),
  }),
  https: secure(8443),
  notify: notifySection,
  static: z.strictObject({
    router: z.string().startsWith('/'),
    root: z.string().min(1),
    maxAge: z.number().default(0),
  }),
};
