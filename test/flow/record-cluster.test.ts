import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Session } from '../../src/index.ts';
import { beginStream, Cluster } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import { assertClosed } from '../support/recordings.ts';
import type { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';

const ALL = { sort: 'startTime', order: 'asc', offset: 0, limit: 100 } as const;
const auto = { record: { auto: true, flushMs: 10 } };

function told(cluster: Cluster, name: 'postRecord' | 'doneRecord'): Session[] {
  const sessions: Session[] = [];
  cluster.running.server.on(name, (session) => void sessions.push(session));
  return sessions;
}

function filesOf(cluster: Cluster, path: string): Buffer[] {
  const folder = join(cluster.folder, 'record', path);
  return readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name)));
}

const keys = (bytes: Buffer) =>
  assertClosed(bytes).tags.flatMap(({ role, body }) => (role === 'key' ? [body.toString('latin1', 10)] : []));

/** Waits until so much of a stream has come to the recorder. */
async function recorded(cluster: Cluster, path: '/live/a' | '/live/b', duration: number): Promise<void> {
  await until(() => (cluster.context.recorder?.current(path)?.duration ?? -1) >= duration, `${duration} ms of ${path}`);
}

function frames(publisher: RtmpPeer, from: number, count: number): void {
  for (let i = 0; i < count; i++) publisher.send('video', from + i * 40, bodies.inter(`frame ${from + i * 40}`));
}

describe('recording with several workers', () => {
  for (const waitMs of [10_000, 0, -1]) {
    test(`every stream comes to the primary, bit for bit, with play.waitMs ${waitMs}`, async () => {
      await using cluster = await Cluster.start({ ...auto, play: { waitMs } });
      const done = told(cluster, 'doneRecord');
      const publishers = [await cluster.publish('/live/a'), await cluster.publish('/live/b')];
      for (const [index, publisher] of publishers.entries()) {
        beginStream(publisher, 5_000, `of ${index}`);
        frames(publisher, 5_040, 10);
      }
      assert.deepEqual(
        publishers.map((peer) => cluster.workerOfPeer(peer)),
        [1, 2],
      );
      for (const path of ['/live/a', '/live/b'] as const) await recorded(cluster, path, 440);
      for (const publisher of publishers) publisher.leave();
      await until(() => done.length === 2, 'both are over');
      for (const [index, path] of ['live/a', 'live/b'].entries()) {
        const [bytes, ...more] = filesOf(cluster, path);
        assert.deepEqual(more, []);
        assert.deepEqual(keys(bytes!), [`of ${index} key`]);
        const { tags } = assertClosed(bytes!);
        assert.equal(tags.filter(({ role }) => role === 'video').length, 10);
      }
      assert.deepEqual(
        cluster.running.lines.filter(({ level }) => level === 'warn' || level === 'error'),
        [],
      );
    });
  }

  test('goes on in one file when the publisher comes back in another worker', async () => {
    await using cluster = await Cluster.start({ ...auto, publish: { graceMs: 10_000 } });
    const [begun, done] = [told(cluster, 'postRecord'), told(cluster, 'doneRecord')];
    const first = await cluster.publish();
    beginStream(first, 0, 'before');
    await recorded(cluster, '/live/a', 0);
    await until(() => begun.length === 1, 'it has begun');
    const session = cluster.sessionOf(first);
    first.crash();
    await until(() => session.isClosed, 'he is gone');
    await cluster.fill();
    const second = await cluster.publish();
    assert.deepEqual([cluster.workerOf(session), cluster.workerOfPeer(second)], [1, 2]);
    beginStream(second, 70_000, 'after');
    frames(second, 70_040, 5);
    await recorded(cluster, '/live/a', 240);
    second.leave();
    await until(() => done.length === 1, 'it is over');
    const files = filesOf(cluster, 'live/a');
    assert.equal(files.length, 1);
    assert.deepEqual(keys(files[0]!), ['before key', 'after key']);
    assert.ok(Number(assertClosed(files[0]!).values['duration']) < 1);
  });

  test('goes on in one file when the publisher’s worker dies and he comes back', async () => {
    await using cluster = await Cluster.start({ ...auto, publish: { graceMs: 10_000 } });
    const done = told(cluster, 'doneRecord');
    const first = await cluster.publish();
    beginStream(first, 0, 'before');
    frames(first, 40, 5);
    await recorded(cluster, '/live/a', 240);
    process.kill(cluster.pidOf(cluster.workerOfPeer(first)), 'SIGKILL');
    await until(() => first.isClosed, 'the connection is gone');
    const second = await cluster.publish();
    beginStream(second, 0, 'after');
    frames(second, 40, 5);
    await recorded(cluster, '/live/a', 480);
    second.leave();
    await until(() => done.length === 1, 'it is over');
    const files = filesOf(cluster, 'live/a');
    assert.equal(files.length, 1);
    assert.deepEqual(keys(files[0]!), ['before key', 'after key']);
  });

  test('makes a file for each publish, however fast one follows the other', async () => {
    await using cluster = await Cluster.start(auto);
    const done = told(cluster, 'doneRecord');
    for (let i = 0; i < 12; i++) {
      const publisher = await cluster.publish();
      assert.equal(publisher.codes[0], 'NetStream.Publish.Start');
      beginStream(publisher, 0, `publish ${i}`);
      await until(
        () => (cluster.context.recorder?.current('/live/a')?.publisherId ?? '') === cluster.sessionOf(publisher).id,
        `publish ${i} is recorded`,
      );
      await recorded(cluster, '/live/a', 0);
      publisher.leave();
    }
    await until(() => done.length === 12, 'all are over');
    assert.deepEqual(
      filesOf(cluster, 'live/a').map((bytes) => keys(bytes)[0]),
      Array.from({ length: 12 }, (_, i) => `publish ${i} key`),
    );
  });

  test('is started and stopped by the API’s word, and ends with the server', async () => {
    const cluster = await Cluster.start({ record: { flushMs: 10 } });
    const done = told(cluster, 'doneRecord');
    try {
      const publisher = await cluster.publish();
      beginStream(publisher);
      await until(() => cluster.context.streams.get('/live/a')?.status === 'publishing', 'it is known');
      const recorder = cluster.context.recorder!;
      const begun = await recorder.start('/live/a');
      await recorded(cluster, '/live/a', 0);
      assert.equal((await recorder.stop('/live/a')).status, 'done');
      await recorder.start('/live/a');
      frames(publisher, 40, 5);
      await recorded(cluster, '/live/a', 240);
      const { items } = recorder.list(ALL);
      assert.deepEqual(
        items.map(({ id, status }) => [id === begun.id, status]),
        [
          [true, 'done'],
          [false, 'recording'],
        ],
      );
      await cluster.running.server.stop();
      assert.equal(done.length, 2);
      for (const bytes of filesOf(cluster, 'live/a')) assertClosed(bytes);
    } finally {
      await cluster[Symbol.asyncDispose]();
    }
  });
});
