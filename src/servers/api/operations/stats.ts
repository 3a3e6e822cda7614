import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Context } from '../../../core/context.ts';
import type { Listener } from '../../../core/listener.ts';
import { type Operation, operation } from '../operation.ts';
import type { Rates } from '../rates.ts';

const manifestSchema = z.object({
  name: z.string().default(''),
  version: z.string().default(''),
  homepage: z.string().default(''),
  license: z.string().default(''),
  author: z.string().default(''),
});

function readManifest(): z.output<typeof manifestSchema> {
  const file = new URL('../../../../package.json', import.meta.url);
  return manifestSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const port = z.number().int().optional().describe('the real one; absent when the door is shut');
const bytes = z.number().int();

const infoSchema = z.object({
  server: z.object({
    name: z.string(),
    version: z.string(),
    homepage: z.string(),
    license: z.string(),
    author: z.string(),
  }),
  config: z.object({
    bind: z.string().describe('the address that the doors are bound to'),
    rtmp_port: port,
    rtmps_port: port,
    http_port: port,
    https_port: port,
    static_enabled: z.boolean().describe('is a folder of files served?'),
    record_enabled: z.boolean().describe('can streams be recorded?'),
    auth_enabled: z.boolean().describe('is a credential needed to publish or to play?'),
  }),
  uptime: z.number().describe('seconds since the process began'),
  node_version: z.string(),
});

const statsSchema = z.object({
  server: z.object({
    uptime: z.number().describe('seconds since the process began'),
    nodeVersion: z.string(),
    platform: z.string(),
    arch: z.string(),
    pid: z.number().int().describe('of the primary'),
  }),
  cpu: z
    .object({ user: z.number().int(), system: z.number().int() })
    .describe('processor time of the primary since it began, in microseconds'),
  memory: z
    .object({ rss: bytes, heapTotal: bytes, heapUsed: bytes, external: bytes, arrayBuffers: bytes })
    .describe('of the primary, in bytes'),
  sessions: z
    .object({
      total: z.number().int().describe('connected, those included that have not asked for anything'),
      publishers: z.number().int(),
      players: z.number().int(),
    })
    .describe('of all processes, without our own'),
  streams: z.object({
    total: z.number().int().describe('live, or waited for'),
    publishing: z.number().int().describe('being published'),
  }),
  network: z
    .object({
      inBytes: z.number().int().describe('received by all sessions since the server began'),
      outBytes: z.number().int().describe('sent by all sessions since the server began'),
      inBps: z.number().int().describe('bytes a second received, over about the last one'),
      outBps: z.number().int().describe('bytes a second sent'),
    })
    .describe('media and what belongs to it, of all processes'),
  workers: z
    .array(
      z.object({
        worker: z.number().int().describe('its number'),
        pid: z.number().int(),
        cpuSeconds: z.number().describe('processor time since it began'),
        rss: z.number().int().describe('bytes of memory'),
        utilisation: z.number().describe('share of the last second in which it was busy, 0 to 1'),
      }),
    )
    .describe('the processes that serve; none when the primary serves itself'),
  timestamp: z.iso.datetime(),
});

function portOf(listeners: readonly Listener[], name: Listener['name']): number | undefined {
  return listeners.find((listener) => listener.name === name)?.port;
}

/** Has the section a folder, and a place to serve it at? */
function isStaticEnabled({ configuration }: Context): boolean {
  const files = configuration?.describe()['static'];
  return typeof files === 'object' && files !== null && 'router' in files && 'root' in files;
}

/** What the server is, and how much it does. */
export function statsOperations(context: Context, rates: Rates): Operation[] {
  const server = readManifest();
  return [
    operation({
      id: 'getInfo',
      method: 'get',
      path: '/info',
      tag: 'Server',
      summary: 'Says what the server is and which of its doors are open.',
      access: 'viewer',
      data: infoSchema,
      message: 'Server information retrieved successfully',
      handle: () => {
        const { bind, auth } = context.config;
        const listeners = context.listeners();
        return {
          server,
          config: {
            bind,
            rtmp_port: portOf(listeners, 'rtmp'),
            rtmps_port: portOf(listeners, 'rtmps'),
            http_port: portOf(listeners, 'http'),
            https_port: portOf(listeners, 'https'),
            static_enabled: isStaticEnabled(context),
            record_enabled: context.recorder !== null,
            auth_enabled: auth.play || auth.publish,
          },
          uptime: process.uptime(),
          node_version: process.version,
        };
      },
    }),
    operation({
      id: 'getStats',
      method: 'get',
      path: '/stats',
      tag: 'Server',
      summary: 'Says how much the server does, and what it uses.',
      access: 'viewer',
      data: statsSchema,
      message: 'Server statistics retrieved successfully',
      handle: () => ({
        server: {
          uptime: process.uptime(),
          nodeVersion: process.version,
          platform: process.platform,
          arch: process.arch,
          pid: process.pid,
        },
        cpu: process.cpuUsage(),
        memory: process.memoryUsage(),
        sessions: countSessions(context),
        streams: countStreams(context),
        network: rates.network,
        workers: listWorkers(context),
        timestamp: new Date().toISOString(),
      }),
    }),
  ];
}

function listWorkers({ workers }: Context) {
  const found = [...workers].map(([number, { pid, cpuSeconds, memory, utilisation }]) => {
    return { worker: Number(number), pid, cpuSeconds, rss: memory.rss, utilisation };
  });
  return found.sort((left, right) => left.worker - right.worker);
}

function countSessions({ sessions }: Context) {
  const counts = { total: 0, publishers: 0, players: 0 };
  for (const { internal, role } of sessions.values()) {
    if (internal) continue;
    counts.total++;
    if (role === 'publisher') counts.publishers++;
    else if (role === 'player') counts.players++;
  }
  return counts;
}

function countStreams({ streams }: Context) {
  const counts = { total: streams.size, publishing: 0 };
  for (const { status } of streams.values()) if (status === 'publishing') counts.publishing++;
  return counts;
}
