import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import type { Recorder, Recording, RecordingPage, RecordingQuery } from '../../src/core/recorder.ts';
import { BusyError, RecordError } from '../../src/errors.ts';
import { type ApiHouse, startApiHouse } from '../support/api-house.ts';

/** A library of recordings that the test has made. */
class FakeLibrary {
  readonly recordings: Recording[] = [];
  readonly queries: RecordingQuery[] = [];
  readonly removed: string[] = [];
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  add(id: string, values: Partial<Recording> & { readonly content?: string } = {}): void {
    const { content, ...rest } = values;
    const filePath = rest.filePath ?? `live/a/${id}.flv`;
    this.recordings.push({
      id,
      streamPath: '/live/a',
      app: 'live',
      name: 'a',
      filePath,
      publisherId: 'p',
      startTime: 1,
      endTime: 2,
      duration: 1,
      size: content?.length ?? 0,
      status: 'done',
      reason: '',
      ...rest,
    });
    if (content === undefined) return;
    const file = join(this.folder, filePath);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  current(): null {
    return null;
  }

  list(query: RecordingQuery): RecordingPage {
    this.queries.push(query);
    const items = this.recordings.slice(query.offset, query.offset + query.limit);
    return { items, count: this.recordings.length, totalDuration: 7, totalSize: 11 };
  }

  find(id: string): Recording | null {
    return this.recordings.find((recording) => recording.id === id) ?? null;
  }

  locate({ filePath }: Recording): string | null {
    return filePath === 'gone.flv' ? null : join(this.folder, filePath);
  }

  async remove(id: string, { file }: { readonly file: boolean }): Promise<void> {
    if (this.find(id)?.status === 'recording') throw new BusyError('it goes on');
    if (id === 'stuck') throw new RecordError('EROFS: read-only file system, /record/stuck.flv');
    this.removed.push(`${id} ${file}`);
  }
}

async function startWithLibrary(workers = 1): Promise<ApiHouse & { readonly library: FakeLibrary }> {
  const house = await startApiHouse({ workers });
  const library = new FakeLibrary(join(house.folder, '.hidden', 'record'));
  house.context.recorder = library as unknown as Recorder;
  return Object.assign(house, { library });
}

describe('API: recordings', () => {
  test('are listed with what was asked for, in pages', async () => {
    await using house = await startWithLibrary();
    for (const id of ['r1', 'r2', 'r3']) house.library.add(id);
    const reply = await house.guest(
      '/records?streamPath=/live/a&search=a&status=done&start=2026-01-01&end=2026-01-01&page=2&pageSize=2',
    );
    assert.equal(reply.status, 200, reply.text);
    const { items, ...facts } = reply.body.data;
    assert.deepEqual(facts, { count: 3, page: 2, pageSize: 2, totalDuration: 7, totalSize: 11 });
    assert.deepEqual(items, [house.library.recordings[2]]);
    assert.deepEqual(house.library.queries, [
      {
        streamPath: '/live/a',
        search: 'a',
        status: 'done',
        start: Date.UTC(2026, 0, 1),
        end: Date.UTC(2026, 0, 2) - 1,
        sort: 'startTime',
        order: 'desc',
        offset: 2,
        limit: 2,
      },
    ]);
    assert.deepEqual((await house.guest('/records/r2')).body.data, house.library.recordings[1]);
    assert.equal((await house.guest('/records/none')).status, 404);
    assert.equal((await house.guest('/records?status=lost')).status, 400);
  });

  test('are removed by administrators, but not while they go on', async () => {
    await using house = await startWithLibrary();
    house.library.add('r1');
    house.library.add('r2', { status: 'recording' });
    assert.equal((await house.guest('/records/r1', { method: 'DELETE' })).status, 403);
    assert.equal((await house.admin('/records/none', { method: 'DELETE' })).status, 404);
    const busy = await house.admin('/records/r2?file=true', { method: 'DELETE' });
    assert.deepEqual([busy.status, busy.body.code], [409, 'CONFLICT']);
    const kept = await house.admin('/records/r1', { method: 'DELETE' });
    assert.deepEqual(kept.body.data, { id: 'r1', fileDeleted: false });
    const gone = await house.admin('/records/r1?file=true', { method: 'DELETE' });
    assert.deepEqual(gone.body.data, { id: 'r1', fileDeleted: true });
    assert.deepEqual(house.library.removed, ['r1 false', 'r1 true']);
  });

  test('that a disk does not let go are 503, and why is for the log', async () => {
    await using house = await startWithLibrary();
    house.library.add('stuck');
    const reply = await house.admin('/records/stuck?file=true', { method: 'DELETE' });
    assert.deepEqual([reply.status, reply.body.code], [503, 'UNAVAILABLE']);
    assert.doesNotMatch(reply.text, /EROFS|stuck/);
    const reasons = house.running.lines.flatMap(({ fields }) => fields['reason'] ?? []);
    assert.deepEqual(reasons, ['EROFS: read-only file system, /record/stuck.flv']);
  });

  test('without a recorder are 503', async () => {
    await using house = await startApiHouse();
    house.context.recorder = null;
    for (const path of ['/records', '/records/r1', '/records/r1/download']) {
      const reply = await house.admin(path);
      assert.deepEqual([reply.status, reply.body.code], [503, 'UNAVAILABLE'], path);
    }
  });
});

for (const workers of [1, 2]) {
  describe(`API: downloads, ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    test('a file comes whole or in parts, under a name that is safe', async () => {
      await using house = await startWithLibrary(workers);
      house.library.add('r1', { content: '0123456789', app: 'a/b', name: 'ü";x', filePath: 'a/b/x/17.flv' });
      const path = '/records/r1/download';
      const whole = await house.guest(path);
      assert.deepEqual([whole.status, whole.text], [200, '0123456789']);
      assert.equal(whole.headers['content-type'], 'video/x-flv');
      assert.equal(whole.headers['accept-ranges'], 'bytes');
      assert.equal(whole.headers['cache-control'], 'no-store');
      assert.equal(
        whole.headers['content-disposition'],
        `attachment; filename="a-b-?--x-17.flv"; filename*=UTF-8''a-b-%C3%BC--x-17.flv`,
      );
      const part = (range: string, more: Record<string, string> = {}) =>
        house.guest(path, { headers: { Range: range, ...more } });
      const middle = await part('bytes=2-4');
      assert.deepEqual([middle.status, middle.text, middle.headers['content-range']], [206, '234', 'bytes 2-4/10']);
      assert.deepEqual([(await part('bytes=-3')).text, (await part('bytes=8-')).text], ['789', '89']);
      const all = await part('bytes=-11');
      assert.deepEqual([all.status, all.text, all.headers['content-range']], [206, '0123456789', 'bytes 0-9/10']);
      assert.equal((await part('bytes=-0')).status, 416);
      const { etag } = whole.headers;
      assert.equal((await part('bytes=2-4', { 'If-Range': String(etag) })).status, 206);
      const changed = await part('bytes=2-4', { 'If-Range': '"another"' });
      assert.deepEqual([changed.status, changed.text], [200, '0123456789']);
      const beyond = await part('bytes=10-');
      assert.deepEqual(
        [beyond.status, beyond.body.code, beyond.headers['content-range'], beyond.headers['content-disposition']],
        [416, 'RANGE_NOT_SATISFIABLE', 'bytes */10', undefined],
      );
      const other = await house.guest(path, { headers: { 'If-Match': '"another"' } });
      assert.deepEqual([other.status, other.body.code], [412, 'PRECONDITION_FAILED']);
      const head = await house.guest(path, { method: 'HEAD' });
      assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '10']);
    });

    test('what goes on is 409; what is not there is 404, as JSON', async () => {
      await using house = await startWithLibrary(workers);
      house.library.add('r1', { status: 'recording', content: 'x' });
      house.library.add('r2');
      house.library.add('r3', { filePath: 'gone.flv' });
      const answerOf = async (id: string) => {
        const { status, body, headers } = await house.guest(`/records/${id}/download`);
        return [status, body.code, headers['content-disposition']];
      };
      assert.deepEqual(await answerOf('r1'), [409, 'CONFLICT', undefined]);
      for (const id of ['r2', 'r3', 'r4', '..%2F..%2Fetc%2Fpasswd']) {
        assert.deepEqual(await answerOf(id), [404, 'NOT_FOUND', undefined], id);
      }
      assert.equal((await house.guest('/records/r2/download')).text.includes(house.folder), false);
    });
  });
}
