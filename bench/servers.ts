import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Tools } from './prepare.ts';
import { type ServerName, type Transport, transports } from './results.ts';

export interface Ports {
  readonly rtmp: number;
  readonly http: number;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

/** A server that can be started: fresh for every point, in a folder of its own. */
export interface Candidate {
  readonly name: ServerName;
  readonly title: string;
  readonly transports: readonly Transport[];
  /** The ports it opens. */
  readonly doors: readonly (keyof Ports)[];
  /** Makes its stream itself: nobody publishes. */
  readonly isSource: boolean;
  /** Writes the configuration into `folder` and says how to run it. */
  command(folder: string, ports: Ports): Command;
}

export interface OursOptions {
  readonly name?: 'ours' | 'relaxed';
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** On top of the configuration that both servers get. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Who signs in at our server's API. */
export const apiUser = { username: 'bench', password: 'bench on loopback' } as const;

/** Our server, run as an operator runs it. */
export function ours(tools: Tools, { name = 'ours', flags = [], config = {} }: OursOptions = {}): Candidate {
  const entry = join(tools.root, 'bin', 'app.js');
  // One process, as the peers are.
  const alone = { workers: 1 };
  const relaxed = name === 'relaxed' ? { play: { relaxed: true } } : {};
  return {
    name,
    title: name === 'relaxed' ? 'this server with play.relaxed' : 'this server',
    transports,
    doors: ['rtmp', 'http'],
    isSource: false,
    command: (folder, ports) => nodeServer([...flags, entry], folder, ports, { ...alone, ...relaxed, ...config }),
  };
}

/** The peer, under the same Node; `name` is its column. */
export function peer(entry: string, version: string, name: ServerName = 'nms'): Candidate {
  return {
    name,
    title: `Node-Media-Server ${version}`,
    transports,
    doors: ['rtmp', 'http'],
    isSource: false,
    command: (folder, ports) => nodeServer([entry], folder, ports, {}),
  };
}

/** The bare program that only writes, under the same Node; `flushMs` 0: with each video frame. */
export function floor(name: 'floor' | 'floor100'): Candidate {
  const flushMs = name === 'floor' ? 0 : 100;
  const entry = join(import.meta.dirname, 'floor.ts');
  return {
    name,
    title: flushMs === 0 ? 'floor, a write per video frame' : `floor, a write per ${flushMs} ms`,
    transports: ['flv'],
    doors: ['http'],
    isSource: true,
    command: (folder, ports) => {
      mkdirSync(folder, { recursive: true });
      return {
        command: process.execPath,
        args: [entry, '--port', String(ports.http), '--flush-ms', String(flushMs)],
      };
    },
  };
}

/** The bare program that passes on unread what it reads, under the same Node. */
export function relay(): Candidate {
  const entry = join(import.meta.dirname, 'relay.ts');
  return {
    name: 'relay',
    title: 'floor, reads and writes alone',
    transports: ['rtmp'],
    doors: ['rtmp'],
    isSource: false,
    command: (folder, ports) => {
      mkdirSync(folder, { recursive: true });
      return { command: process.execPath, args: [entry, '--port', String(ports.rtmp)] };
    },
  };
}

/** The bare program that lets newcomers in and does nothing else, under the same Node. */
export function lobby(): Candidate {
  const entry = join(import.meta.dirname, 'lobby.ts');
  return {
    name: 'lobby',
    title: 'floor, newcomers alone',
    transports: ['rtmp', 'flv'],
    doors: ['rtmp', 'http'],
    isSource: false,
    command: (folder, ports) => {
      mkdirSync(folder, { recursive: true });
      const args = [entry, '--rtmp', String(ports.rtmp), '--http', String(ports.http)];
      return { command: process.execPath, args };
    },
  };
}

/** Both servers understand this file: recording, hooks, console and permission checks are off, all else is default. */
function nodeServer(
  args: readonly string[],
  folder: string,
  ports: Ports,
  more: Readonly<Record<string, unknown>>,
): Command {
  const config = {
    bind: '127.0.0.1',
    rtmp: { port: ports.rtmp },
    http: { port: ports.http },
    auth: { play: false, publish: false, secret: 'bench' },
    store: { path: './data' },
    record: { auto: false, path: './record' },
    notify: { url: '' },
    webadmin: { enable: false },
    ...more,
  };
  return { command: process.execPath, args: [...args, '-c', writeFile(folder, 'config.json', JSON.stringify(config))] };
}

/** nginx with its rtmp module: one process, RTMP only, no cache for newcomers. */
export function nginx(version: string, module: string | null): Candidate {
  return {
    name: 'nginx',
    title: `nginx ${version}`,
    transports: ['rtmp'],
    doors: ['rtmp'],
    isSource: false,
    command: (folder, ports) => {
      const lines = [
        module === null ? '' : `load_module ${module};`,
        'daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000;',
        `pid ${join(folder, 'pid')}; error_log ${join(folder, 'error.log')};`,
        'events { worker_connections 16384; }',
        `rtmp { access_log off; server { listen 127.0.0.1:${ports.rtmp}; chunk_size 4096;`,
        '  application live { live on; wait_key on; interleave on; } } }',
      ];
      const config = writeFile(folder, 'nginx.conf', lines.join('\n'));
      return { command: 'nginx', args: ['-p', folder, '-e', join(folder, 'error.log'), '-c', config] };
    },
  };
}

function writeFile(folder: string, name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Two ports that nobody listens on at the moment. */
export async function freePorts(): Promise<Ports> {
  const doors = [createServer(), createServer()];
  const ports = await Promise.all(
    doors.map(
      (door) =>
        new Promise<number>((resolve, reject) => {
          door.once('error', reject);
          door.listen(0, '127.0.0.1', () => {
            const address = door.address();
            if (address === null || typeof address === 'string') reject(new Error('the socket has no port'));
            else resolve(address.port);
          });
        }),
    ),
  );
  await Promise.all(doors.map((door) => new Promise((resolve) => door.close(resolve))));
  const [rtmp, http] = ports;
  if (rtmp === undefined || http === undefined) throw new Error('no free ports');
  return { rtmp, http };
}
