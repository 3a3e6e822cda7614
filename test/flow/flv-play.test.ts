import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClosedError, signStream } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { until } from '../support/wait.ts';
import {
  ask,
  beginning,
  HttpPublisherClient,
  inter,
  publishStream,
  RawClient,
  readChunks,
  readFlv,
  sound,
  startWeb,
  tag,
} from '../support/web.ts';

const GET = (path: string, version = '1.1') => [`GET ${path} HTTP/${version}`, 'Host: test'];
const tagsOf = (client: RawClient) => readFlv(Buffer.concat(readChunks(client.body).chunks)).tags;
const summary = (tags: ReturnType<typeof tagsOf>) => tags.map(({ type, timestampMs }) => `${type} ${timestampMs}`);

describe('HTTP-FLV: play over HTTP/1', () => {
  test('a player gets one head, then header, metadata, configurations, the group and live tags, each in a valid chunk', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house, '/live/a', 1000);
    publisher.write(inter(1040), sound(1045));
    await until(() => house.context.broadcasts.get('/live/a')?.gop.size === 3, 'the group is cached');
    const player = await RawClient.open(house.port, ...GET('/live/a.flv')).answered();
    assert.equal(player.head.split('\r\n')[0], 'HTTP/1.1 200 OK');
    assert.equal(player.header('content-type'), 'video/x-flv');
    assert.equal(player.header('cache-control'), 'no-cache, no-store');
    assert.equal(player.header('pragma'), 'no-cache');
    assert.equal(player.header('access-control-allow-origin'), '*');
    assert.equal(player.header('transfer-encoding'), 'chunked');
    assert.equal(player.header('connection'), 'close');
    assert.equal(player.header('content-length'), undefined);
    assert.equal(player.header('x-powered-by'), undefined);
    await until(() => tagsOf(player).length === 6, 'what a newcomer gets');
    publisher.write(inter(1080), sound(1068));
    await until(() => tagsOf(player).length === 8, 'live tags');
    const { chunks, isComplete } = readChunks(player.body);
    assert.equal(isComplete, false);
    assert.equal(chunks[0]?.toString('hex'), '464c5601050000000900000000');
    const tags = tagsOf(player);
    assert.deepEqual(summary(tags), ['18 0', '8 1000', '9 1000', '9 1000', '9 1040', '8 1045', '9 1080', '8 1068']);
    assert.deepEqual(tags.at(1)?.body, bodies.aacConfig);
    assert.deepEqual(tags.at(2)?.body, bodies.avcConfig);
    assert.deepEqual(tags.at(3)?.body, bodies.key('key 1000'));
    assert.deepEqual(tags.at(6)?.body, bodies.inter('inter 1080'));
    player.socket.destroy();
  });

  test('the body ends with the last chunk when the publisher ends, and the connection with it', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house);
    const player = await RawClient.open(house.port, ...GET('/live/a.flv')).answered();
    assert.equal((await publisher.end()).status, 200);
    await player.closed();
    assert.equal(readChunks(player.body).isComplete, true);
    assert.equal(house.context.sessions.size, 0);
    assert.equal(house.context.broadcasts.size, 0);
  });

  test('an HTTP/1.0 player gets the plain bytes, ended by the end of the connection', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house);
    const player = await RawClient.open(house.port, 'GET /live/a.flv HTTP/1.0').answered();
    assert.equal(player.status, 200);
    assert.equal(player.header('transfer-encoding'), undefined);
    await until(() => player.body.length > 13 && readFlv(player.body).tags.length === 4, 'the beginning');
    await publisher.end();
    await player.closed();
    assert.deepEqual(readFlv(player.body), { ...readFlv(player.body), flags: 5, rest: 0 });
  });

  test('the absolute form of the address, as proxies send it, is understood', async () => {
    await using house = await startWeb();
    await publishStream(house);
    const player = await RawClient.open(house.port, ...GET('http://test/live/a.flv')).answered();
    assert.equal(player.status, 200);
    player.socket.destroy();
  });

  test('deeper apps, other scripts and dots are names; the suffix is taken off once', async () => {
    await using house = await startWeb();
    const path = '/a/b/камера.1.flv' as const;
    const publisher = new HttpPublisherClient(house.port, `${encodeURI(path)}.flv`);
    publisher.write(beginning());
    await until(() => house.context.broadcasts.get(path)?.status === 'publishing', 'the stream');
    assert.equal((await ask(house.port, `${encodeURI(path)}.flv`, { method: 'HEAD' })).status, 200);
    assert.equal((await publisher.end()).status, 200);
  });

  test('a player that comes first waits without an answer and begins with the stream', async () => {
    await using house = await startWeb();
    const player = RawClient.open(house.port, ...GET('/live/a.flv'));
    await until(() => house.context.sessions.size === 1, 'the session');
    assert.equal(player.received.length, 0);
    await publishStream(house);
    await player.answered();
    assert.equal(player.status, 200);
    await until(() => tagsOf(player).length === 4, 'the beginning');
    player.socket.destroy();
  });

  test('a player that leaves while it waits frees its session and the broadcast, by FIN and by reset', async () => {
    await using house = await startWeb({ play: { waitMs: -1 } });
    for (const leave of ['end', 'resetAndDestroy'] as const) {
      const player = RawClient.open(house.port, ...GET('/live/a.flv'));
      await until(() => house.context.sessions.size === 1, 'the session');
      player.socket[leave]();
      await until(() => house.context.sessions.size === 0, `the session is freed after ${leave}`, 1000);
      assert.equal(house.context.broadcasts.size, 0);
    }
  });

  test('a playing session is freed when its player leaves, and donePlay is told once', async () => {
    await using house = await startWeb();
    await publishStream(house);
    const told: string[] = [];
    house.server.on('donePlay', (session) => void told.push(session.protocol));
    const player = await RawClient.open(house.port, ...GET('/live/a.flv')).answered();
    player.socket.end();
    await until(() => house.context.sessions.size === 1, 'the session is freed', 1000);
    assert.deepEqual(told, ['http-flv']);
  });

  test('an absent stream is 404 as JSON when players do not wait', async () => {
    await using house = await startWeb({ play: { waitMs: 0 } });
    const player = await RawClient.open(house.port, ...GET('/live/a.flv')).closed();
    assert.equal(player.status, 404);
    assert.equal(player.header('access-control-allow-origin'), '*');
    const body = JSON.parse(player.body.toString());
    assert.deepEqual(body, { success: false, code: 'NMS_ABSENT', message: body.message, error: body.message });
    assert.equal(Number(player.header('content-length')), player.body.length);
  });

  test('a wait that ends without a stream is 404', async () => {
    await using house = await startWeb({ play: { waitMs: 50 } });
    const player = await RawClient.open(house.port, ...GET('/live/a.flv')).closed();
    assert.equal(player.status, 404);
  });

  test('permission: 401 without a signature, 403 with a wrong one, 200 with the right one', async () => {
    await using house = await startWeb({ auth: { play: true, secret: 's' } });
    await publishStream(house);
    const statusOf = async (query: string) => {
      const player = await RawClient.open(house.port, ...GET(`/live/a.flv${query}`)).answered();
      player.socket.destroy();
      return player.status;
    };
    const now = Math.floor(Date.now() / 1000);
    assert.equal(await statusOf(''), 401);
    assert.equal(await statusOf(`?sign=${signStream('play', '/live/a', now - 1, 's')}`), 403);
    assert.equal(await statusOf(`?sign=${signStream('publish', '/live/a', now + 60, 's')}`), 403);
    assert.equal(await statusOf(`?sign=${signStream('play', '/live/a', now + 60, 's')}`), 200);
    const head = await ask(house.port, '/live/a.flv', { method: 'HEAD' });
    assert.equal(head.status, 401);
    assert.equal(head.headers['www-authenticate'], 'Sign realm="stream"');
  });

  test('a prePlay listener that throws is 403, whatever it threw, and one that closes the session is 503', async () => {
    await using house = await startWeb();
    await publishStream(house);
    house.server.on('prePlay', (session) => {
      if (session.streamQuery['how'] === 'close') session.close(new ClosedError('no'));
      else throw new Error('not for players');
    });
    const thrown = await RawClient.open(house.port, ...GET('/live/a.flv')).closed();
    assert.equal(thrown.status, 403);
    assert.doesNotMatch(thrown.body.toString(), /not for players/);
    const closed = await RawClient.open(house.port, ...GET('/live/a.flv?how=close')).closed();
    assert.equal(closed.status, 503);
  });

  test('a kicked player sees a proper end, a slow one an incomplete body', async () => {
    await using house = await startWeb({ play: { maxBacklogBytes: 200_000, slowTimeoutMs: 1 } });
    const publisher = await publishStream(house);
    const player = await RawClient.open(house.port, ...GET('/live/a.flv')).answered();
    const session = [...house.context.sessions.values()].find((one) => !one.isPublisher);
    session?.close(new ClosedError('kicked'));
    await player.closed();
    assert.equal(readChunks(player.body).isComplete, true);

    const slow = await RawClient.open(house.port, ...GET('/live/a.flv')).answered();
    slow.socket.pause();
    let ms = 100;
    const feed = setInterval(() => {
      ms += 40;
      publisher.write(tag('video', ms, bodies.key('k'.repeat(400_000))));
    }, 5);
    await until(() => house.context.sessions.size === 1, 'the slow player is closed');
    clearInterval(feed);
    slow.socket.resume();
    await slow.closed();
    assert.equal(readChunks(slow.body).isComplete, false);
    assert.ok(house.lines.some(({ fields }) => fields['code'] === 'NMS_SLOW'));
  });

  test('filters: audio or video alone, by four spellings; header flags say so', async () => {
    await using house = await startWeb();
    await publishStream(house);
    const expected: [string, number, number[]][] = [
      ['?audio=0', 1, [18, 9, 9]],
      ['?onlyVideo', 1, [18, 9, 9]],
      ['?video=0', 4, [18, 8]],
      ['?onlyAudio=1', 4, [18, 8]],
    ];
    for (const [query, flags, types] of expected) {
      const player = await RawClient.open(house.port, ...GET(`/live/a.flv${query}`)).answered();
      const all = () => readFlv(Buffer.concat(readChunks(player.body).chunks));
      await until(() => readChunks(player.body).chunks.length >= types.length + 1, `tags of ${query}`);
      assert.equal(all().flags, flags, query);
      assert.deepEqual(
        all().tags.map(({ type }) => type),
        types,
        query,
      );
      player.socket.destroy();
    }
  });

  test('stray bytes after the request are borne up to a limit, then the connection is closed', async () => {
    await using house = await startWeb();
    await publishStream(house);
    const player = await RawClient.open(house.port, ...GET('/live/a.flv')).answered();
    player.socket.write(Buffer.alloc(16 * 1024, 'G'));
    player.socket.write('GET / HTTP/1.1\r\n\r\n');
    await player.closed();
    assert.equal(readChunks(player.body).isComplete, false);
    assert.ok(house.lines.some(({ fields }) => fields['code'] === 'NMS_PROTOCOL_HTTP'));
  });

  test('a second request in the same segment is not answered into the media', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house);
    const player = RawClient.open(house.port);
    player.socket.write('GET /live/a.flv HTTP/1.1\r\nHost: a\r\n\r\nGET /streams.json HTTP/1.1\r\nHost: a\r\n\r\n');
    await player.answered();
    await publisher.end();
    await player.closed();
    assert.equal(readChunks(player.body).isComplete, true);
    assert.equal(player.received.toString('latin1').split('HTTP/1.1 200').length, 2);
  });

  test('garbage in the same segment as the request puts nothing into the media', async () => {
    await using house = await startWeb();
    await publishStream(house);
    const player = RawClient.open(house.port);
    player.socket.write('GET /live/a.flv HTTP/1.1\r\nHost: a\r\n\r\n\x01\x02garbage\r\n\r\n');
    await player.closed();
    assert.doesNotMatch(player.received.toString('latin1'), /400/);
    await until(() => house.context.sessions.size === 1, 'the session is freed');
  });

  test('a stream asked for behind another request on one connection plays in its turn', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house);
    const player = RawClient.open(house.port);
    player.socket.write('GET /streams.json HTTP/1.1\r\nHost: a\r\n\r\nGET /live/a.flv HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => player.received.includes('video/x-flv'), 'the second answer');
    await publisher.end();
    await player.closed();
    const text = player.received.toString('latin1');
    assert.ok(text.indexOf('application/json') < text.indexOf('video/x-flv'));
    const media = player.received.subarray(
      player.received.indexOf('\r\n\r\n', player.received.indexOf('video/x-flv')) + 4,
    );
    assert.equal(readChunks(media).isComplete, true);
  });
});

