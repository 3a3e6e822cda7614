import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { defineServer, NodeMediaServer, type NodeMediaServerConfig, servers, type Session } from '../../src/index.ts';
import { RecordServer } from '../../src/servers/record/record-server.ts';
import { beginStream } from '../support/cluster.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { type LogLine, recordingLogger } from '../support/house.ts';
import { bodies } from '../support/media.ts';
import { assertClosed } from '../support/recordings.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';

const ALL = { sort: 'startTime', order: 'asc', offset: 0, limit: 100 } as const;

/** A server whose recordings go to a disk that the test has in hand. */
async function setUp(t: TestContext, config: NodeMediaServerConfig = {}) {
  const base = mkdtempSync(join(tmpdir(), 'nms-flow-disk-'));
  const disk = new FakeDisk();
  const record = defineServer({
    name: 'record',
    sections: {},
    create: (context) => new RecordServer(context, disk),
  });
  const parts = servers.map((definition) => (definition.name === 'record' ? record : definition));
  const lines: LogLine[] = [];
  const server = new NodeMediaServer(
    { bind: '127.0.0.1', rtmp: { port: 0 }, record: { auto: true, flushMs: 10 }, ...config },
    { logger: recordingLogger(lines), folder: base, servers: parts },
  );
  await server.run();
  const peers: RtmpPeer[] = [];
  t.after(async () => {
    for (const peer of peers) peer.socket.destroy();
    await server.stop();
    rmSync(base, { recursive: true, force: true });
  });
  const done: Session[] = [];
  const begun: Session[] = [];
  server.on('postRecord', (session) => void begun.push(session));
  server.on('doneRecord', (session) => void done.push(session));
  const { port } = server.listeners.find(({ name }) => name === 'rtmp')!;
  const open = (mode: 'publish' | 'play', path: string) => {
    const peer = new RtmpPeer(mode, path, { port });
    peers.push(peer);
    return peer.started();
  };
  const { context } = server;
  return { base, disk, server, context, lines, begun, done, open, recorder: context.recorder! };
}

const errors = (lines: readonly LogLine[]) => lines.filter(({ level }) => level === 'error');

describe('a disk that is full', () => {
  test('ends that recording and says so once; stream, player and another recording go on', async (t) => {
    const { base, disk, context, lines, begun, done, open, recorder } = await setUp(t);
    const publisher = await open('publish', '/live/a');
    beginStream(publisher);
    const player = await open('play', '/live/a');
    await until(() => disk.writes === 3, 'head and media are written');
    disk.fail('write', 'ENOSPC');
    publisher.send('video', 40, bodies.inter('lost'));
    await until(() => done.length === 1, 'it is over');
    assert.equal(done[0]!.endReason?.message, 'the recording cannot be written: ENOSPC: as the test wants it, write');
    assert.equal(recorder.current('/live/a'), null);
    const [item] = recorder.list(ALL).items;
    assert.deepEqual([item?.status, item?.reason], ['failed', done[0]!.endReason.message]);
    assert.equal(errors(lines).length, 1);
    assert.equal(context.counters.get('recordings_failed', 'ENOSPC'), 1);

    disk.failures.clear();
    publisher.send('video', 80, bodies.key('seen'));
    await until(() => player.packets.some(({ data }) => data.includes('seen')), 'the player goes on');
    assert.equal(begun.length, 1);
    publisher.leave();
    const again = await open('publish', '/live/a');
    beginStream(again, 0, 'again');
    again.leave();
    await until(() => done.length === 2, 'the next publish is recorded');
    const files = readdirSync(join(base, 'record/live/a')).sort();
    assert.equal(files.length, 2);
    assertClosed(readFileSync(join(base, 'record/live/a', files[1]!)));
  });

  test('before the file is there: no event, one line, one count, and the stream is published', async (t) => {
    const { base, disk, context, lines, begun, done, open } = await setUp(t);
    disk.fail('mkdir', 'EACCES');
    const publisher = await open('publish', '/live/a');
    beginStream(publisher);
    await until(() => errors(lines).length > 0, 'the log says so');
    const player = await open('play', '/live/a');
    await until(() => player.packets.length > 0, 'it plays');
    assert.equal(errors(lines).length, 1);
    assert.equal(context.counters.get('recordings_failed', 'EACCES'), 1);
    assert.deepEqual([begun.length, done.length], [0, 0]);
    await assert.rejects(context.recorder!.start('/live/a'), { code: 'NMS_RECORD' });
    assert.equal(existsSync(join(base, 'record')), false);
    assert.deepEqual(context.recorder!.list(ALL).items, []);
  });

  test('or a real one: a device that takes nothing', async (t) => {
    const { base, disk, done, open, context } = await setUp(t);
    const { create } = disk;
    disk.create = async (path) => {
      const file = await create.call(disk, path);
      await file.close();
      rmSync(path);
      symlinkSync('/dev/full', path);
      const { open: openFile } = await import('node:fs/promises');
      return openFile(path, 'r+');
    };
    const publisher = await open('publish', '/live/a');
    beginStream(publisher);
    await until(() => done.length === 1, 'it is over');
    assert.match(done[0]!.endReason!.message, /ENOSPC/);
    assert.equal(context.counters.get('recordings_failed', 'ENOSPC'), 1);
    assert.deepEqual(readdirSync(join(base, 'record/live/a')), []);
  });
});

describe('a disk that hangs', () => {
  test('keeps neither the stream nor other recordings’ limits, and the recording ends by its own', async (t) => {
    const { disk, context, done, open } = await setUp(t, {
      record: { auto: true, flushMs: 10, maxQueueBytes: 200_000 },
    });
    const publisher = await open('publish', '/live/a');
    beginStream(publisher);
    const player = await open('play', '/live/a');
    await until(() => disk.writes === 3, 'head and media are written');
    const gate = Promise.withResolvers<void>();
    disk.gate = gate.promise;
    for (let i = 1; i <= 30; i++) publisher.send('video', i * 40, bodies.inter('x'.repeat(10_000)));
    await until(() => context.recorder!.current('/live/a') === null, 'it gave up');
    const session = [...context.sessions.values()].find(({ internal }) => internal);
    assert.equal(session, undefined);
    publisher.send('video', 2000, bodies.key('seen'));
    await until(() => player.packets.some(({ data }) => data.includes('seen')), 'the player goes on');
    assert.equal(player.packets.filter(({ type }) => type === 'frame').length, 30);
    disk.gate = null;
    gate.resolve();
    await until(() => done.length === 1, 'it is told');
    assert.match(done[0]!.endReason!.message, /^the disk is too slow: /);
    assert.equal(context.counters.get('recordings_failed', 'slow'), 1);
  });
});

test('a folder that vanishes does not end what is written into it, and the next publish makes it again', async (t) => {
  const { base, done, open, context } = await setUp(t);
  const publisher = await open('publish', '/live/a');
  beginStream(publisher);
  await until(() => (context.recorder!.current('/live/a')?.size ?? 0) > 0, 'it is recorded');
  rmSync(join(base, 'record'), { recursive: true });
  publisher.send('video', 40, bodies.inter());
  publisher.leave();
  await until(() => done.length === 1, 'it is over');
  const again = await open('publish', '/live/a');
  beginStream(again);
  again.leave();
  await until(() => done.length === 2, 'the next is over');
  const folder = join(base, 'record/live/a');
  assertClosed(readFileSync(join(folder, readdirSync(folder)[0]!)));
});
