import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NodeMediaServerConfig, signStream } from '../../src/index.ts';
import type { Pair } from './api.ts';
import {
  DocumentCheck,
  type DocumentedOperation,
  type OpenApi,
  operationsOf,
  type Received,
  sample,
  send,
  type Sent,
} from './api-document.ts';
import { beginStream } from './cluster.ts';
import { RtmpPeer } from './rtmp-peer.ts';
import { type RunningServer, startServer } from './server.ts';
import { until } from './wait.ts';

/** A secret that stands in nothing else, for every key of the configuration that is one. */
export const secrets: Readonly<Record<string, string>> = {
  'auth.secret': 'topsecret-of-addresses-0123456789',
  'auth.streamKeys': 'topsecret-stream-key',
  'auth.token.secret': 'topsecret-of-tokens-0123456789abcdef',
  'auth.publishers[].password': 'topsecret-of-encoders',
  'auth.jwt.secret': 'topsecret-of-the-api-0123456789',
  'auth.jwt.users[].password': 'topsecret-of-people',
  'metrics.token': 'topsecret-of-metrics',
  'notify.targets[].secret': 'topsecret-of-webhooks-0123456789abc',
  'notify.targets[].headers': 'topsecret-header',
};
const of = (key: string) => secrets[key] ?? '';

const config: NodeMediaServerConfig = {
  drainTimeoutMs: 0,
  trustedProxies: ['127.0.0.1'],
  metrics: { token: of('metrics.token') },
  notify: {
    targets: [
      {
        url: 'http://127.0.0.1:9/?key=topsecret-in-an-address',
        events: ['doneRecord'],
        secret: of('notify.targets[].secret'),
        headers: { Authorization: of('notify.targets[].headers') },
      },
    ],
  },
  auth: {
    publish: true,
    play: true,
    secret: of('auth.secret'),
    streamKeys: { [of('auth.streamKeys')]: '/live/keyed' },
    token: { secret: of('auth.token.secret') },
    publishers: [{ username: 'encoder', password: of('auth.publishers[].password') }],
    jwt: {
      secret: of('auth.jwt.secret'),
      users: [
        { username: 'admin', password: `${of('auth.jwt.users[].password')}-a`, role: 'admin' },
        { username: 'guest', password: `${of('auth.jwt.users[].password')}-g`, role: 'viewer' },
        { username: 'changer', password: `${of('auth.jwt.users[].password')}-c`, role: 'viewer' },
      ],
    },
  },
};

/** The schema of an operation's body. */
export const bodySchema = ({ requestBody }: DocumentedOperation) => requestBody?.content['application/json']?.schema;

/** Who may ask, as the document says. */
export function accessOf({ security, description }: DocumentedOperation): 'open' | 'viewer' | 'admin' {
  if (security.length === 0) return 'open';
  return description.includes('the role `admin`') ? 'admin' : 'viewer';
}

/** A whole server full of secrets, with a stream that is live and watched, and a client that knows its document. */
export class ApiDriver implements AsyncDisposable {
  readonly running: RunningServer;
  readonly folder: string;
  document!: OpenApi;
  operations: DocumentedOperation[] = [];
  /** Whatever was answered, with its headers. */
  readonly everything: string[] = [];
  /** What signed addresses were used with. */
  readonly signatures: string[] = [];
  #check!: DocumentCheck;
  #recordings: readonly string[] = [];
  readonly #peers: RtmpPeer[] = [];
  #address = 0;

  private constructor(running: RunningServer, folder: string) {
    this.running = running;
    this.folder = folder;
  }

  static async start(workers: number): Promise<ApiDriver> {
    const folder = mkdtempSync(join(tmpdir(), 'nms-openapi-'));
    const driver = new ApiDriver(await startServer({ workers, ...config }, folder), folder);
    await driver.#goLive();
    const reply = await driver.exchange({ method: 'GET', path: '/openapi.json' });
    assert.equal(reply.status, 200);
    driver.document = JSON.parse(reply.text);
    driver.operations = operationsOf(driver.document);
    driver.#check = new DocumentCheck(driver.document);
    return driver;
  }

