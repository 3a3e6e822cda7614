import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { EventClient, startApiHouse } from '../support/api-house.ts';
import { beginStream } from '../support/cluster.ts';
import { until } from '../support/wait.ts';
import { RawClient } from '../support/web.ts';

const LIFE = ['sessionStart', 'prePublish', 'postPublish', 'donePublish', 'sessionEnd'];

for (const workers of [1, 2]) {
  describe(`API: events, ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    test('come at once, with an id, a name and the session without the secrets of its address', async () => {
      await using house = await startApiHouse({ workers });
      const reader = await house.events();
      assert.equal(reader.answer.statusCode, 200);
      assert.equal(reader.answer.headers['content-type'], 'text/event-stream; charset=utf-8');
      assert.equal(reader.answer.headers['cache-control'], 'no-cache, no-transform');
      await until(() => reader.text.startsWith('retry: 3000\n'), 'the first word');
      const publisher = await house.rtmp('publish', '/a/b/cam?sign=topsecret');
      const { localPort } = publisher.socket;
      beginStream(publisher);
      const { data } = await reader.has('postPublish');
      const player = await RawClient.open(house.port, 'GET /a/b/cam.flv?sign=topsecret HTTP/1.1', 'Host: a').answered();
      await reader.has('postPlay');
      player.socket.destroy();
      await reader.has('donePlay');
      publisher.leave();
      const done = await reader.has('donePublish');
      await until(() => reader.names.filter((name) => name === 'sessionEnd').length === 2, 'both ends');
      assert.deepEqual(
        reader.events.filter((event) => event.data.id === data.id).map(({ name }) => name),
        LIFE,
      );
      const { id, ip, createTime, at, userAgent, inBytes, ...rest } = data;
      assert.deepEqual(rest, {
        app: 'a/b',
        name: 'cam',
        streamPath: '/a/b/cam',
        protocol: 'rtmp',
        isPublisher: true,
        endTime: 0,
        outBytes: 0,
        user: '',
        droppedFrames: 0,
        playCount: 0,
        reason: null,
      });
      assert.deepEqual([typeof id, typeof userAgent, inBytes > 0, at >= createTime], ['string', 'string', true, true]);
      assert.equal(ip, `127.0.0.1:${localPort}`);
      assert.deepEqual(
        [done.data.reason.code, done.data.endTime >= createTime, done.data.playCount],
        ['NMS_END', true, 1],
      );
      const numbers = reader.events.map((event) => Number(event.id.split('-')[1]));
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => numbers[0]! + index),
      );
      assert.equal(reader.text.includes('topsecret'), false);
    });

    test('who comes back gets what he missed; who comes from another run loads everything', async () => {
      await using house = await startApiHouse({ workers });
      const first = await house.events('?events=postPublish,donePublish');
      const publisher = await house.rtmp('publish');
      await first.has('postPublish');
      const known = first.lastId;
      first.close();
      publisher.leave();
      await until(() => house.context.streams.size === 0, 'the end');
      const second = await house.events('?events=postPublish,donePublish', { 'Last-Event-ID': known });
      await second.has('donePublish');
      assert.deepEqual(second.names, ['donePublish']);
      const third = await house.events(`?events=postPublish&lastEventId=${known}`);
      await house.rtmp('publish');
      await third.has('postPublish');
      assert.deepEqual(third.names, ['postPublish']);
      const foreign = await house.events('', { 'Last-Event-ID': 'abcdef012345-7' });
      const reset = await foreign.has('reset');
      assert.deepEqual([reset.data, foreign.names], [{ reason: 'restarted' }, ['reset']]);
      const resumed = await house.events('', { 'Last-Event-ID': reset.id });
      await house.rtmp('publish', '/live/b');
      await resumed.has('postPublish');
      assert.equal(resumed.names.includes('reset'), false);
    });

    test('a bounded number reads at once, and who has left makes room', async () => {
      await using house = await startApiHouse({ workers });
      const readers = await Promise.all(Array.from({ length: 100 }, () => house.events()));
      assert.deepEqual(
        readers.filter(({ answer }) => answer.statusCode !== 200),
        [],
      );
      const refused = await house.events();
      assert.equal(refused.answer.statusCode, 503);
      readers[0]!.close();
      const statusOf = async () => (await house.events()).answer.statusCode;
      const deadline = performance.now() + 10_000;
      while ((await statusOf()) !== 200) assert.ok(performance.now() < deadline);
    });

    test('who has missed much gets all of it', async () => {
      await using house = await startApiHouse({ workers });
      const first = await house.events();
      await house.rtmp('publish');
      await first.has('postPublish');
      const { lastId } = first;
      const session = [...house.context.sessions.values()].find(({ isPublisher }) => isPublisher)!;
      for (let i = 0; i < 1500; i++) house.context.eventEmitter.emit('streamStall', session);
      const second = await house.events('', { 'Last-Event-ID': lastId });
      await until(() => second.names.length >= 1500, 'what was missed');
      house.context.eventEmitter.emit('streamResume', session);
      await second.has('streamResume');
      assert.equal(second.names.length, 1501);
      assert.ok(second.text.length > 512 * 1024, `${second.text.length} bytes`);
    });

    test('what ends with the server is still told, then the answer ends', async () => {
      const house = await startApiHouse({ workers });
      const reader = await house.events('?events=donePublish');
      await house.rtmp('publish');
      await house.running.server.stop();
      await until(() => reader.isEnded, 'the end');
      assert.deepEqual([reader.names, reader.answer.complete], [['donePublish'], true]);
      await house[Symbol.asyncDispose]();
    });
  });
}

describe('API: events', () => {
  test('need a token, and take names of events only', async () => {
    await using house = await startApiHouse();
    const anonymous = await EventClient.open(house.port, '', {});
    assert.equal(anonymous.answer.statusCode, 401);
    const wrong = await house.events('?events=postPublish,nothing');
    assert.equal(wrong.answer.statusCode, 400);
    await until(() => wrong.isEnded, 'the end');
    assert.equal(JSON.parse(wrong.text).code, 'BAD_REQUEST');
  });

  test('over HTTP/2 they come at once, too', async () => {
    await using house = await startApiHouse({ https: { port: 0 } });
    const session = connectHttp2(`https://127.0.0.1:${house.running.port('https')}`, { rejectUnauthorized: false });
    const stream = session.request({ ':path': '/api/v1/events', authorization: `Bearer ${house.token}` });
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await until(() => text.includes('retry'), 'the first word');
    await house.rtmp('publish');
    await until(() => text.includes('event: postPublish'), 'the event');
    session.destroy();
  });

  test('who does not read is cut off, and the others go on', async () => {
    await using house = await startApiHouse();
    const reader = await house.events();
    const lazy = connect(house.port, '127.0.0.1');
    lazy.on('error', () => {});
    lazy.write(`GET /api/v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${house.token}\r\n\r\n`);
    await until(() => lazy.bytesRead > 0, 'the first word');
    const publisher = await house.rtmp('publish');
    const session = [...house.context.sessions.values()].find(({ isPublisher }) => isPublisher)!;
    // More than the buffers of the system hold for one connection.
    const count = 40_000;
    for (let told = 0; told < count; told += 200) {
      for (let i = 0; i < 200; i++) house.context.eventEmitter.emit('streamStall', session);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => reader.names.filter((name) => name === 'streamStall').length === count, 'all events');
    let isCut = false;
    lazy.once('close', () => {
      isCut = true;
    });
    lazy.resume();
    await until(() => isCut, 'the end of who did not read');
    assert.ok(lazy.bytesRead < reader.text.length, `${lazy.bytesRead} of ${reader.text.length} bytes`);
    publisher.leave();
    await reader.has('donePublish');
    assert.equal(reader.isEnded, false);
  });
});
