import assert from 'node:assert/strict';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import WebSocket from 'ws';
import { ClosedError } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { until } from '../support/wait.ts';
import {
  beginning,
  inter,
  publishStream,
  RawClient,
  readChunks,
  readFlv,
  startWeb,
  tag,
  type WebHouse,
} from '../support/web.ts';

interface Answer {
  readonly stream: ClientHttp2Stream;
  headers: IncomingHttpHeaders & { ':status'?: number | undefined };
  bytes: Buffer;
  isEnded: boolean;
  isClosed: boolean;
}

interface SecureHouse extends WebHouse {
  readonly client: ClientHttp2Session;
  ask(headers: Record<string, string>): Answer;
}

async function startSecure(config: Parameters<typeof startWeb>[0] = {}): Promise<SecureHouse> {
  const folder = await mkdtemp(join(tmpdir(), 'nms-http2-'));
  const house = await startWeb({ https: { port: 0 }, ...config }, folder);
  const client = connect(`https://127.0.0.1:${house.securePort}`, { rejectUnauthorized: false });
  client.on('error', () => {});
  return {
    ...house,
    client,
    ask: (headers) => {
      const stream = client.request(headers, { endStream: !['POST', 'PUT'].includes(headers[':method'] ?? 'GET') });
      const answer: Answer = { stream, headers: {}, bytes: Buffer.alloc(0), isEnded: false, isClosed: false };
      stream.on('response', (received) => {
        answer.headers = received;
      });
      stream.on('data', (chunk: Buffer) => {
        answer.bytes = Buffer.concat([answer.bytes, chunk]);
      });
      stream.on('end', () => {
        answer.isEnded = true;
      });
      stream.on('close', () => {
        answer.isClosed = true;
      });
      stream.on('error', () => {});
      return answer;
    },
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      await house.server.stop();
    },
  };
}

const tagsOf = (answer: Answer) => (answer.bytes.length < 13 ? [] : readFlv(answer.bytes).tags);