  async #goLive(): Promise<void> {
    const { context } = this.running.server;
    const port = this.running.port('rtmp');
    const publisher = await new RtmpPeer('publish', `/live/${of('auth.streamKeys')}`, { port }).started();
    beginStream(publisher);
    const sign = signStream('play', '/live/keyed', Math.floor(Date.now() / 1000) + 600, of('auth.secret'));
    this.signatures.push(sign.split('-')[1]!);
    const player = await new RtmpPeer('play', `/live/keyed?sign=${sign}&hidden=topsecret-query`, { port }).started();
    this.#peers.push(publisher, player);
    await until(() => context.streams.get('/live/keyed')?.tracks.length === 2, 'the stream');
  }

  /** Each request comes from another client: limits by address are the subject of other tests. */
  async exchange(sent: Sent): Promise<Received> {
    const from = `127.1.${Math.floor(this.#address / 250)}.${(this.#address++ % 250) + 1}`;
    const received = await send(this.running.port('http'), sent, from);
    this.everything.push(received.text, JSON.stringify(received.headers));
    return received;
  }

  passwordOf(username: string): string {
    return `${of('auth.jwt.users[].password')}-${username[0]}`;
  }

  async enter(username: 'admin' | 'guest' | 'changer'): Promise<Pair> {
    const body = JSON.stringify({ username, password: this.passwordOf(username) });
    const headers = { 'Content-Type': 'application/json' };
    const reply = await this.exchange({ method: 'POST', path: '/login', headers, body });
    assert.equal(reply.status, 200, reply.text);
    return JSON.parse(reply.text).data;
  }

  async login(username: 'admin' | 'guest'): Promise<string> {
    return (await this.enter(username)).token;
  }

  /** What fits: of what is live where the name says so, otherwise made up from the schema. */
  #rightParameter(name: string, operation: DocumentedOperation): string {
    const { operationId, path, method, parameters } = operation;
    if (name === 'app') return 'live';
    if (name === 'name') return 'keyed';
    if (name === 'id' && operationId === 'removeRecord') return this.#recordings[0] ?? 'none';
    if (name === 'id' && path.startsWith('/records') && method === 'GET') return this.#recordings[1] ?? 'none';
    if (name === 'id') return [...this.running.server.context.sessions.keys()].at(-1) ?? 'none';
    return String(sample(parameters!.find((parameter) => parameter.name === name)!.schema, this.document));
  }

  /** Leaves two recordings behind, one of which may be removed. */
  async recordTwice(): Promise<void> {
    const headers = { Authorization: `Bearer ${await this.login('admin')}` };
    for (let i = 0; i < 2; i++) {
      for (const method of ['POST', 'DELETE']) {
        const reply = await this.exchange({ method, path: '/streams/live/keyed/record', headers });
        assert.equal(reply.status, 200, reply.text);
      }
    }
    const { items } = JSON.parse((await this.exchange({ method: 'GET', path: '/records', headers })).text).data;
    this.#recordings = items.map(({ id }: { readonly id: string }) => id);
    assert.equal(this.#recordings.length, 2);
  }

  pathOf(operation: DocumentedOperation, over: Readonly<Record<string, string>> = {}): string {
    const right = (name: string) => encodeURIComponent(this.#rightParameter(name, operation));
    return operation.path.replace(/\{(\w+)\}/g, (_, name: string) => over[name] ?? right(name));
  }

  request(operation: DocumentedOperation, token: string | null, over: Partial<Sent> = {}): Sent {
    const schema = bodySchema(operation);
    const body = schema === undefined ? undefined : JSON.stringify(sample(schema, this.document));
    return {
      method: operation.method,
      path: this.pathOf(operation),
      body,
      ...over,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...over.headers,
      },
    };
  }

  /** Sends it, and checks what comes against the document. */
  async drive(operation: DocumentedOperation, sent: Sent, what: string): Promise<Received> {
    const received = await this.exchange(sent);
    const title = `${operation.operationId} (${what}, ${sent.method} ${sent.path.slice(0, 100)})`;
    this.#check.answer(operation, received, title);
    assert.ok(received.status < 500 || received.status === 503, `${title}: ${received.status} ${received.text}`);
    return received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.leave();
    await this.running.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
