import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context, NodeMediaServer, NodeMediaServerConfig } from '../../src/index.ts';
import type { LogLine } from './house.ts';
import { startServer } from './server.ts';
import { eventually, Programs } from './tools.ts';

/** How a stream is reached. */
export const transports = ['rtmp', 'rtmps', 'http-flv', 'https-flv', 'ws-flv', 'wss-flv'] as const;
export type Transport = (typeof transports)[number];

/** A transport as people write it. */
export function label(transport: Transport): string {
  return transport.toUpperCase();
}

/** A server with every door open, a folder, and the programs that talk to it. */
export interface Lab extends AsyncDisposable {
  /** Gone with the lab; other users may enter it. */
  readonly folder: string;
  readonly programs: Programs;
  readonly server: NodeMediaServer;
  readonly context: Context;
  readonly lines: LogLine[];
  /** The address of a stream, `path` being `/app/name` with or without a query. */
  url(transport: Transport, path: string): string;
  /** A fresh name below the folder. */
  file(name: string): string;
  /** Resolves when so many players have asked for the stream: they play it, or wait for it. */
  players(path: string, count: number): Promise<void>;
}

function address(transport: Transport, path: string, port: number): string {
  const [kind] = transport.split('-', 1);
  if (kind === 'rtmp' || kind === 'rtmps') return `${kind}://127.0.0.1:${port}${path}`;
  const [name = '', query] = path.split('?', 2);
  return `${kind}://127.0.0.1:${port}${name}.flv${query === undefined ? '' : `?${query}`}`;
}

/** Players that come before their publisher wait for him as long as the lab lives. */
export async function openLab(config: NodeMediaServerConfig = {}): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), 'nms-e2e-'));
  chmodSync(folder, 0o755);
  const running = await startServer(
    { rtmps: { port: 0 }, https: { port: 0 }, ...config, play: { waitMs: -1, ...config.play } },
    folder,
  );
  const { server, lines } = running;
  const programs = new Programs();
  const asked = new Map<string, number>();
  server.on('prePlay', ({ streamPath }) => void asked.set(streamPath, (asked.get(streamPath) ?? 0) + 1));
  const doors = { rtmp: 'rtmp', rtmps: 'rtmps', http: 'http', ws: 'http', https: 'https', wss: 'https' } as const;
  let files = 0;
  return {
    folder,
    programs,
    server,
    lines,
    context: server.context,
    url: (transport, path) => {
      const [kind] = transport.split('-', 1) as [keyof typeof doors];
      return address(transport, path, running.port(doors[kind]));
    },
    file: (name) => join(folder, `${++files}-${name}`),
    players: (path, count) => eventually(() => (asked.get(path) ?? 0) >= count, `${count} players of ${path}`),
    [Symbol.asyncDispose]: async () => {
      await programs[Symbol.asyncDispose]();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
