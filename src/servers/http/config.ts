import { Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import { z } from 'zod';
import { portNumber } from '../../core/config.ts';

const isServer = (value: unknown): value is Server | SecureServer =>
  value instanceof Server || value instanceof SecureServer;

/** The `http` section. */
export const httpSection = z
  .strictObject({
    port: portNumber(8000, 'HTTP: HTTP-FLV, WebSocket-FLV, API and page'),
    server: z
      .custom<Server | SecureServer>(isServer, 'an http.Server or https.Server of Node.js')
      .optional()
      .describe(
        'library only: serve on this server, which stays yours, and open no HTTP port; its requestTimeout ends publishers too',
      ),
    path: z
      .string()
      .regex(/^(\/[^/?#]+)+$/, 'a path that begins with "/" and does not end with it')
      .optional()
      .describe('with `server`: everything below this path is ours, and nothing else is'),
  })
  .describe('the HTTP listener');

/** The `https` section. */
export const httpsSection = z
  .strictObject({
    port: portNumber(8443, 'HTTPS: HTTP/2 and HTTP/1.1, secure WebSockets'),
    key: z.string().min(1).optional().describe('the private key, a PEM file; without key and cert one is made'),
    cert: z.string().min(1).optional().describe('the certificate chain, a PEM file'),
  })
  .describe('the HTTPS listener');

export type HttpConfig = z.output<typeof httpSection>;
export type HttpsConfig = z.output<typeof httpsSection>;
