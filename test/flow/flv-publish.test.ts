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

const CHUNKED = (path: string, ...more: string[]) => [
  `POST ${path} HTTP/1.1`,
  'Host: test',
  'Transfer-Encoding: chunked',
  ...more,
];
const chunk = (bytes: Buffer) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);

describe('HTTP-FLV: publish with POST and PUT', () => {
  test('a body sent byte by byte is published; its end ends the stream at once and is answered 200', async () => {
    for (const method of ['POST', 'PUT']) {
      await using house = await startWeb();
      const done: string[] = [];
      house.server.on('donePublish', (session) => void done.push(session.streamPath));
      const publisher = new HttpPublisherClient(house.port, '/live/a.flv', { method });
      const player = RawClient.open(house.port, 'GET /live/a.flv HTTP/1.1', 'Host: test');
      for (const byte of Buffer.concat([beginning(), inter(40)])) publisher.write(Buffer.of(byte));
      const tags = () => (player.hasHead ? readFlv(Buffer.concat(readChunks(player.body).chunks)).tags.length : 0);
      await until(() => player.body.length > 20 && tags() === 5, 'the stream');
      publisher.write(sound(41));
      const reply = await publisher.end();
      assert.equal(reply.status, 200);
      const inBytes = beginning().length + inter(40).length + sound(41).length;
      assert.deepEqual(JSON.parse(reply.text), {
        success: true,
        data: { streamPath: '/live/a', inBytes },
        message: 'The stream ended.',
      });
      await player.closed();
      assert.equal(tags(), 6);
      assert.deepEqual(done, ['/live/a']);
      assert.equal(house.context.broadcasts.size, 0);
    }
  });

  test('a body with a length is published as well', async () => {
    await using house = await startWeb();
    const reply = await ask(house.port, '/live/a.flv', { method: 'POST', body: beginning() });
    assert.equal(reply.status, 200);
  });

  test('a second publisher is 409 before it has sent a byte of its body, and the first goes on', async () => {
    await using house = await startWeb();
    const first = await publishStream(house);
    const told: string[] = [];
    house.server.on('prePublish', () => void told.push('prePublish'));
    const second = await RawClient.open(house.port, ...CHUNKED('/live/a.flv')).closed();
    assert.equal(second.status, 409);
    assert.equal(JSON.parse(second.body.toString()).code, 'NMS_BUSY');
    assert.deepEqual(told, []);
    assert.equal((await first.end()).status, 200);
  });

  test('a refused publisher gets its answer even while it is still sending', async () => {
    await using house = await startWeb();
    await publishStream(house);
    const second = RawClient.open(house.port, ...CHUNKED('/live/a.flv'));
    for (let i = 0; i < 50; i++) second.socket.write(chunk(Buffer.alloc(20_000)));
    await second.closed();
    assert.equal(second.status, 409);
  });

  test('permission: 401 without a signature, 403 for a play signature, 200 for the right one', async () => {
    await using house = await startWeb({ auth: { publish: true, secret: 's' } });
    const soon = Math.floor(Date.now() / 1000) + 60;
    const post = async (query: string) =>
      (await ask(house.port, `/live/a.flv${query}`, { method: 'POST', body: beginning() })).status;
    assert.equal(await post(''), 401);
    assert.equal(await post(`?sign=${signStream('play', '/live/a', soon, 's')}`), 403);
    assert.equal(await post(`?sign=${signStream('publish', '/live/a', soon, 's')}`), 200);
  });

  test('Expect: 100-continue is answered after permission, and not for a refused one', async () => {
    await using house = await startWeb();
    let admit = () => {};
    house.server.once(
      'prePublish',
      () =>
        new Promise<void>((resolve) => {
          admit = resolve;
        }),
    );
    const publisher = RawClient.open(house.port, ...CHUNKED('/live/a.flv', 'Expect: 100-continue'));
    await until(() => house.context.sessions.size === 1, 'the session');
    assert.equal(publisher.received.length, 0);
    admit();
    await publisher.answered();
    assert.equal(publisher.head, 'HTTP/1.1 100 Continue');
    const second = await RawClient.open(house.port, ...CHUNKED('/live/a.flv', 'Expect: 100-continue')).closed();
    assert.equal(second.status, 409);
    publisher.socket.write(chunk(beginning()));
    publisher.socket.write('0\r\n\r\n');
    await until(() => publisher.body.includes('HTTP/1.1 200 OK'), 'the answer');
    publisher.socket.destroy();
  });

  test('nothing is lost while a listener thinks, and nothing is read beyond the buffers', async () => {
    await using house = await startWeb();
    let admit = () => {};
    house.server.once(
      'prePublish',
      () =>
        new Promise<void>((resolve) => {
          admit = resolve;
        }),
    );
    const publisher = new HttpPublisherClient(house.port, '/live/a.flv');
    publisher.write(beginning(), ...Array.from({ length: 500 }, (_, i) => inter(40 + i)));
    await until(() => house.context.sessions.size === 1, 'the session');
    assert.equal(house.context.broadcasts.get('/live/a')?.gop.size, 0);
    admit();
    await until(() => house.context.broadcasts.get('/live/a')?.gop.size === 501, 'every frame');
    assert.equal((await publisher.end()).status, 200);
  });

  test('what is not FLV is 400, an empty body 400, a tag above the limit 413', async () => {
    await using house = await startWeb({ limits: { maxMessageBytes: 1000 }, publish: { graceMs: 0 } });
    const post = async (body: Buffer) => {
      const client = RawClient.open(house.port, ...CHUNKED('/live/a.flv'));
      if (body.length > 0) client.socket.write(chunk(body));
      client.socket.write('0\r\n\r\n');
      await client.closed();
      return [client.status, JSON.parse(client.body.toString()).code];
    };
    assert.deepEqual(await post(Buffer.from('GIF89a, not FLV')), [400, 'NMS_PROTOCOL_FLV']);
    assert.deepEqual(await post(Buffer.alloc(0)), [400, 'NMS_PROTOCOL_FLV']);
    const large = Buffer.concat([beginning(), Buffer.from([9, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0])]);
    assert.deepEqual(await post(large), [413, 'NMS_PROTOCOL_FLV']);
    assert.equal(house.context.sessions.size, 0);
  });

  test('a refusal reaches a client that is in the middle of a large body', async () => {
    await using house = await startWeb();
    for (const [head, status] of [
      [CHUNKED('/live/..%2fa.flv'), 400],
      [CHUNKED('/live/a.flv', 'Content-Encoding: br'), 415],
    ] as const) {
      const client = RawClient.open(house.port, ...head);
      for (let i = 0; i < 50; i++) client.socket.write(chunk(Buffer.alloc(20_000)));
      await client.closed();
      assert.equal(client.status, status);
      assert.equal(client.body.length, Number(client.header('content-length')));
    }
  });

  test('an encoded body is 415, one without length or chunks 411', async () => {
    await using house = await startWeb();
    const encoded = await RawClient.open(house.port, ...CHUNKED('/live/a.flv', 'Content-Encoding: gzip')).answered();
    assert.equal(encoded.status, 415);
    const none = await RawClient.open(house.port, 'POST /live/a.flv HTTP/1.1', 'Host: test').answered();
    assert.equal(none.status, 411);
    assert.equal(house.context.sessions.size, 0);
    encoded.socket.destroy();
    none.socket.destroy();
  });

  test('a body that breaks off keeps the place; one cut inside a tag that ends is a success', async () => {
    await using house = await startWeb();
    const publisher = await publishStream(house);
    publisher.request.destroy();
    await until(() => house.context.broadcasts.get('/live/a')?.status === 'reconnecting', 'the place is kept');
    const again = new HttpPublisherClient(house.port, '/live/a.flv');
    again.write(beginning(), inter(40).subarray(0, 20));
    assert.equal((await again.end()).status, 200);
    assert.equal(house.context.broadcasts.size, 0);
  });

  test('a FIN in the middle of the body is a dropped connection', async () => {
    await using house = await startWeb();
    const client = RawClient.open(house.port, ...CHUNKED('/live/a.flv'));
    client.socket.write(chunk(beginning()));
    await until(() => house.context.broadcasts.get('/live/a')?.gop.size === 1, 'the stream');
    client.socket.end();
    await until(() => house.context.broadcasts.get('/live/a')?.status === 'reconnecting', 'the place is kept');
  });

  test('a kicked publisher is answered 503 and its stream ends without grace', async () => {
    await using house = await startWeb();
    const client = RawClient.open(house.port, ...CHUNKED('/live/a.flv'));
    client.socket.write(chunk(beginning()));
    await until(() => house.context.broadcasts.get('/live/a')?.gop.size === 1, 'the stream');
    const [session] = house.context.sessions.values();
    session?.close(new ClosedError('closed by the operator'));
    await client.closed();
    assert.equal(client.status, 503);
    assert.equal(house.context.broadcasts.size, 0);
  });

  test('maxBytesPerSecond makes the publisher wait, and everything arrives', async () => {
    await using house = await startWeb({ publish: { maxBytesPerSecond: 4000 } });
    const publisher = new HttpPublisherClient(house.port, '/live/a.flv');
    const received = () => [...house.context.sessions.values()][0]?.inBytes;
    const first = Buffer.concat([beginning(), tag('video', 0, bodies.key('k'.repeat(6000)))]);
    publisher.write(first);
    await until(() => received() === first.length, 'the first piece');
    publisher.write(inter(40));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(received(), first.length);
    await until(() => received() === first.length + inter(40).length, 'the second, later');
    assert.equal((await publisher.end()).status, 200);
  });

  test('ten thousand bytes of pipelined garbage behind a body do no harm', async () => {
    await using house = await startWeb();
    const client = RawClient.open(house.port, ...CHUNKED('/live/a.flv'));
    client.socket.write(Buffer.concat([chunk(beginning()), Buffer.from('0\r\n\r\n'), Buffer.alloc(10_000, 1)]));
    await client.closed();
    assert.equal(house.context.sessions.size, 0);
  });
});