describe('HTTP-FLV over HTTP/2 and TLS', () => {
  test('of a crowd, who is still there when it is his turn is served, and who reset his stream is not', async () => {
    await using house = await startSecure();
    await publishStream(house);
    const waiting: (() => void)[] = [];
    Object.assign(house.context.turns, { take: () => new Promise<void>((resolve) => waiting.push(resolve)) });
    const [stays, leaves] = [house.ask({ ':path': '/live/a.flv' }), house.ask({ ':path': '/live/a.flv' })];
    await until(() => waiting.length === 2, 'both have asked');
    leaves.stream.close(constants.NGHTTP2_CANCEL);
    await until(() => leaves.isClosed, 'one has left');
    // What came before an answer on the same connection has been read.
    const other = house.ask({ ':method': 'OPTIONS', ':path': '/live/a.flv' });
    await until(() => other.isClosed, 'the server knows');
    for (const resolve of waiting.splice(0)) resolve();
    await until(() => stays.bytes.includes(bodies.key('key 0')), 'the first picture');
    assert.equal([...house.context.sessions.values()].filter((session) => !session.isPublisher).length, 1);
    assert.equal(waiting.length, 0);
  });

  test('twenty players on one connection get the same live tags, and end with the stream', async () => {
    await using house = await startSecure();
    const publisher = await publishStream(house, '/live/a', 100);
    const players = Array.from({ length: 20 }, () => house.ask({ ':path': '/live/a.flv' }));
    await until(() => players.every((player) => tagsOf(player).length === 4), 'twenty beginnings');
    for (let i = 1; i <= 10; i++) publisher.write(inter(100 + 40 * i));
    await until(() => players.every((player) => tagsOf(player).length === 14), 'twenty times ten tags');
    assert.equal(players[0]?.headers[':status'], 200);
    assert.equal(players[0]?.headers['content-type'], 'video/x-flv');
    assert.equal(players[0]?.headers['transfer-encoding'], undefined);
    assert.equal(players[0]?.headers.connection, undefined);
    for (const player of players) assert.deepEqual(player.bytes, players[0]?.bytes);
    assert.equal(house.context.sessions.size, 21);
    await publisher.end();
    await until(() => players.every((player) => player.isEnded), 'twenty ends');
    assert.equal(house.context.sessions.size, 0);
  });

  test('one player leaves by a reset of its stream, while waiting and while playing; the others stay', async () => {
    await using house = await startSecure();
    const waiting = house.ask({ ':path': '/live/a.flv' });
    await until(() => house.context.sessions.size === 1, 'the session');
    waiting.stream.close(constants.NGHTTP2_CANCEL);
    await until(() => house.context.sessions.size === 0, 'the session is freed', 1000);
    await publishStream(house);
    const [leaver, other] = [house.ask({ ':path': '/live/a.flv' }), house.ask({ ':path': '/live/a.flv' })];
    await until(() => tagsOf(leaver).length === 4 && tagsOf(other).length === 4, 'both play');
    leaver.stream.close(constants.NGHTTP2_CANCEL);
    await until(() => house.context.sessions.size === 2, 'the session is freed', 1000);
    assert.equal(other.isClosed, false);
  });

  test('a lost connection frees every session on it', async () => {
    await using house = await startSecure();
    await publishStream(house);
    const players = Array.from({ length: 5 }, () => house.ask({ ':path': '/live/a.flv' }));
    await until(() => players.every((player) => tagsOf(player).length === 4), 'five players');
    house.client.destroy();
    await until(() => house.context.sessions.size === 1, 'the sessions are freed', 1000);
  });

  test('statuses come before any body: 404, 401, 400, 405, HEAD 200', async () => {
    await using house = await startSecure({ play: { waitMs: 0 } });
    const statusOf = async (headers: Record<string, string>) => {
      const answer = house.ask(headers);
      if (headers[':method'] === 'POST') answer.stream.end();
      await until(() => answer.isClosed, 'the answer');
      return answer.headers[':status'];
    };
    assert.equal(await statusOf({ ':path': '/live/a.flv' }), 404);
    assert.equal(await statusOf({ ':path': '/live/..%2f.flv' }), 400);
    assert.equal(await statusOf({ ':path': '/live/a.flv', ':method': 'DELETE' }), 405);
    assert.equal(await statusOf({ ':path': '/live/a.flv', ':method': 'HEAD' }), 404);
    assert.equal(await statusOf({ ':path': '/live/a.flv', ':method': 'OPTIONS' }), 204);
    await publishStream(house);
    assert.equal(await statusOf({ ':path': '/live/a.flv', ':method': 'HEAD' }), 200);
    await using guarded = await startSecure({ auth: { play: true, secret: 's' } });
    const refused = guarded.ask({ ':path': '/live/a.flv' });
    await until(() => refused.isEnded, 'the refusal');
    assert.equal(refused.headers[':status'], 401);
    assert.equal(JSON.parse(refused.bytes.toString()).code, 'NMS_DENIED');
  });

  test('a stream is published over HTTP/2 and answered at its end; a second one is 409', async () => {
    await using house = await startSecure();
    const publisher = house.ask({ ':path': '/live/a.flv', ':method': 'POST' });
    publisher.stream.write(beginning());
    await until(() => house.context.broadcasts.get('/live/a')?.gop.size === 1, 'the stream');
    const second = house.ask({ ':path': '/live/a.flv', ':method': 'POST' });
    await until(() => second.isClosed, 'the refusal');
    assert.equal(second.headers[':status'], 409);
    assert.equal(JSON.parse(second.bytes.toString()).code, 'NMS_BUSY');
    const player = house.ask({ ':path': '/live/a.flv' });
    publisher.stream.end(inter(40));
    await until(() => publisher.isEnded && player.isEnded, 'both ends');
    assert.equal(publisher.headers[':status'], 200);
    assert.equal(house.context.broadcasts.size, 0);
  });

  test('a reset of a publisher’s stream keeps its place', async () => {
    await using house = await startSecure();
    const publisher = house.ask({ ':path': '/live/a.flv', ':method': 'POST' });
    publisher.stream.write(beginning());
    await until(() => house.context.broadcasts.get('/live/a')?.gop.size === 1, 'the stream');
    // Not `close`, by which Node's client ends the body first.
    publisher.stream.destroy();
    await until(() => house.context.broadcasts.get('/live/a')?.status === 'reconnecting', 'the place is kept');
  });

  test('a player that reads nothing counts as behind by what waits for it, and a kicked one ends properly', async () => {
    await using house = await startSecure({ play: { maxBacklogBytes: 300_000 } });
    const publisher = await publishStream(house);
    const player = house.ask({ ':path': '/live/a.flv' });
    await until(() => tagsOf(player).length === 4, 'the beginning');
    player.stream.pause();
    const session = [...house.context.sessions.values()].find((one) => !one.isPublisher);
    for (let i = 1; i <= 40; i++) {
      publisher.write(tag('video', 40 * i, bodies.key('k'.repeat(50_000))));
    }
    await until(() => (session?.droppedFrames ?? 0) > 0, 'frames are left out');
    assert.ok((session?.backlogBytes ?? 0) >= 300_000);
    assert.ok((session?.backlogBytes ?? 0) < 1_000_000);
    player.stream.resume();
    await until(() => session?.backlogBytes === 0, 'the backlog is gone');
    session?.close(new ClosedError('kicked'));
    await until(() => player.isEnded, 'a proper end');
  });

  test('what is under way to a player counts once as waiting', async () => {
    await using house = await startSecure();
    const publisher = await publishStream(house);
    const player = house.ask({ ':path': '/live/a.flv' });
    await until(() => tagsOf(player).length === 4, 'the beginning');
    player.stream.pause();
    const session = [...house.context.sessions.values()].find((one) => !one.isPublisher);
    publisher.write(tag('video', 40, bodies.key('k'.repeat(2_000_000))));
    await until(() => (session?.backlogBytes ?? 0) > 1_000_000, 'something waits');
    assert.ok((session?.backlogBytes ?? 0) < 2_001_000, `${session?.backlogBytes} bytes wait`);
  });

  test('HTTP/1.1 and secure WebSockets work on the same port', async () => {
    await using house = await startSecure();
    const publisher = await publishStream(house);
    const player = new RawClient(connectTls({ port: house.securePort, host: '127.0.0.1', rejectUnauthorized: false }));
    player.send('GET /live/a.flv HTTP/1.1', 'Host: test');
    await player.answered();
    assert.equal(player.status, 200);
    const webSocket = new WebSocket(`wss://127.0.0.1:${house.securePort}/live/a`, { rejectUnauthorized: false });
    const messages: Buffer[] = [];
    webSocket.on('message', (data: Buffer) => messages.push(data));
    await until(() => messages.length >= 1 && readFlv(Buffer.concat(messages)).tags.length === 4, 'over the WebSocket');
    const protocols = [...house.context.sessions.values()].map((session) => session.protocol).toSorted();
    assert.deepEqual(protocols, ['http-flv', 'https-flv', 'wss-flv']);
    await publisher.end();
    await player.closed();
    assert.equal(readChunks(player.body).isComplete, true);
    await until(() => webSocket.readyState === WebSocket.CLOSED, 'the close');
  });
});
