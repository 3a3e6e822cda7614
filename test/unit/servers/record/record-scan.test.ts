import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { Store } from '../../../../src/core/store.ts';
import type { Recording } from '../../../../src/core/recorder.ts';
import { silentLogger } from '../../../../src/core/logger.ts';
import { encodeAmf0 } from '../../../../src/protocols/amf/amf0.ts';
import { amfObject } from '../../../../src/protocols/amf/amf-value.ts';
import { fileHeadBytes, firstPageBytes, headBackPointer } from '../../../../src/protocols/flv/flv-file-head.ts';
import { FlvFileWalk } from '../../../../src/protocols/flv/flv-file-walk.ts';
import { closedHead, FlvFileWriter } from '../../../../src/protocols/flv/flv-file-writer.ts';
import { encodeTag } from '../../../../src/protocols/flv/flv-tag.ts';
import { RecordLibrary } from '../../../../src/servers/record/record-library.ts';
import { streamFolder } from '../../../../src/servers/record/record-paths.ts';
import { scanRecordings } from '../../../../src/servers/record/record-scan.ts';
import { recordingLogger, type LogLine } from '../../../support/house.ts';
import { bodies } from '../../../support/media.ts';
import {
  assertClosed,
  assertTrueHead,
  audio,
  flvHeader,
  type ReadTag,
  readFlv,
  video,
} from '../../../support/recordings.ts';

const NUMBER = 1764000000000;

/** A recording of ours as a crash leaves it. */
function unfinished(own: Record<string, string>, frames = 10): Buffer {
  const writer = new FlvFileWriter(amfObject(own));
  const parts = [writer.take(Buffer.concat([flvHeader, video(500, bodies.avcConfig)]))];
  for (let i = 0; i < frames; i++) {
    parts.push(writer.take(video(500 + i * 40, i % 5 === 0 ? bodies.key('key') : bodies.inter('inter'))));
  }
  const head = Buffer.alloc(fileHeadBytes);
  writer.head().copy(head);
  headBackPointer.copy(head, fileHeadBytes - 4);
  return Buffer.concat([head, ...parts]);
}

/** One as Node-Media-Server 4 leaves it. */
function foreign(): Buffer {
  const body = encodeAmf0(['@setDataFrame', 'onMetaData', amfObject({ width: 640 })]);
  return Buffer.concat([
    flvHeader,
    encodeTag({ type: 18, timestampMs: 0, body }),
    video(0, bodies.avcConfig),
    audio(0, bodies.aacConfig),
    video(90_000, bodies.key()),
    audio(90_010, bodies.aac()),
    video(93_500, bodies.inter()),
    audio(93_480, bodies.aac()),
  ]);
}

