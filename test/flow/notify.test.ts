import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ConfigError, NodeMediaServer } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { temporaryFolder } from './cli-process.ts';
import { type ReceivedCall, Receiver, sessionOf } from './notify-receiver.ts';

const quick = { minBackoffMs: 1, maxBackoffMs: 5 };
const told = ['postPublish', 'donePublish', 'postPlay', 'donePlay'] as const;

async function publishAndLeave(port: number, path: string): Promise<void> {
  const publisher = await new RtmpPeer('publish', path, { port }).started();
  assert.ok(publisher.has('publishing'), path);
  publisher.send('video', 0, bodies.avcConfig);
  publisher.send('video', 0, bodies.key());
  publisher.leave();
  await until(() => publisher.isClosed, 'the end of the connection');
}

/** Each event once, in the order of its first arrival. */
function firstOfEach(calls: readonly ReceivedCall[]): ReceivedCall[] {
  const seen = new Set<unknown>();
  return calls.filter(({ headers }) => !seen.has(headers['x-nms-id']) && seen.add(headers['x-nms-id']));
}

describe('a webhook that is told', () => {
  test('hears of a publish and a play, in order, signed', async (t) => {
    await using receiver = await Receiver.open();
    const target = { url: receiver.url, secret: 's3cret', events: [...told], headers: { Authorization: 'Bearer x' } };
    await using running = await startServer({ notify: { targets: [target] } }, temporaryFolder(t));
    const port = running.port('rtmp');
    const publisher = await new RtmpPeer('publish', '/live/a?sign=1-x&room=7', { port }).started();
    publisher.send('video', 0, bodies.avcConfig);
    publisher.send('video', 0, bodies.key());
    const player = await new RtmpPeer('play', '/live/a', { port }).started();
    await until(() => player.packets.length > 1, 'media');
    player.leave();
    await receiver.received('donePlay');
    publisher.leave();
    await receiver.received('donePublish');
    assert.deepEqual(
      receiver.calls.map(({ event }) => event),
      ['postPublish', 'postPlay', 'donePlay', 'donePublish'],
    );
    for (const { headers, text, body } of receiver.calls) {
      const timestamp = String(headers['x-nms-timestamp']);
      const expected = createHmac('sha256', 's3cret').update(`${timestamp}.${text}`).digest('hex');
      assert.equal(headers['x-nms-signature'], `v1=${expected}`);
      assert.equal(headers['x-nms-id'], body['id']);
      assert.equal(headers['authorization'], 'Bearer x');
      assert.equal(headers['content-type'], 'application/json');
    }
    const ids = new Set(receiver.calls.map(({ body }) => body['id']));
    assert.equal(ids.size, 4);
    const [done] = receiver.of('donePublish');
    const session = sessionOf(done);
    assert.deepEqual(session['streamQuery'], { room: '7' });
    assert.equal((session['reason'] as { code: string }).code, 'NMS_END');
    assert.ok(Number(session['endTime']) >= Number(session['createTime']));
    assert.ok(Number(session['inBytes']) > 0);
  });

  test('that fails gets every event again with its id, and each stream in its order', async (t) => {
    let count = 0;
    await using receiver = await Receiver.open((_call, response) => {
      const failures = [
        () => response.writeHead(500).end(),
        () => response.destroy(),
        () => response.writeHead(302).end(),
      ];
      const fail = failures[count++ % 5];
      if (fail === undefined) response.end();
      else fail();
    });
    const notify = { targets: [{ url: receiver.url, events: [...told] }], outbox: quick };
    await using running = await startServer({ notify }, temporaryFolder(t));
    const paths = Array.from({ length: 10 }, (_, index) => `/live/${index}`);
    for (let round = 0; round < 3; round++) {
      await Promise.all(paths.map((path) => publishAndLeave(running.port('rtmp'), path)));
    }
    const arrived = () => firstOfEach(receiver.calls);
    await until(() => arrived().length === 60, 'all events');
    for (const path of paths) {
      const calls = arrived().filter((call) => sessionOf(call)['streamPath'] === path);
      assert.deepEqual(
        calls.map(({ event }) => event),
        Array.from({ length: 3 }, () => ['postPublish', 'donePublish']).flat(),
        path,
      );
      const times = calls.map(({ body }) => Number(body['timestamp']));
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
    }
    const byId = Map.groupBy(receiver.calls, ({ headers }) => headers['x-nms-id']);
    assert.ok(receiver.calls.length > 60, 'some came more than once');
    for (const same of byId.values()) assert.equal(new Set(same.map(({ text }) => text)).size, 1);
  });

  test('that is down delays nobody, and hears of it all once it is up', async (t) => {
    const down = await Receiver.open();
    const { port: hookPort, url } = down;
    await down[Symbol.asyncDispose]();
    const notify = { targets: [{ url, events: [...told] }], outbox: quick };
    await using running = await startServer({ notify }, temporaryFolder(t));
    for (let index = 0; index < 5; index++) await publishAndLeave(running.port('rtmp'), `/live/${index}`);
    await until(() => running.lines.some(({ message }) => message.startsWith('a webhook does not take')), 'a line');
    await using up = await Receiver.open(undefined, hookPort);
    await until(() => firstOfEach(up.calls).length === 10, 'all events');
    await until(() => running.lines.some(({ message }) => message === 'a webhook takes its calls again'), 'a line');
  });

  test('that hangs is given up by the clock and does not keep the server from stopping', async (t) => {
    await using receiver = await Receiver.open(() => undefined);
    const folder = temporaryFolder(t);
    const notify = { targets: [{ url: receiver.url, events: [...told] }], stopTimeoutMs: 20 };
    const first = await startServer({ notify }, folder);
    await publishAndLeave(first.port('rtmp'), '/live/a');
    await receiver.received('postPublish');
    await first.server.stop();
    receiver.answer = (_call, response) => void response.end();
    await using _second = await startServer({ notify }, folder);
    await receiver.received('donePublish');
    const [before, after] = receiver.of('postPublish');
    assert.equal(before?.text, after?.text);
  });

  test('gets what it has not taken after the next start, and events of the stop before it', async (t) => {
    await using receiver = await Receiver.open((_call, response) => void response.writeHead(503).end());
    const folder = temporaryFolder(t);
    const notify = { targets: [{ url: receiver.url, events: [...told] }], outbox: { minBackoffMs: 60_000 } };
    const first = await startServer({ notify }, folder);
    const publisher = await new RtmpPeer('publish', '/live/a', { port: first.port('rtmp') }).started();
    await receiver.received('postPublish');
    await first.server.stop();
    await until(() => publisher.isClosed, 'the end');
    assert.equal(receiver.of('donePublish').length, 0);
    receiver.answer = (_call, response) => void response.end();
    const second = await startServer({ notify }, folder);
    assert.ok(second.lines.some(({ message }) => message === 'calls of a webhook have waited for this start'));
    await receiver.received('donePublish');
    assert.deepEqual(
      firstOfEach(receiver.calls).map(({ event }) => event),
      ['postPublish', 'donePublish'],
    );
    await second.server.stop();
  });

  test('shares nothing with another target that fails', async (t) => {
    await using good = await Receiver.open();
    await using bad = await Receiver.open((_call, response) => void response.writeHead(500).end());
    const targets = [bad, good].map(({ url }) => ({ url, events: [...told] }));
    await using running = await startServer({ notify: { targets } }, temporaryFolder(t));
    await publishAndLeave(running.port('rtmp'), '/live/a');
    await good.received('donePublish');
    assert.deepEqual(
      good.calls.map(({ event }) => event),
      ['postPublish', 'donePublish'],
    );
    assert.equal(good.calls[0]?.body['id'], bad.calls[0]?.body['id']);
  });

  test('with workers the primary tells each event once, and asks once', async (t) => {
    await using receiver = await Receiver.open();
    const notify = { targets: [{ url: receiver.url, events: ['prePublish' as const, ...told] }] };
    await using running = await startServer({ workers: 2, notify }, temporaryFolder(t));
    const paths = Array.from({ length: 6 }, (_, index) => `/live/${index}`);
    await Promise.all(paths.map((path) => publishAndLeave(running.port('rtmp'), path)));
    await receiver.received('donePublish', 6);
    for (const path of paths) {
      const calls = receiver.calls.filter((call) => sessionOf(call)['streamPath'] === path);
      assert.deepEqual(
        calls.map(({ event }) => event),
        ['prePublish', 'postPublish', 'donePublish'],
      );
    }
  });
});