describe('HTTP-FLV: the other methods, and names', () => {
  test('HEAD says 200 with the headers of the stream when it is live, 404 when it is not, and leaves no session', async () => {
    await using house = await startWeb();
    assert.equal((await ask(house.port, '/live/a.flv', { method: 'HEAD' })).status, 404);
    await publishStream(house);
    const reply = await ask(house.port, '/live/a.flv', { method: 'HEAD' });
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['content-type'], 'video/x-flv');
    assert.equal(reply.text, '');
    assert.equal(house.context.sessions.size, 1);
  });

  test('OPTIONS is 204 with what CORS asks for', async () => {
    await using house = await startWeb();
    const reply = await ask(house.port, '/live/a.flv', { method: 'OPTIONS', headers: { Origin: 'https://a.example' } });
    assert.equal(reply.status, 204);
    assert.equal(reply.headers['access-control-allow-origin'], '*');
    assert.equal(reply.headers['access-control-allow-methods'], 'GET, HEAD, OPTIONS, POST, PUT');
    assert.equal(reply.headers['content-length'], undefined);
  });

  test('other methods are 405 with Allow', async () => {
    await using house = await startWeb();
    for (const method of ['DELETE', 'PATCH', 'PROPFIND']) {
      const reply = await ask(house.port, '/live/a.flv', { method });
      assert.equal(reply.status, 405, method);
      assert.equal(reply.headers.allow, 'GET, HEAD, OPTIONS, POST, PUT');
    }
  });

  test('bad names are 400 before any session, for every method', async () => {
    await using house = await startWeb();
    const bad = [
      '/a.flv',
      '//a.flv',
      '/live//a.flv',
      '/live/.flv',
      '/live/..flv/.flv',
      '/../a.flv',
      '/live/%2e%2e.flv',
      '/live/..%2fa.flv',
      '/live/a%2Fb.flv',
      '/live/a%5cb.flv',
      '/live/a%00.flv',
      '/live/%E0%A4%A.flv',
      '/live/a%20b.flv',
      '/live/a%252fb.flv',
      `/live/${'a'.repeat(129)}.flv`,
      `${'/a'.repeat(10)}.flv`,
    ];
    for (const path of bad) {
      for (const method of ['GET', 'HEAD', 'POST']) {
        const headers: Record<string, string> = method === 'POST' ? { 'Content-Length': '0' } : {};
        const reply = await ask(house.port, path, { method, headers });
        assert.equal(reply.status, 400, `${method} ${path}`);
      }
    }
    assert.equal(
      house.lines.find(({ message }) => message === 'session created'),
      undefined,
    );
  });

  test('addresses of the API and the console are never streams', async () => {
    await using house = await startWeb();
    assert.equal((await ask(house.port, '/api/v1.flv')).status, 404);
    assert.equal((await ask(house.port, '/admin/a.flv')).status, 404);
    assert.equal(house.context.sessions.size, 0);
  });

  test('flv.origins: a page of another origin is refused, one of the list and a program are not', async () => {
    await using house = await startWeb({ flv: { origins: ['https://good.example'] }, play: { waitMs: 0 } });
    const from = async (origin?: string) =>
      (await ask(house.port, '/live/a.flv', { headers: origin === undefined ? {} : { Origin: origin } })).status;
    assert.equal(await from('https://bad.example'), 403);
    assert.equal(await from('https://good.example'), 404);
    assert.equal(await from(), 404);
  });
});
