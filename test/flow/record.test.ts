import assert from 'node:assert/strict';
import { scrypt as scryptCallback } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { Recorder, Recording } from '../../src/core/recorder.ts';
import type { NodeMediaServerConfig, Session } from '../../src/index.ts';
import { beginStream } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import { assertClosed, readFlv } from '../support/recordings.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { Receiver } from './notify-receiver.ts';

const scrypt = promisify<string, string, number, Buffer>(scryptCallback);

const ALL = { sort: 'startTime', order: 'asc', offset: 0, limit: 100 } as const;

/** What is told of a recording. */
interface Told {
  readonly name: 'postPublish' | 'postRecord' | 'doneRecord' | 'donePublish';
  readonly session: Session;
}

async function setUp(t: TestContext, config: NodeMediaServerConfig = {}, folder?: string) {
  const base = folder ?? mkdtempSync(join(tmpdir(), 'nms-flow-record-'));
  const running = await startServer({ publish: { graceMs: 300 }, ...config }, base);
  const sockets: RtmpPeer[] = [];
  t.after(async () => {
    for (const peer of sockets) peer.socket.destroy();
    await running.server.stop();
    rmSync(base, { recursive: true, force: true });
  });
  const told: Told[] = [];
  for (const name of ['postPublish', 'postRecord', 'doneRecord', 'donePublish'] as const) {
    running.server.on(name, (session) => void told.push({ name, session }));
  }
  const { context } = running.server;
  const recorder = context.recorder as Recorder;
  return {
    ...running,
    base,
    context,
    recorder,
    told,
    names: () => told.map(({ name }) => name),
    list: () => recorder.list(ALL).items,
    publish: async (path = '/live/a', options: { localAddress?: string } = {}) => {
      const peer = new RtmpPeer('publish', path, { port: running.port('rtmp'), ...options });
      sockets.push(peer);
      return peer.started();
    },
    bytes: (recording: Recording) => readFileSync(recorder.locate(recording)!),
    /** Until so many recordings are over. */
    over: (count: number) =>
      until(() => told.filter(({ name }) => name === 'doneRecord').length === count, `${count} closed`),
  };
}

/** A group of pictures: a keyframe and four frames. */
function group(peer: RtmpPeer, from: number, label: string): void {
  for (let i = 0; i < 5; i++) {
    const ms = from + i * 40;
    peer.send('video', ms, i === 0 ? bodies.key(`${label}0`) : bodies.inter(`${label}${i}`));
    peer.send('audio', ms, bodies.aac(`${label}${i}`));
  }
}

const labels = (bytes: Buffer) =>
  readFlv(bytes).tags.flatMap(({ role, body }) =>
    role === 'key' || role === 'video' ? [body.toString('latin1', 10)] : [],
  );

