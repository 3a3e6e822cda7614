import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { RecordError } from '../../../../src/errors.ts';
import { fileHeadBytes, firstPageBytes } from '../../../../src/protocols/flv/flv-file-head.ts';
import { FlvFileWriter } from '../../../../src/protocols/flv/flv-file-writer.ts';
import { fileSystem } from '../../../../src/servers/record/disk.ts';
import { DiskTurns } from '../../../../src/servers/record/disk-turns.ts';
import { RecordFile, type WaitingBytes } from '../../../../src/servers/record/record-file.ts';
import { FakeDisk } from '../../../support/fake-disk.ts';
import { bodies } from '../../../support/media.ts';
import { assertClosed, flvHeader, readFlv, video } from '../../../support/recordings.ts';
import { until } from '../../../support/wait.ts';

const NUMBER = 1764000000000;

function setUp(t: TestContext, limits: { maxQueueBytes?: number; maxTotalQueueBytes?: number; flushMs?: number } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'nms-record-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const disk = new FakeDisk();
  const waiting: WaitingBytes = { total: 0 };
  const failures: RecordError[] = [];
  const writer = new FlvFileWriter();
  const file = new RecordFile({
    disk,
    turns: new DiskTurns(),
    waiting,
    writer,
    limits: { flushMs: 10, maxQueueBytes: 1 << 20, maxTotalQueueBytes: 1 << 24, ...limits },
    isDurable: false,
    onFailure: (error) => void failures.push(error),
  });
  let frames = 0;
  const append = (bytes = 100) => {
    const body = frames % 25 === 0 ? bodies.key('k'.repeat(bytes)) : bodies.inter('i'.repeat(bytes));
    const tag = video(frames * 40, body);
    file.append(writer.take(frames === 0 ? Buffer.concat([flvHeader, tag]) : tag));
    frames++;
  };
  const folder = join(root, 'live/a');
  return { root, folder, disk, waiting, failures, writer, file, append, open: () => file.open(root, folder, NUMBER) };
}

describe('the file of a recording', () => {
  test('takes what comes before it is open, can be read while it grows, and has an index once it is closed', async (t) => {
    const { file, folder, append, open, writer, waiting } = setUp(t);
    for (let i = 0; i < 30; i++) append();
    assert.equal(await open(), `${NUMBER}.flv`);
    const path = join(folder, `${NUMBER}.flv`);
    await until(() => waiting.total === 0, 'all is written');
    assert.equal(readFlv(readFileSync(path)).tags.length, 30);
    for (let i = 0; i < 30; i++) append();
    assert.equal(await file.close(), null);
    const closed = assertClosed(readFileSync(path));
    assert.equal(closed.tags.length, 60);
    assert.equal(closed.keyframes.length, 3);
    assert.equal(writer.size, readFileSync(path).length);
  });

  test('is written a few times, however often something comes, and at once when it is much', async (t) => {
    const { append, open, disk, waiting } = setUp(t, { flushMs: 1000 });
    await open();
    for (let i = 0; i < 500; i++) append(20);
    assert.equal(disk.writes, 0);
    append(300 * 1024);
    await until(() => waiting.total === 0, 'all is written');
    // The head in two pieces, and all media in one.
    assert.equal(disk.writes, 3);
  });

  test('survives a disk that does a part of each write', async (t) => {
    const { file, folder, append, open, disk } = setUp(t);
    disk.mostAtOnce = 7;
    await open();
    for (let i = 0; i < 40; i++) append(3);
    assert.equal(await file.close(), null);
    assert.equal(assertClosed(readFileSync(join(folder, `${NUMBER}.flv`))).tags.length, 40);
  });

  test('takes the next number when its name is taken, and never writes over anything', async (t) => {
    const { folder, open, file } = setUp(t);
    mkdirSync(join(folder, `${NUMBER}.flv`), { recursive: true });
    symlinkSync('/nowhere', join(folder, `${NUMBER + 1}.flv`));
    assert.equal(await open(), `${NUMBER + 2}.flv`);
    await file.close();
    assert.equal(existsSync(join(folder, `${NUMBER + 2}.flv`)), false);
  });

  test('is not made through a link that leads out of the folder of recordings', async (t) => {
    const { root, open } = setUp(t);
    const outside = mkdtempSync(join(tmpdir(), 'nms-outside-'));
    t.after(() => rmSync(outside, { recursive: true }));
    symlinkSync(outside, join(root, 'live'));
    await assert.rejects(open(), /leads out of the folder of recordings/);
    assert.equal(existsSync(join(outside, `a/${NUMBER}.flv`)), false);
  });

  for (const [operation, code] of [
    ['mkdir', 'EACCES'],
    ['create', 'ENOSPC'],
  ] as const) {
    test(`says why it cannot be made: ${operation} gives ${code}`, async (t) => {
      const { disk, open, append, waiting, file } = setUp(t);
      disk.fail(operation, code);
      append();
      assert.ok(waiting.total > 0);
      await assert.rejects(open(), (error) => {
        assert.ok(error instanceof RecordError);
        assert.equal((error.cause as { code?: string }).code, code);
        return true;
      });
      append();
      assert.equal(waiting.total, 0);
      assert.equal(await file.close(), null);
    });
  }
});

