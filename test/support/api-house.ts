import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeMediaServerConfig } from '../../src/node-media-server.ts';
import { API_SECRET, type ApiReply, type ApiRequest, askApi, signIn, users } from './api.ts';
import { RtmpPeer } from './rtmp-peer.ts';
import { type RunningServer, startServer } from './server.ts';
import { until } from './wait.ts';

type Asking = (path: string, request?: ApiRequest) => Promise<ApiReply>;

/** A whole server with an API, in a folder of its own, and somebody of each role who has signed in. */
export interface ApiHouse extends AsyncDisposable {
  readonly running: RunningServer;
  readonly context: RunningServer['server']['context'];
  readonly folder: string;
  readonly port: number;
  readonly token: string;
  readonly admin: Asking;
  readonly guest: Asking;
  rtmp(mode: 'publish' | 'play', path?: string): Promise<RtmpPeer>;
  /** Opens the events; `path` has what follows `/events`. */
  events(path?: string, headers?: Readonly<Record<string, string>>): Promise<EventClient>;
}

/** @param auth what is asked of publishers and players */
export async function startApiHouse(config: NodeMediaServerConfig = {}, auth: object = {}): Promise<ApiHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'nms-api-'));
  const running = await startServer({ ...config, auth: { jwt: { secret: API_SECRET, users }, ...auth } }, folder);
  const port = running.port('http');
  const { token } = await signIn(port, 'admin');
  const guest = await signIn(port, 'guest');
  const peers: RtmpPeer[] = [];
  const readers: EventClient[] = [];
  return {
    running,
    context: running.server.context,
    folder,
    port,
    token,
    admin: (path, request) => askApi(port, path, { token, ...request }),
    guest: (path, request) => askApi(port, path, { token: guest.token, ...request }),
    rtmp: (mode, path = '/live/a') => {
      const peer = new RtmpPeer(mode, path, { port: running.port('rtmp') });
      peers.push(peer);
      return peer.started();
    },
    events: async (path = '', headers = {}) => {
      const reader = await EventClient.open(port, path, { Authorization: `Bearer ${token}`, ...headers });
      readers.push(reader);
      return reader;
    },
    [Symbol.asyncDispose]: async () => {
      await running.server.stop();
      for (const peer of peers) peer.socket.destroy();
      for (const reader of readers) reader.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface ReadEvent {
  readonly id: string;
  readonly name: string;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data: any;
}

/** Reads server-sent events, and keeps them. */
export class EventClient {
  readonly events: ReadEvent[] = [];
  readonly answer: IncomingMessage;
  text = '';
  isEnded = false;
  onEvent: ((event: ReadEvent) => void) | null = null;
  /** The last id that was said, with an event or without. */
  lastId = '';

  constructor(answer: IncomingMessage) {
    this.answer = answer;
    let rest = '';
    answer.setEncoding('utf8');
    answer.on('data', (chunk: string) => {
      this.text += chunk;
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
    });
    answer.on('error', () => {});
    answer.on('close', () => {
      this.isEnded = true;
    });
  }

  static open(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<EventClient> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path: `/api/v1/events${path}`, headers, agent: false };
      get(options, (answer) => resolve(new EventClient(answer))).on('error', reject);
    });
  }

  #take(block: string): void {
    const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
    const id = fields.get('id');
    if (id !== undefined) this.lastId = id;
    const data = fields.get('data');
    if (data === undefined) return;
    const event = { id: this.lastId, name: fields.get('event') ?? '', data: JSON.parse(data) };
    this.events.push(event);
    this.onEvent?.(event);
  }

  get names(): string[] {
    return this.events.map(({ name }) => name);
  }

  async has(name: string): Promise<ReadEvent> {
    await until(() => this.names.includes(name), `the event ${name}`);
    return this.events.find((event) => event.name === name)!;
  }

  close(): void {
    this.answer.destroy();
  }
}