describe('a recording that is asked for', () => {
  test('begins with the cached group, is told of, can be played while it goes on, and is closed with its index', async (t) => {
    const { recorder, publish, told, names, list, bytes, base } = await setUp(t);
    assert.equal(existsSync(join(base, 'record')), false);
    const publisher = await publish();
    beginStream(publisher, 7_000);
    group(publisher, 7_040, 'a');
    await until(() => told.length === 1, 'a publish');
    const begun = await recorder.start('/live/a');
    assert.deepEqual(names(), ['postPublish', 'postRecord']);
    assert.equal(begun.filePath, `live/a/${begun.startTime}.flv`);
    assert.deepEqual([begun.status, begun.endTime, begun.publisherId], ['recording', 0, told[0]!.session.id]);
    assert.equal(told[1]!.session.filePath, join(base, 'record', begun.filePath));
    assert.equal(told[1]!.session.id, begun.id);
    await assert.rejects(recorder.start('/live/a'), { code: 'NMS_BUSY' });
    group(publisher, 7_240, 'b');
    await until(() => bytes(begun).length === recorder.current('/live/a')!.size, 'all is on the disk');
    assert.equal(labels(bytes(begun)).length, 11);
    assert.equal(readFlv(bytes(begun)).values['duration'], undefined);
    await assert.rejects(recorder.remove(begun.id, { file: true }), { code: 'NMS_BUSY' });
    assert.deepEqual(list(), [recorder.current('/live/a')]);

    const done = await recorder.stop('/live/a');
    const file = assertClosed(bytes(done));
    assert.equal(recorder.current('/live/a'), null);
    assert.deepEqual([done.status, done.duration, done.size], ['done', 440, bytes(done).length]);
    assert.equal(file.values['duration'], 0.44);
    assert.equal(file.values['width'], 320);
    assert.deepEqual(
      file.keyframes.map(([seconds]) => seconds),
      [0, 0, 0.04, 0.24],
    );
    assert.deepEqual(names(), ['postPublish', 'postRecord', 'doneRecord']);
    const { session } = told[2]!;
    assert.deepEqual(
      [session.id, session.streamPath, session.protocol, session.endReason?.message],
      [begun.id, '/live/a', 'internal', 'the recording was stopped'],
    );
    assert.ok(session.outBytes > 0 && session.endTime >= session.createTime);
    assert.deepEqual(list(), [done]);
    assert.deepEqual(recorder.find(done.id), done);
    await assert.rejects(recorder.stop('/live/a'), { code: 'NMS_ABSENT' });

    await recorder.remove(done.id, { file: true });
    assert.equal(recorder.find(done.id), null);
    assert.equal(recorder.locate(done), null);
    assert.deepEqual(readdirSync(join(base, 'record')), []);
    await assert.rejects(recorder.remove(done.id, { file: true }), { code: 'NMS_ABSENT' });
  });

  test('of a stream that nobody publishes is refused, and leaves no folder behind', async (t) => {
    const { recorder, base, context } = await setUp(t);
    await assert.rejects(recorder.start('/live/none'), { code: 'NMS_ABSENT' });
    assert.deepEqual(recorder.list(ALL), { items: [], count: 0, totalDuration: 0, totalSize: 0 });
    assert.equal(existsSync(join(base, 'record')), false);
    assert.equal(context.broadcasts.size, 0);
  });

  test('without any media is no recording: it fails, and its file goes', async (t) => {
    const { recorder, publish, told, base, list } = await setUp(t);
    await publish();
    await until(() => told.length === 1, 'a publish');
    await recorder.start('/live/a');
    const done = await recorder.stop('/live/a');
    assert.deepEqual([done.status, done.reason, done.size], ['failed', 'no media came while it was recorded', 0]);
    assert.deepEqual(readdirSync(join(base, 'record/live/a')), []);
    assert.deepEqual(list(), []);
  });

  test('may be removed by two at once: for both of them it is gone then', async (t) => {
    const { recorder, publish, told, base, list } = await setUp(t);
    const publisher = await publish();
    beginStream(publisher);
    group(publisher, 40, 'x');
    await until(() => told.length === 1, 'a publish');
    const { id } = await recorder.start('/live/a');
    await until(() => recorder.current('/live/a')!.duration > 0, 'media');
    const path = recorder.locate(await recorder.stop('/live/a'))!;
    // Who asks for the file finds the system's threads busy, and the other is faster.
    const busy = Array.from({ length: 16 }, () => scrypt('password', 'salt', 32));
    const removal = recorder.remove(id, { file: true });
    rmSync(path);
    await removal;
    await Promise.all(busy);
    assert.deepEqual([list(), readdirSync(join(base, 'record'))], [[], []]);
  });

  test('is found, filtered, sorted and counted', async (t) => {
    const { recorder, publish, told } = await setUp(t);
    for (const [index, path] of (['/live/One', '/live/two', '/Events/one'] as const).entries()) {
      const publisher = await publish(path);
      beginStream(publisher);
      for (let i = 0; i <= index; i++) group(publisher, 40 + i * 200, 'x');
      await until(() => told.filter(({ name }) => name === 'postPublish').length === index + 1, 'a publish');
      await recorder.start(path);
      await until(() => recorder.current(path)!.duration === 240 + index * 200, 'all of it');
      await recorder.stop(path);
    }
    const paths = (query: Partial<Parameters<Recorder['list']>[0]>) =>
      recorder.list({ ...ALL, ...query }).items.map(({ streamPath }) => streamPath);
    assert.deepEqual(paths({ sort: 'duration', order: 'desc' }), ['/Events/one', '/live/two', '/live/One']);
    assert.deepEqual(paths({ sort: 'streamPath' }), ['/Events/one', '/live/One', '/live/two']);
    assert.deepEqual(paths({ search: 'ONE' }), ['/live/One', '/Events/one']);
    assert.deepEqual(paths({ streamPath: '/live/two' }), ['/live/two']);
    assert.deepEqual(paths({ status: 'recording' }), []);
    assert.deepEqual(paths({ offset: 1, limit: 1 }), ['/live/two']);
    const [first] = recorder.list(ALL).items;
    assert.deepEqual(paths({ end: first!.startTime }), ['/live/One']);
    assert.equal(recorder.list({ ...ALL, limit: 0 }).totalDuration, 240 + 440 + 640);
    assert.equal(recorder.list({ ...ALL, limit: 0 }).count, 3);
  });
});