function setUp(t: TestContext) {
  const base = mkdtempSync(join(tmpdir(), 'nms-scan-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const root = join(base, 'record');
  mkdirSync(root);
  const store = new Store({ folder: join(base, 'data'), durability: 'none', logger: silentLogger });
  const library = new RecordLibrary(store);
  library.open();
  t.after(() => library.close());
  const lines: LogLine[] = [];
  const logger = recordingLogger(lines);
  const put = (filePath: string, bytes: Buffer, ageMs = 3_600_000): string => {
    const path = join(root, filePath);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    const at = (Date.now() - ageMs) / 1000;
    utimesSync(path, at, at);
    return path;
  };
  const scan = (isOurs: (path: string) => boolean = () => false) => {
    return scanRecordings({ root, library, logger, isOurs, isOver: () => false });
  };
  const list = () =>
    library.page(root, { sort: 'startTime', order: 'asc', offset: 0, limit: 1000 }).items.map((item) => item);
  return { root, base, library, lines, put, scan, list };
}

const recording = (values: Partial<Recording>): Recording => ({
  id: 'id',
  streamPath: '/live/a',
  app: 'live',
  name: 'a',
  filePath: `live/a/${NUMBER}.flv`,
  publisherId: 'publisher',
  startTime: NUMBER,
  endTime: 0,
  duration: 0,
  size: 0,
  status: 'recording',
  reason: '',
  ...values,
});

describe('what a crash has left', () => {
  test('is finished and listed, wherever it was cut, and keeps what was known of it', async (t) => {
    const { root, library, put, scan, list } = setUp(t);
    const whole = unfinished({ recordingId: 'id' });
    const ends = readFlv(whole).tags.map(({ position, body }) => position + body.length + 15);
    library.put(root, recording({}));
    for (let cut = ends[1]!; cut <= whole.length; cut += 3) {
      const path = put(`live/a/${NUMBER}.flv`, whole.subarray(0, cut), 0);
      library.put(root, recording({}));
      const report = await scan();
      assert.deepEqual(report, { found: 0, repaired: 1, gone: 0, busy: 0 });
      const bytes = readFileSync(path);
      assertClosed(bytes);
      assert.equal(bytes.length, ends.filter((end) => end <= cut).at(-1));
      const [item, ...more] = list();
      assert.deepEqual(more, []);
      assert.equal(item?.status, 'repaired');
      assert.deepEqual([item.id, item.publisherId, item.startTime], ['id', 'publisher', NUMBER]);
      assert.equal(item.size, bytes.length);
      assert.equal(item.duration, Number(readFlv(bytes).values['duration']) * 1000);
      assert.deepEqual(await scan(), { found: 0, repaired: 0, gone: 0, busy: 0 });
    }
  });

  test('is finished without anything known of it, under its own id, once nobody can be writing it any more', async (t) => {
    const { put, scan, list } = setUp(t);
    put(`live/b/${NUMBER}.flv`, unfinished({ recordingId: 'from the file' }), 0);
    assert.deepEqual(await scan(), { found: 0, repaired: 0, gone: 0, busy: 1 });
    assert.deepEqual(list(), []);
    put(`live/b/${NUMBER}.flv`, unfinished({ recordingId: 'from the file' }), 61_000);
    assert.deepEqual(await scan(), { found: 0, repaired: 1, gone: 0, busy: 0 });
    const [item] = list();
    assert.deepEqual(
      [item?.id, item?.streamPath, item?.startTime, item?.duration, item?.status],
      ['from the file', '/live/b', NUMBER, 400, 'repaired'],
    );
  });

  test('before its first media is removed', async (t) => {
    const { root, library, put, scan, list } = setUp(t);
    const whole = unfinished({ recordingId: 'id' });
    for (const length of [0, 9, 4096, fileHeadBytes, fileHeadBytes + 20]) {
      library.put(root, recording({}));
      const path = put(`live/a/${NUMBER}.flv`, whole.subarray(0, length), 0);
      await scan();
      assert.equal(existsSync(path), false, `${length} bytes`);
      assert.deepEqual(list(), []);
    }
  });

  test('between the two writes that put the index in is whole, and is finished', async (t) => {
    const { root, library, put, scan, list } = setUp(t);
    const bytes = unfinished({ recordingId: 'id' }, 3_000);
    const walk = new FlvFileWalk({ firstTag: fileHeadBytes, fileBytes: bytes.length });
    while (!walk.isOver) walk.take(bytes.subarray(walk.position));
    const head = closedHead({ recordingId: 'id' }, walk.index, { fileBytes: bytes.length, entries: true });
    assert.ok(head.length > 2 * firstPageBytes);
    // Pages of the second part may arrive or not.
    for (const end of [firstPageBytes, 2 * firstPageBytes, head.length]) {
      const between = Buffer.from(bytes);
      head.copy(between, firstPageBytes, firstPageBytes, end);
      assert.equal(readFlv(between).tags.length, 3_001);
      library.put(root, recording({}));
      const path = put(`live/a/${NUMBER}.flv`, between, 0);
      assert.equal((await scan()).repaired, 1);
      assert.equal(assertClosed(readFileSync(path)).keyframes.length, 601);
      assert.equal(list()[0]?.duration, 120_000);
    }
  });

  test('keeps the stamp of its only frame, though the disk has damaged that stamp: nobody knows a better one', async (t) => {
    const { root, library, put, scan } = setUp(t);
    const bytes = unfinished({ recordingId: 'id' }, 1);
    const [, { position }] = readFlv(bytes).tags as [unknown, ReadTag];
    bytes[position + 5] = 1;
    library.put(root, recording({}));
    const path = put(`live/a/${NUMBER}.flv`, bytes, 0);
    assert.equal((await scan()).repaired, 1);
    const { values, tags } = assertTrueHead(readFileSync(path));
    assert.deepEqual([tags[1]?.timeMs, values['lasttimestamp']], [256, 0.256]);
  });

  test('is left alone while this server writes it', async (t) => {
    const { root, library, put, scan, list } = setUp(t);
    library.put(root, recording({}));
    const bytes = unfinished({ recordingId: 'id' });
    const path = put(`live/a/${NUMBER}.flv`, bytes);
    await scan((filePath) => filePath === `live/a/${NUMBER}.flv`);
    assert.deepEqual(readFileSync(path), bytes);
    assert.equal(list()[0]?.status, 'recording');
  });

  test('does not take a day for a file of its own length: stamps beyond 24 days are followed', async (t) => {
    const { put, scan, list } = setUp(t);
    const writer = new FlvFileWriter(amfObject({ recordingId: 'long' }));
    const parts = [0, 0x7ffffff0, 0xffffffe0, 0x7fffff00].map((stamp, index) => {
      const tag = video(stamp, bodies.key());
      return writer.take(index === 0 ? Buffer.concat([flvHeader, tag]) : tag);
    });
    const head = Buffer.alloc(fileHeadBytes);
    writer.head().copy(head);
    headBackPointer.copy(head, fileHeadBytes - 4);
    put('live/a/x.flv', Buffer.concat([head, ...parts]));
    await scan();
    assert.equal(list()[0]?.duration, 2 ** 32 + 0x7fffff00);
  });
});

describe('files of others', () => {
  test('are listed with their duration, and never changed, whole or cut', async (t) => {
    const { put, scan, list } = setUp(t);
    const whole = foreign();
    const files = {
      whole: put('live/nms/1764000000001.flv', whole),
      cut: put('live/nms/1764000000002.flv', whole.subarray(0, -7)),
      named: put('live/nms/evening.flv', whole, 5_000),
    };
    const before = Object.values(files).map((path) => readFileSync(path));
    assert.deepEqual(await scan(), { found: 3, repaired: 0, gone: 0, busy: 0 });
    assert.deepEqual(
      Object.values(files).map((path) => readFileSync(path)),
      before,
    );
    const items = list();
    assert.deepEqual(
      items.map(({ duration, status, streamPath }) => [duration, status, streamPath]),
      [
        [3_500, 'done', '/live/nms'],
        [3_500, 'done', '/live/nms'],
        [3_500, 'done', '/live/nms'],
      ],
    );
    assert.equal(items[2]!.endTime - items[2]!.startTime, 3_500);
    assert.equal(new Set(items.map(({ id }) => id)).size, 3);
    assert.deepEqual(await scan(), { found: 0, repaired: 0, gone: 0, busy: 0 });
    assert.deepEqual(list(), items);
  });

  test('of Enhanced RTMP count from their first media too: Node-Media-Server 4 stamps headers with 0', async (t) => {
    const { put, scan, list } = setUp(t);
    const ex = (first: string, fourCc: string, content: string) =>
      Buffer.concat([Buffer.from(first, 'hex'), Buffer.from(fourCc + content, 'latin1')]);
    const file = Buffer.concat([
      flvHeader,
      audio(0, ex('90', 'Opus', 'OpusHead')),
      audio(0, ex('94', 'Opus', '\x01\x02\x00')),
      video(0, ex('d4', 'hvc1', '')),
      video(0, ex('90', 'hvc1', 'configuration')),
      video(100_000_000, ex('91', 'hvc1', '\0\0\0key')),
      audio(100_000_010, ex('91', 'Opus', 'sound')),
      video(100_000_040, ex('a3', 'hvc1', 'inter')),
    ]);
    put('live/nms/1764000000001.flv', file);
    put('live/nms/1764000000002.flv', file.subarray(0, -1));
    await scan();
    assert.deepEqual(
      list().map(({ duration }) => duration),
      [40, 10],
    );
  });

  test('that are none, lie elsewhere, or are links, are not listed', async (t) => {
    const { root, base, put, scan, list } = setUp(t);
    put('live/a/notes.txt', foreign());
    put('live/a/picture.flv', Buffer.from('not a film at all, whatever its name says'));
    put('live/a/empty.flv', Buffer.alloc(0));
    put('live/too-high.flv', foreign());
    put('live/no such name/1.flv', foreign());
    put('1/2/3/4/5/6/7/8/9/10/deep.flv', foreign());
    writeFileSync(join(base, 'outside.flv'), foreign());
    symlinkSync(join(base, 'outside.flv'), join(root, 'live/a/link.flv'));
    mkdirSync(join(base, 'elsewhere/x'), { recursive: true });
    writeFileSync(join(base, 'elsewhere/x/1.flv'), foreign());
    symlinkSync(join(base, 'elsewhere'), join(root, 'linked'));
    assert.deepEqual(await scan(), { found: 0, repaired: 0, gone: 0, busy: 0 });
    assert.deepEqual(list(), []);
  });
});

test('whatever a file holds, looking at it ends, hurts nobody, and changes only what is ours', async (t) => {
  const { root, library, put, scan, list, lines } = setUp(t);
  const seeds = [unfinished({ recordingId: 'id' }), foreign()];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 12 }),
      fc.nat(),
      async (seed, changes, length) => {
        const bytes = Buffer.from(seed.subarray(0, length % (seed.length + 1)));
        const isOurs = seed === seeds[0];
        // Of ours, what is in the head and what comes behind it are hit alike.
        for (const [at, byte] of changes) {
          const index = isOurs && at % 2 === 0 ? fileHeadBytes + (at % 500) : at % Math.min(bytes.length || 1, 300);
          if (index < bytes.length) bytes[index] = byte;
        }
        library.remove(list().map(({ id }) => id));
        const path = put(`live/a/${NUMBER}.flv`, bytes);
        await scan();
        if (!existsSync(path)) return;
        const [item] = list();
        const after = readFileSync(path);
        if (item?.status === 'repaired') assertTrueHead(after);
        else assert.deepEqual(after, bytes);
        assert.ok(item === undefined || (item.duration >= 0 && item.size === after.length));
        rmSync(join(root, 'live'), { recursive: true });
      },
    ),
    { numRuns: 150 },
  );
  assert.deepEqual(
    lines.filter(({ level }) => level === 'error'),
    [],
  );
});

