import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { Cluster } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import { until } from '../support/wait.ts';
import { ask, RawClient, type Reply } from '../support/web.ts';

const auth = { jwt: { secret: 'a secret of the test', users: [{ username: 'admin', password: 'right' }] } };
const PATH = '/live/a';

interface Listed {
  readonly id: string;
  readonly ip: string;
}

/** An API client whose connection stays in one worker. */
class ApiClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;
  #token = '';

  constructor(port: number) {
    this.#port = port;
  }

  ask(path: string, method = 'GET', body?: object): Promise<Reply> {
    return ask(this.#port, `/api/v1${path}`, {
      method,
      agent: this.#agent,
      headers: {
        ...(this.#token === '' ? {} : { Authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async signIn(): Promise<this> {
    const reply = await this.ask('/login', 'POST', { username: 'admin', password: 'right' });
    assert.equal(reply.status, 200, reply.text);
    this.#token = JSON.parse(reply.text).data.token;
    return this;
  }

  async sessions(): Promise<Listed[]> {
    return JSON.parse((await this.ask('/sessions')).text).data.sessions;
  }

  close(): void {
    this.#agent.destroy();
  }
}

describe('the API, page and files behind several workers', () => {
  let cluster: Cluster;
  const clients: ApiClient[] = [];
  before(async () => {
    cluster = await Cluster.start({ auth, https: { port: 0 } });
    // One stays in worker 1, the other in worker 2.
    for (let i = 0; i < 2; i++) clients.push(await new ApiClient(cluster.port('http')).signIn());
  });
  after(async () => {
    for (const client of clients) client.close();
    await cluster[Symbol.asyncDispose]();
  });

  test('lists are complete and the same from any worker', async () => {
    const publisher = await cluster.publish();
    publisher.send('video', 0, bodies.avcConfig);
    publisher.send('video', 0, bodies.key());
    const players = [await cluster.play(), await cluster.play()];
    assert.deepEqual(new Set([publisher, ...players].map((peer) => cluster.workerOfPeer(peer))), new Set([1, 2]));
    await until(() => cluster.context.streams.get(PATH)?.tracks.length === 1, 'the tracks');
    for (const client of clients) {
      const { streams, total } = JSON.parse((await client.ask('/streams')).text).data;
      assert.equal(total, 1);
      const [stream] = streams;
      assert.deepEqual(
        [stream.key, stream.status, stream.subscribers, stream.publisher.id, stream.tracks[0].codec],
        [PATH, 'publishing', 2, cluster.sessionOf(publisher).id, 'avc'],
      );
      const listed = await client.sessions();
      assert.deepEqual(
        listed.map(({ id }) => id).sort(),
        [publisher, ...players].map((peer) => cluster.sessionOf(peer).id).sort(),
      );
    }
    for (const peer of [publisher, ...players]) peer.leave();
    await until(() => cluster.sessions.length === 0, 'all have left');
  });

  test('a session is kicked from the worker that does not have it', async () => {
    const publisher = await cluster.publish();
    const worker = cluster.workerOfPeer(publisher);
    const { id } = cluster.sessionOf(publisher);
    const reply = await clients[2 - worker]!.ask(`/sessions/${id}`, 'DELETE');
    assert.equal(reply.status, 200, reply.text);
    await until(() => publisher.isClosed, 'the end');
    const session = cluster.sessionOf(publisher);
    await until(() => cluster.toldOf(session).includes('donePublish'), 'donePublish');
    assert.deepEqual(cluster.toldOf(session), ['prePublish', 'postPublish', 'donePublish']);
    assert.equal(session.closeReason?.message, 'closed by the operator');
    assert.equal((await clients[0]!.ask(`/sessions/${id}`, 'DELETE')).status, 404);
    assert.equal((await clients[1]!.ask('/sessions/none', 'DELETE')).status, 404);
  });

  test('the application sees the address of the client, whatever he says he is', async () => {
    const headers = { 'x-nms-peer': '0 tcp 1 192.0.2.1', 'x-forwarded-for': '192.0.2.1' };
    const reply = await ask(cluster.port('http'), '/api/v1/streams', { headers });
    assert.equal(reply.status, 401);
    const line = cluster.running.lines.findLast(({ message }) => message.startsWith('API: UNAUTHORIZED'));
    assert.equal(line?.fields['ip'], '127.0.0.1');
    assert.equal(line?.fields['worker'], undefined);
  });

  test('attempts to sign in are counted over all workers', async () => {
    const attempt = () => ask(cluster.port('http'), '/api/v1/login', { method: 'POST' });
    const codes: number[] = [];
    while (codes.length < 12) codes.push((await attempt()).status);
    // Two of the ten were used when the clients signed in.
    assert.deepEqual(codes, [...Array.from({ length: 8 }, () => 400), 429, 429, 429, 429]);
  });

  test('who may not ask hears so before he has sent his body, and what he sends of it is not in the way of his next request', async () => {
    const bytes = 1_000_000;
    const head = ['POST /api/v1/logout HTTP/1.1', 'Host: a', 'Content-Type: application/json'];
    const early = RawClient.open(cluster.port('http'), ...head, `Content-Length: ${bytes}`);
    await early.answered();
    assert.equal(early.status, 401);
    early.socket.write(Buffer.alloc(bytes));
    early.send('GET /api/v1/health HTTP/1.1', 'Host: a', 'Connection: close');
    const atOnce = RawClient.open(cluster.port('http'), ...head, `Content-Length: ${bytes}`);
    atOnce.socket.write(Buffer.alloc(bytes));
    atOnce.send('GET /api/v1/health HTTP/1.1', 'Host: a', 'Connection: close');
    for (const client of [early, atOnce]) {
      await client.closed();
      const statuses = [...client.received.toString('latin1').matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code);
      assert.deepEqual(statuses, ['401', '200']);
    }
  });

  test('bodies, methods, unknown addresses and broken requests are answered as in one process', async () => {
    const port = cluster.port('http');
    const post = (path: string, body: string) =>
      ask(port, `/api/v1${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
    assert.equal((await post('/refresh', '{')).status, 400);
    assert.equal((await post('/refresh', `"${'x'.repeat(20_000)}"`)).status, 413);
    assert.equal((await post('/sessions', `"${'x'.repeat(200_000)}"`)).status, 405);
    assert.equal((await ask(port, '/nothing')).text, 'There is nothing here.\n');
    const options = await ask(port, '/api/v1/streams', { method: 'OPTIONS' });
    assert.deepEqual([options.status, options.headers['allow']], [204, 'GET, HEAD, OPTIONS']);
    const head = await ask(port, '/', { method: 'HEAD' });
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.ok(Number(head.headers['content-length']) > 0);
  });

  test('the page is served with its conditions, and a file is not sent twice', async () => {
    const port = cluster.port('http');
    const page = await ask(port, '/', { headers: { Host: 'example.org' } });
    assert.equal(page.status, 200);
    assert.match(String(page.headers['content-security-policy']), /ws:\/\/example\.org wss:\/\/example\.org/);
    const headers = { 'If-None-Match': String(page.headers.etag) };
    assert.equal((await ask(port, '/', { headers })).status, 304);
  });

  test('a client that has said all it has to say still gets its answer', async () => {
    const client = RawClient.open(cluster.port('http'));
    client.socket.end('GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.closed();
    assert.equal(client.status, 200);
    assert.match(client.body.toString(), /"status":"ok"/);
  });

  test('a client of HTTP/1.0 need not name a host', async () => {
    const client = RawClient.open(cluster.port('http'), 'GET /api/v1/health HTTP/1.0');
    await client.closed();
    assert.equal(client.status, 200);
    assert.match(client.body.toString(), /"status":"ok"/);
  });

  test('over HTTP/2 too', async () => {
    const session = connectHttp2(`https://127.0.0.1:${cluster.port('https')}`, { rejectUnauthorized: false });
    const stream = session.request({ ':path': '/api/v1/health' });
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await new Promise((done) => stream.on('end', done));
    session.close();
    assert.equal(JSON.parse(text).data.status, 'ok');
  });

  test('HEAD of a stream that another worker has is 200', async () => {
    const publisher = await cluster.publish();
    for (let i = 0; i < 2; i++) {
      assert.equal((await ask(cluster.port('http'), `${PATH}.flv`, { method: 'HEAD' })).status, 200);
      await cluster.fill();
    }
    assert.equal((await ask(cluster.port('http'), '/live/none.flv', { method: 'HEAD' })).status, 404);
    publisher.leave();
  });
});