describe('a disk that is full', () => {
  test('ends the recording once; what is whole on it stays, with an index if there is room for one', async (t) => {
    const { file, folder, append, open, disk, failures, waiting, writer } = setUp(t, { flushMs: 1000 });
    await open();
    for (let i = 0; i < 30; i++) append(10_000);
    await until(() => waiting.total < 100_000, 'the first part is written');
    const before = disk.written;
    disk.fail('write', 'ENOSPC', before + 5_000);
    for (let i = 0; i < 60; i++) append(10_000);
    await until(() => failures.length > 0, 'it has failed');
    append();
    disk.failures.clear();
    await file.close();
    const closed = assertClosed(readFileSync(join(folder, `${NUMBER}.flv`)));
    assert.equal(failures.length, 1);
    assert.match(failures[0]!.message, /ENOSPC/);
    assert.equal(waiting.total, 0);
    assert.ok(closed.tags.length >= 27 && closed.tags.length <= 30, `${closed.tags.length} tags`);
    assert.equal(closed.values['duration'], writer.index.durationMs / 1000);
  });

  test('at the end leaves a file that says how long it is, without an index', async (t) => {
    const { file, folder, append, open, disk, waiting } = setUp(t);
    await open();
    // More keyframes than the first page has room for.
    for (let i = 0; i < 10_000; i++) append(1);
    await until(() => waiting.total === 0, 'all is written');
    disk.fullFrom = firstPageBytes;
    assert.match((await file.close())?.message ?? '', /ENOSPC/);
    const closed = assertClosed(readFileSync(join(folder, `${NUMBER}.flv`)));
    assert.equal(closed.tags.length, 10_000);
    assert.equal(closed.values['duration'], 400);
    assert.deepEqual(closed.keyframes, []);
  });

  test('before the first byte leaves nothing', async (t) => {
    const { file, folder, append, open, disk, failures, writer } = setUp(t);
    await open();
    disk.fail('write', 'ENOSPC');
    append();
    await until(() => failures.length > 0, 'it has failed');
    await file.close();
    assert.equal(existsSync(join(folder, `${NUMBER}.flv`)), false);
    assert.equal(writer.index.hasMedia, false);
  });
});

describe('a disk that is slow', () => {
  test('may keep a recording waiting up to record.maxQueueBytes; then it ends, and what was written is whole', async (t) => {
    const { file, folder, append, open, disk, failures, waiting } = setUp(t, { maxQueueBytes: 50_000 });
    await open();
    append(1000);
    await until(() => waiting.total === 0, 'the first is written');
    const gate = Promise.withResolvers<void>();
    disk.gate = gate.promise;
    append(1000);
    await until(() => disk.gate !== null && waiting.total > 0, 'a write is on its way');
    while (failures.length === 0) append(1000);
    assert.match(failures[0]!.message, /^the disk is too slow: 50\d{3} bytes wait .* record\.maxQueueBytes is 50000$/);
    const closing = file.close();
    disk.gate = null;
    gate.resolve();
    await closing;
    assert.equal(waiting.total, 0);
    const closed = assertClosed(readFileSync(join(folder, `${NUMBER}.flv`)));
    assert.ok(closed.tags.length === 1 || closed.tags.length === 2, `${closed.tags.length}`);
  });

  test('may not keep more waiting for all recordings together than record.maxTotalQueueBytes', async (t) => {
    const { append, failures, waiting } = setUp(t, { maxTotalQueueBytes: 100_000 });
    waiting.total = 95_000;
    append(1000);
    assert.equal(failures.length, 0);
    append(8000);
    assert.match(failures[0]!.message, /record\.maxTotalQueueBytes is 100000/);
    assert.equal(waiting.total, 95_000);
  });
});

test('all recordings together keep two threads busy, one after the other in their order', async () => {
  const turns = new DiskTurns();
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const begun: number[] = [];
  const work = gates.map((gate, i) => turns.run(() => (begun.push(i), gate.promise)));
  assert.deepEqual(begun, [0, 1]);
  gates[1]!.resolve();
  await work[1];
  await until(() => begun.length === 3, 'the next');
  gates[0]!.reject(new Error('a disk'));
  await assert.rejects(work[0]!, /a disk/);
  await until(() => begun.length === 4, 'the last');
  for (const gate of gates) gate.resolve();
  await Promise.allSettled(work);
});

test('a head without room has a hole', async (t) => {
  const { file, folder, append, open } = setUp(t);
  await open();
  append();
  await file.close();
  const bytes = readFileSync(join(folder, `${NUMBER}.flv`));
  assert.ok(bytes.subarray(4096, fileHeadBytes - 4).every((byte) => byte === 0));
});

test('a folder is made with those above it, and again without complaint', async (t) => {
  const { folder } = setUp(t);
  const path = join(folder, 'a/b/c');
  const many = Array.from({ length: 40 }, (_, i) => fileSystem.mkdir(join(folder, `a/${i}`)));
  await Promise.all([fileSystem.mkdir(path), fileSystem.mkdir(path), ...many]);
  await fileSystem.mkdir(path);
  assert.deepEqual(readdirSync(join(folder, 'a/b')), ['c']);
  writeFileSync(join(folder, 'file'), '');
  await assert.rejects(fileSystem.mkdir(join(folder, 'file/a/b')), { code: 'ENOTDIR' });
  await assert.rejects(fileSystem.mkdir(join(folder, 'file')), { code: 'EEXIST' });
});

test('a file system that has no room for folders says so, and is not asked for ever', {
  skip: process.platform === 'linux' ? false : 'there is no /proc',
  timeout: 10_000,
}, async () => {
  await assert.rejects(fileSystem.mkdir('/proc/nms/a'), { code: 'ENOENT' });
});