describe('record.auto', () => {
  const auto = { record: { auto: true } };

  test('records each publish from its first keyframe on into a file of its own', async (t) => {
    const { publish, list, bytes, over, names } = await setUp(t, auto);
    for (const label of ['a', 'b']) {
      const publisher = await publish();
      beginStream(publisher, 1000, label);
      group(publisher, 1040, label);
      publisher.leave();
      await over(label === 'a' ? 1 : 2);
    }
    assert.deepEqual(names().slice(0, 3).sort(), ['donePublish', 'postPublish', 'postRecord']);
    const items = list();
    assert.deepEqual(
      items.map((item) => labels(bytes(item))),
      ['a', 'b'].map((label) => [`${label} key`, ...[0, 1, 2, 3, 4].map((i) => `${label}${i}`)]),
    );
    for (const item of items) assert.equal(assertClosed(bytes(item)).tags[0]?.timeMs, 0);
  });

  test('goes on in one file when the publisher comes back, with other headers too, and does not count the time without him', async (t) => {
    const { publish, list, bytes, over, told } = await setUp(t, { ...auto, publish: { graceMs: 5_000 } });
    const first = await publish();
    beginStream(first, 0, 'before');
    group(first, 40, 'before');
    await until(() => told.some(({ name }) => name === 'postRecord'), 'it is recorded');
    first.crash();
    await until(() => told[0]!.session.isClosed, 'he is gone');
    const second = await publish();
    beginStream(second, 900_000, 'after');
    group(second, 900_040, 'after');
    const changed = Buffer.from(bodies.avcConfig);
    changed[9] = 0x1f;
    second.send('video', 900_240, changed);
    second.send('video', 900_240, bodies.key('other headers'));
    second.leave();
    await over(1);
    const [item, ...more] = list();
    assert.deepEqual(more, []);
    const file = assertClosed(bytes(item!));
    const config = file.tags.filter(({ role, body }) => role === 'header' && body[0] === 0x17).map(({ body }) => body);
    assert.deepEqual(config, [bodies.avcConfig, bodies.avcConfig, changed]);
    assert.ok(item!.duration >= 480 && item!.duration < 1_000, `${item!.duration} ms`);
    const times = file.tags.filter(({ role }) => role === 'key' || role === 'video').map(({ timeMs }) => timeMs);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    assert.deepEqual(labels(bytes(item!)).slice(6, 8), ['after key', 'after0']);
    assert.equal(told.filter(({ name }) => name === 'postRecord').length, 1);
  });

  test('ends when the place of a publisher who does not come back is given up', async (t) => {
    const { publish, list, over, bytes } = await setUp(t, auto);
    const publisher = await publish();
    beginStream(publisher);
    group(publisher, 40, 'x');
    await until(() => list()[0] !== undefined && list()[0]!.size > 0, 'it is recorded');
    publisher.crash();
    await over(1);
    assert.equal(list()[0]!.duration, 240);
    assertClosed(bytes(list()[0]!));
  });

  test('goes on in one file when another publisher takes the place', async (t) => {
    const { publish, list, bytes, over, told } = await setUp(t, { ...auto, publish: { takeover: true } });
    const first = await publish();
    beginStream(first, 0, 'one');
    await until(() => told.some(({ name }) => name === 'postRecord'), 'it is recorded');
    const second = await publish();
    beginStream(second, 0, 'two');
    group(second, 40, 'two');
    second.leave();
    await over(1);
    assert.deepEqual(labels(bytes(list()[0]!)).slice(0, 3), ['one key', 'two key', 'two0']);
    assertClosed(bytes(list()[0]!));
  });

  test('writes rows of many recordings in few transactions, and ends them all when the server stops', async (t) => {
    const { publish, list, server, context, told, base } = await setUp(t, auto);
    let writes = 0;
    const write = context.store.write.bind(context.store);
    context.store.write = (work) => {
      writes++;
      return write(work);
    };
    const publishers = await Promise.all(Array.from({ length: 40 }, (_, i) => publish(`/live/s${i}`)));
    for (const publisher of publishers) {
      beginStream(publisher);
      group(publisher, 40, 'x');
    }
    await until(() => list().filter(({ size }) => size > 0).length === 40, 'all are recorded');
    writes = 0;
    await server.stop();
    assert.ok(writes <= 60, `${writes} transactions`);
    assert.equal(told.filter(({ name }) => name === 'doneRecord').length, 40);
    for (let i = 0; i < 40; i++) {
      const folder = join(base, `record/live/s${i}`);
      assertClosed(readFileSync(join(folder, readdirSync(folder)[0]!)));
    }
  });

  test('and record.path may change while the server runs: new files go there, and the list is of what is there', async (t) => {
    const { publish, list, context, told, base, over } = await setUp(t, auto);
    const publisher = await publish('/live/old');
    beginStream(publisher);
    await until(() => told.some(({ name }) => name === 'postRecord'), 'it is recorded');
    context.configure({ ...context.config, record: { ...context.config.record, path: './elsewhere' } });
    const second = await publish('/live/new');
    beginStream(second);
    await until(() => told.filter(({ name }) => name === 'postRecord').length === 2, 'the other too');
    await until(() => list().some(({ size }) => size > 0), 'it has a size');
    publisher.leave();
    second.leave();
    await over(2);
    assert.deepEqual(
      list().map(({ streamPath }) => streamPath),
      ['/live/new'],
    );
    assert.equal(readdirSync(join(base, 'record/live/old')).length, 1);
    assert.equal(readdirSync(join(base, 'elsewhere/live/new')).length, 1);
    context.configure({ ...context.config, record: { ...context.config.record, auto: false, path: './record' } });
    assert.deepEqual(
      list().map(({ streamPath }) => streamPath),
      ['/live/old'],
    );
    const third = await publish('/live/not');
    beginStream(third);
    await until(() => context.streams.get('/live/not')?.status === 'publishing', 'it is published');
    assert.equal(list().length, 1);
  });
});