describe('what is known', () => {
  test('is forgotten with its file, and a copy of a file has an id of its own', async (t) => {
    const { root, library, put, scan, list } = setUp(t);
    library.put(root, recording({ status: 'done', size: 5 }));
    assert.deepEqual(await scan(), { found: 0, repaired: 0, gone: 1, busy: 0 });
    const bytes = unfinished({ recordingId: 'id' });
    put(`live/a/${NUMBER}.flv`, bytes);
    put(`live/copy/${NUMBER}.flv`, bytes);
    await scan();
    const ids = list().map(({ id }) => id);
    assert.ok(ids.includes('id'));
    assert.equal(new Set(ids).size, 2);
  });

  test('stays forgotten when an operator wanted that, and the file stays', async (t) => {
    const { library, put, scan, list } = setUp(t);
    const path = put('live/a/film.flv', foreign());
    await scan();
    library.forget(list()[0]!.id);
    await scan();
    assert.deepEqual(list(), []);
    assert.ok(existsSync(path));
  });

  test('of a stream with a long name is its name, though its folder has a shorter one', async (t) => {
    const { put, scan, list } = setUp(t);
    const streamPath = `/live/${'播'.repeat(128)}` as const;
    put(`${streamFolder(streamPath)}/${NUMBER}.flv`, unfinished({ recordingId: 'id', streamPath }));
    put(`live/other/${NUMBER}.flv`, unfinished({ recordingId: 'liar', streamPath }));
    await scan();
    assert.deepEqual(
      list()
        .map((item) => item.streamPath)
        .sort(),
      ['/live/other', streamPath].sort(),
    );
  });

  test('is brought up to date when a file has changed', async (t) => {
    const { put, scan, list } = setUp(t);
    const path = put('live/a/film.flv', foreign());
    await scan();
    appendFileSync(path, video(99_000, bodies.inter()));
    await scan();
    assert.deepEqual([list()[0]?.duration, list()[0]?.size], [9_000, statSync(path).size]);
  });

  test('does not suffer from a file or a folder that cannot be read', { skip: process.getuid?.() === 0 }, async (t) => {
    const { root, put, scan, list, lines } = setUp(t);
    put('live/a/film.flv', foreign());
    chmodSync(put('live/a/locked.flv', foreign()), 0);
    mkdirSync(join(root, 'locked'));
    chmodSync(join(root, 'locked'), 0);
    await scan();
    chmodSync(join(root, 'locked'), 0o755);
    assert.equal(list().length, 1);
    assert.equal(lines.filter(({ level }) => level === 'warn').length, 2);
  });
});