describe('the folder of the outbox', () => {
  test('is not made without somebody to tell', async (t) => {
    const folder = temporaryFolder(t);
    await using receiver = await Receiver.open();
    await using asking = await startServer(
      { notify: { targets: [{ url: receiver.url, events: ['prePublish'] }] } },
      folder,
    );
    await publishAndLeave(asking.port('rtmp'), '/live/a');
    assert.equal(existsSync(join(folder, 'data')), false);
  });

  test('is refused to a second server while the first one runs', async (t) => {
    const folder = temporaryFolder(t);
    await using receiver = await Receiver.open();
    const notify = { url: receiver.url };
    const first = await startServer({ notify }, folder);
    const second = new NodeMediaServer({ bind: '127.0.0.1', rtmp: { port: 0 }, notify }, { folder });
    await assert.rejects(second.run(), (error) => error instanceof ConfigError && error.path === 'store.path');
    await first.server.stop();
    await using _third = await startServer({ notify }, folder);
  });
});

test('a port that nobody answers is no reason not to start', async (t) => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const targets = [{ url: `http://127.0.0.1:${port}/`, events: [...told] }];
  await using running = await startServer({ notify: { targets } }, temporaryFolder(t));
  await publishAndLeave(running.port('rtmp'), '/live/a');
});
