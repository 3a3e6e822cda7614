import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import WebSocket from 'ws';
import { CapsEx } from '../../src/protocols/rtmp/peer-capabilities.ts';
import { defineServer, NodeMediaServer, type NodeMediaServerConfig, servers } from '../../src/index.ts';
import { http } from '../../src/servers/http/index.ts';
import { beginStream } from '../support/cluster.ts';
import { type LogLine, recordingLogger } from '../support/house.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { ask, beginning, HttpPublisherClient, RawClient, readChunks, readFlv } from '../support/web.ts';

const ASKED = 'NetConnection.Connect.ReconnectRequest';
const SHUTDOWN = 'NetConnection.Connect.AppShutdown';
const UNPUBLISHED = 'NetStream.Play.UnpublishNotify';
const reconnects = { capsEx: CapsEx.reconnect };

class Lab {
  readonly running: RunningServer;
  readonly #sockets: Socket[] = [];

  private constructor(t: TestContext, running: RunningServer, folder: string) {
    this.running = running;
    t.after(async () => {
      for (const socket of this.#sockets) socket.destroy();
      await running.server.stop({ timeoutMs: 0 });
      rmSync(folder, { recursive: true, force: true });
    });
  }

  static async start(t: TestContext, config: NodeMediaServerConfig = {}): Promise<Lab> {
    const folder = mkdtempSync(join(tmpdir(), 'nms-drain-'));
    return new Lab(t, await startServer(config, folder), folder);
  }

  get server() {
    return this.running.server;
  }

  get messages(): string[] {
    return this.running.lines.map(({ message }) => message);
  }

  enter(mode: 'publish' | 'play', options: { capsEx?: number } = {}, path = '/live/a'): Promise<RtmpPeer> {
    const peer = new RtmpPeer(mode, path, { port: this.running.port('rtmp'), ...options });
    this.#sockets.push(peer.socket);
    return peer.started();
  }

  connect(name: 'rtmp' | 'http'): Socket {
    const socket = connect(this.running.port(name), '127.0.0.1');
    this.#sockets.push(socket);
    return socket;
  }
}

/** What came after the answer to publish or play. */
const told = (peer: RtmpPeer) =>
  peer.codes.filter((code) => !/(Start|Reset|Notify)$/.test(code) || code === UNPUBLISHED);
const labels = (peer: RtmpPeer) => peer.packets.map(({ data }) => /label\d+/.exec(data.toString('latin1'))?.[0] ?? '');

describe('a server that stops', () => {
  test('tells a publisher that it goes, and players of his stream that it ended, after all of its media', async (t) => {
    const lab = await Lab.start(t);
    const [publisher, player] = [await lab.enter('publish'), await lab.enter('play')];
    beginStream(publisher);
    await until(() => player.packets.length > 2, 'media');
    for (let i = 1; i <= 50; i++) publisher.send('video', 40 * i, bodies.inter(`label${i}`));
    await until(() => labels(player).includes('label50'), 'everything has come in');
    publisher.send('video', 2040, bodies.inter('label51'));
    const gop = lab.server.context.broadcasts.get('/live/a')!.gop;
    const known = gop.size;
    await until(() => gop.size > known, 'one more has come in, and nobody has seen it yet');
    await lab.server.stop();
    await until(() => publisher.isClosed && player.isClosed, 'both are closed');
    assert.deepEqual(told(publisher), [SHUTDOWN]);
    assert.deepEqual(told(player), [UNPUBLISHED, SHUTDOWN]);
    assert.equal(player.events.find(({ kind }) => kind === 'end')?.kind, 'end');
    assert.equal(labels(player).at(-1), 'label51');
    const status = publisher.events.find((event) => event.kind === 'status' && event.code === SHUTDOWN);
    assert.deepEqual(status?.kind === 'status' && [status.level, status.description], [
      'error',
      'the server is stopping',
    ]);
  });

  test('asks those who announced Reconnect to leave, and serves them until they do', async (t) => {
    const lab = await Lab.start(t);
    const publisher = await lab.enter('publish', reconnects);
    beginStream(publisher);
    const [player, plain] = [await lab.enter('play', reconnects), await lab.enter('play')];
    await until(() => player.packets.length > 2 && plain.packets.length > 2, 'media');
    const stopping = lab.server.stop({ timeoutMs: 60_000 });
    await until(() => plain.isClosed, 'the other player is out');
    assert.deepEqual(told(plain), [UNPUBLISHED, SHUTDOWN]);
    publisher.send('video', 40, bodies.key('label1'));
    await until(() => labels(player).includes('label1'), 'media after the beginning of the end');
    assert.equal(lab.server.state, 'stopping');
    assert.deepEqual([told(publisher), told(player)], [[ASKED], [ASKED]]);
    publisher.leave();
    await stopping;
    await until(() => player.isClosed, 'nothing is left to stay for');
    assert.deepEqual(told(player), [ASKED, UNPUBLISHED]);
    assert.ok(lab.messages.includes('peers were asked to leave by themselves: 2'));
  });

  test('sends nobody back to a stream that has ended: a player who announced Reconnect is asked, told, and closed', async (t) => {
    const lab = await Lab.start(t);
    beginStream(await lab.enter('publish'));
    const player = await lab.enter('play', reconnects);
    await lab.server.stop({ timeoutMs: 60_000 });
    await until(() => player.isClosed, 'it is closed');
    assert.deepEqual(told(player), [ASKED, UNPUBLISHED]);
  });

  test('closes those who were asked and stay when their time is over, and says how many', async (t) => {
    const lab = await Lab.start(t, { drainTimeoutMs: 100 });
    const done: string[] = [];
    lab.server.on('donePublish', ({ endReason }) => void done.push(String(endReason?.message)));
    const publisher = await lab.enter('publish', reconnects);
    await lab.server.stop();
    await until(() => publisher.isClosed, 'it is closed');
    assert.deepEqual(told(publisher), [ASKED]);
    assert.deepEqual(done, ['the server is stopping']);
    assert.ok(lab.messages.includes('peers that were asked to leave are cut: 1'));
    assert.equal(lab.server.state, 'stopped');
  });

  test('does not wait with a time of 0, and refuses a time that is none', async (t) => {
    const lab = await Lab.start(t);
    const publisher = await lab.enter('publish', reconnects);
    await assert.rejects(lab.server.stop({ timeoutMs: -1 }), /timeoutMs is -1; 0 or more is allowed/);
    await assert.rejects(lab.server.stop({ timeoutMs: Number.NaN }), RangeError);
    assert.equal(lab.server.state, 'running');
    await lab.server.stop({ timeoutMs: 0 });
    await until(() => publisher.isClosed, 'it is closed');
    assert.deepEqual(told(publisher), [ASKED]);
  });

  test('cuts a player that takes nothing of what waits for it', async (t) => {
    const lab = await Lab.start(t);
    const publisher = await lab.enter('publish');
    beginStream(publisher);
    const player = RawClient.open(lab.running.port('http'), 'GET /live/a.flv HTTP/1.1', 'Host: a');
    await until(() => player.body.length > 100, 'media');
    player.socket.pause();
    const session = () => [...lab.server.context.sessions.values()].find(({ role }) => role === 'player');
    const large = Buffer.concat([bodies.inter(), Buffer.alloc(500_000)]);
    let ms = 0;
    while ((session()?.backlogBytes ?? 0) < 1_000_000) {
      publisher.send('video', (ms += 40), large);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await lab.server.stop();
    player.socket.resume();
    await player.closed();
    assert.equal(readChunks(player.body).isComplete, false);
  });

  test('lets nobody in while others are still served: not at the door, not to publish, not to play', async (t) => {
    const lab = await Lab.start(t);
    const publisher = await lab.enter('publish', reconnects);
    const port = lab.running.port('rtmp');
    const early = lab.connect('rtmp');
    const entered = lab.server.context.sessions.size;
    await until(() => lab.server.context.sessions.size > entered, 'a connection without a word');
    const stopping = lab.server.stop({ timeoutMs: 60_000 });
    assert.equal(lab.server.listeners.length, 0);
    const late = new RtmpPeer('publish', '/live/late', { port });
    await until(() => late.isClosed, 'the door is shut');
    assert.equal((late.error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    const knocking = new RtmpPeer('publish', '/live/b', { port, socket: early });
    await until(() => knocking.isClosed, 'the answer to connect');
    const failed = knocking.events.find(({ kind }) => kind === 'failed');
    assert.deepEqual(failed, {
      kind: 'failed',
      code: 'NetConnection.Connect.Rejected',
      description: 'the server is stopping',
    });
    publisher.leave();
    await stopping;
  });

  test('tells one whose publish is being decided, and forgets the decision', async (t) => {
    const lab = await Lab.start(t);
    const held = Promise.withResolvers<void>();
    lab.server.on('prePublish', () => held.promise);
    const asking = lab.enter('publish');
    await until(() => [...lab.server.context.sessions.values()].some(({ streamPath }) => streamPath !== ''), 'it asks');
    await lab.server.stop();
    const peer = await asking;
    await until(() => peer.isClosed, 'it is closed');
    assert.deepEqual(peer.codes, ['NetStream.Publish.Rejected', SHUTDOWN]);
    held.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(lab.server.context.broadcasts.size, 0);
  });

  test('ends HTTP bodies properly, WebSockets with 1001, and answers publishers over HTTP with 503', async (t) => {
    const lab = await Lab.start(t, { https: { port: 0 } });
    const http = lab.running.port('http');
    const publisher = new HttpPublisherClient(http, '/live/a.flv');
    publisher.write(beginning());
    await until(() => lab.server.context.broadcasts.get('/live/a')?.areTracksKnown === true, 'it is live');
    const player = RawClient.open(http, 'GET /live/a.flv HTTP/1.1', 'Host: a');
    const old = RawClient.open(http, 'GET /live/a.flv HTTP/1.0');
    const waiting = RawClient.open(http, 'GET /live/b.flv HTTP/1.1', 'Host: a');
    const sockets = ['a', 'b'].map((name) => new WebSocket(`ws://127.0.0.1:${http}/live/${name}.flv`));
    const codes: string[] = [];
    for (const socket of sockets) socket.on('close', (code, reason) => codes.push(`${code} ${reason.toString()}`));
    const client = connectHttp2(`https://127.0.0.1:${lab.running.port('https')}`, { rejectUnauthorized: false });
    t.after(() => client.destroy());
    let goAway = -1;
    client.on('goaway', (code) => {
      goAway = code;
    });
    const stream = client.request({ ':path': '/live/a.flv' });
    const bytes: Buffer[] = [];
    let isEnded = false;
    stream
      .on('data', (chunk: Buffer) => bytes.push(chunk))
      .on('end', () => {
        isEnded = true;
      });
    const posting = client.request({ ':path': '/live/c.flv', ':method': 'POST' });
    posting.write(beginning());
    const status = new Promise((resolve) => posting.on('response', (headers) => resolve(headers[':status'])));
    posting.on('error', () => {});
    posting.resume();
    await until(() => player.body.length > 200 && old.body.length > 200 && Buffer.concat(bytes).length > 200, 'media');
    await until(() => lab.server.context.sessions.size === 8, 'everybody is here');
    await lab.server.stop();
    for (const raw of [player, old, waiting]) await raw.closed();
    const { chunks, isComplete } = readChunks(player.body);
    assert.equal(isComplete, true);
    assert.equal(readFlv(Buffer.concat(chunks)).rest, 0);
    assert.deepEqual([old.isEnded, readFlv(old.body).rest], [true, 0]);
    assert.deepEqual([waiting.status, waiting.header('Connection')], [503, 'close']);
    const reply = await publisher.answer;
    assert.deepEqual([reply.status, JSON.parse(reply.text).code], [503, 'NMS_CLOSED']);
    await until(() => codes.length === 2 && isEnded && client.closed, 'all are told');
    assert.deepEqual(codes.sort(), ['1001 the server is stopping', '1001 the stream ended']);
    assert.equal(readFlv(Buffer.concat(bytes)).rest, 0);
    assert.deepEqual([await status, goAway], [503, 0]);
  });

  test('answers requests that have come, keeps no connection for another, and lets no media begin', async (t) => {
    const slow = Promise.withResolvers<void>();
    const part = defineServer({
      name: 'slow',
      sections: {},
      create: (context) => {
        const handler: RequestListener = (_request, response) => {
          void slow.promise.then(() => response.end('in the end'));
        };
        context.routes.push({ path: '/slow', handler });
        return { run: async () => {}, stop: async () => {} };
      },
    });
    const config = { bind: '127.0.0.1', http: { port: 0 } };
    const server = new NodeMediaServer(config, {
      servers: [...servers.filter(({ name }) => name === 'flv'), part, http],
    });
    t.after(() => server.stop());
    await server.run();
    const port = server.listeners[0]!.port;
    const asking = RawClient.open(port, 'GET /slow HTTP/1.1', 'Host: a');
    const [half, other] = [RawClient.open(port), RawClient.open(port)];
    half.socket.write('GET /live/a.flv HTTP/1.1\r\nHost: a\r\n');
    other.socket.write('HEAD /live/a.flv HTTP/1.1\r\nHost: a\r\n');
    await until(() => server.context.connections.total === 3, 'three connections');
    // A whole exchange on another connection: what these wrote before it has been read.
    await ask(port, '/nothing');
    const stopping = server.stop({ timeoutMs: 60_000 });
    for (const client of [half, other]) client.socket.write('\r\n');
    for (const client of [half, other]) {
      await client.closed();
      assert.deepEqual([client.status, client.header('Connection')], [503, 'close']);
    }
    assert.equal(server.state, 'stopping');
    assert.equal(asking.hasHead, false);
    slow.resolve();
    await stopping;
    await asking.closed();
    assert.deepEqual([asking.status, asking.header('Connection')], [200, 'close']);
    assert.match(asking.body.toString(), /in the end/);
  });

  test('cuts a request that is never answered when the time is over, and says so', async (t) => {
    const part = defineServer({
      name: 'never',
      sections: {},
      create: (context) => {
        context.routes.push({ path: '/never', handler: () => {} });
        return { run: async () => {}, stop: async () => {} };
      },
    });
    const lines: LogLine[] = [];
    const config = { bind: '127.0.0.1', http: { port: 0 } };
    const server = new NodeMediaServer(config, { servers: [part, http], logger: recordingLogger(lines) });
    t.after(() => server.stop());
    await server.run();
    const asking = RawClient.open(server.listeners[0]!.port, 'GET /never HTTP/1.1', 'Host: a');
    await until(() => server.context.connections.total === 1, 'the connection');
    await ask(server.listeners[0]!.port, '/nothing');
    await server.stop({ timeoutMs: 50 });
    await asking.closed();
    assert.equal(asking.hasHead, false);
    assert.ok(lines.some(({ message }) => message === 'requests are cut without an answer: 1'));
  });
});