describe('webhooks of a recording', () => {
  test('are called when the file is open and when it is closed, by a server that stops too, in the form that was asked for', async (t) => {
    await using receiver = await Receiver.open();
    const events = ['postRecord', 'doneRecord'] as const;
    const targets = [
      { url: `${receiver.url}/v1`, events: [...events] },
      { url: `${receiver.url}/nms`, events: [...events], format: 'nms' as const },
    ];
    const { publish, server, recorder, base } = await setUp(t, { record: { auto: true }, notify: { targets } });
    const publisher = await publish();
    beginStream(publisher);
    await receiver.received('postRecord');
    await until(() => recorder.current('/live/a')!.size > 0, 'media is recorded');
    const begun = recorder.current('/live/a')!;
    await server.stop();
    const of = (path: string) => receiver.calls.filter((call) => call.path.endsWith(path));
    for (const path of ['v1', 'nms'])
      assert.deepEqual(
        of(path)
          .map(({ event }) => event)
          .sort(),
        [...events].sort(),
      );
    const done = of('v1').find(({ event }) => event === 'doneRecord')!.body['session'] as Record<string, unknown>;
    assert.deepEqual(
      [done['id'], done['streamPath'], done['filePath'], done['protocol'], done['isPublisher']],
      [begun.id, '/live/a', join(base, 'record', begun.filePath), 'internal', false],
    );
    const old = of('nms').find(({ event }) => event === 'doneRecord')!.body;
    assert.deepEqual([old['app'], old['name'], old['filePath']], ['live', 'a', join(base, 'record', begun.filePath)]);
    assert.equal(old['outbytes'], done['outBytes']);
  });
});

describe('the files of a start before', () => {
  test('are listed at the next start as they were', async (t) => {
    const base = mkdtempSync(join(tmpdir(), 'nms-flow-record-'));
    const before = await setUp(t, { record: { auto: true } }, base);
    const publisher = await before.publish();
    beginStream(publisher);
    publisher.leave();
    await before.over(1);
    const items = before.list();
    await before.server.stop();
    const after = await setUp(t, {}, base);
    assert.deepEqual(after.list(), items);
    rmSync(join(base, 'record/live'), { recursive: true });
    await after.server.stop();
    const last = await setUp(t, {}, base);
    await until(() => last.list().length === 0, 'what is gone is not listed');
  });
});

describe('names', () => {
  test('become folders below that of recordings, deep, foreign and long ones too', async (t) => {
    const { publish, list, over, bytes, base } = await setUp(t, { record: { auto: true } });
    const long = '播'.repeat(128);
    const paths = ['/a/b/c/deep', '/live/..name..', '/live/~', '/live/Ünïcode-直播', `/live/${long}`];
    for (const [index, path] of paths.entries()) {
      const publisher = await publish(path);
      assert.equal(publisher.codes[0], 'NetStream.Publish.Start', path);
      beginStream(publisher);
      publisher.leave();
      await over(index + 1);
    }
    assert.deepEqual(
      list().map(({ streamPath }) => streamPath),
      paths,
    );
    for (const item of list()) assertClosed(bytes(item));
    assert.equal(readFlv(bytes(list()[4]!)).values['streamPath'], paths[4]);
    assert.deepEqual(readdirSync(base).sort(), ['data', 'record']);
  });

  for (const path of ['/live/..', '/../live', '/live/.', '/live/a\\b', '/live/%2e%2e', '/live/a\0b', '/a/../../b']) {
    test(`that would lead elsewhere make no folder: ${JSON.stringify(path)}`, async (t) => {
      const { publish, base, recorder } = await setUp(t, { record: { auto: true } });
      const publisher = await publish(path);
      assert.notEqual(publisher.codes[0], 'NetStream.Publish.Start');
      await assert.rejects(recorder.start(path as '/live/a'));
      assert.equal(existsSync(join(base, 'record')), false);
    });
  }
});
