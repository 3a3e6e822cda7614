import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLogger } from '../../../../src/core/logger.ts';
import type { Recording } from '../../../../src/core/recorder.ts';
import { Store } from '../../../../src/core/store.ts';
import { RecordLibrary } from '../../../../src/servers/record/record-library.ts';

const ALL = { sort: 'startTime', order: 'asc', offset: 0, limit: 100 } as const;
const ROOT = '/record';

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'nms-library-'));
  const store = new Store({ folder, durability: 'none', logger: silentLogger });
  const library = new RecordLibrary(store);
  library.open();
  t.after(() => {
    library.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    library,
    /** The store can be read, and not written, as on a disk that is full. */
    jam: (isJammed: boolean) =>
      store.read((database) => database.exec(`PRAGMA query_only = ${isJammed ? 'ON' : 'OFF'}`)),
    list: () => library.page(ROOT, ALL).items.map(({ id, status, size }) => `${id} ${status} ${size}`),
  };
}

function recording(id: string, values: Partial<Recording>): Recording {
  return {
    id,
    streamPath: '/live/a',
    app: 'live',
    name: 'a',
    filePath: `live/a/${id}.flv`,
    publisherId: 'p',
    startTime: 1,
    endTime: 0,
    duration: 0,
    size: 0,
    status: 'recording',
    reason: '',
    ...values,
  };
}

test('while the store cannot be written, a recording that failed is not one that goes on, and one that is gone is not there', (t) => {
  const { library, jam, list } = setUp(t);
  library.put(ROOT, recording('failed', {}));
  library.put(ROOT, recording('gone', {}));
  assert.deepEqual(list(), ['failed recording 0', 'gone recording 0']);
  jam(true);
  const failed = recording('failed', { status: 'failed', reason: 'the disk is full', size: 9 });
  library.put(ROOT, failed);
  library.remove(['gone']);
  assert.deepEqual(list(), ['failed failed 9']);
  assert.deepEqual([library.find(ROOT, 'failed'), library.find(ROOT, 'gone')], [failed, null]);
  jam(false);
  assert.deepEqual(list(), ['failed failed 9']);
  assert.deepEqual(
    [...library.known(ROOT).values()].map(({ id, size }) => `${id} ${size}`),
    ['failed 9'],
  );
});

test('a recording that comes back under the id of one that could not be removed is there', (t) => {
  const { library, jam, list } = setUp(t);
  library.put(ROOT, recording('a', { status: 'done' }));
  assert.deepEqual(list(), ['a done 0']);
  jam(true);
  library.remove(['a']);
  library.put(ROOT, recording('a', { status: 'done', size: 7 }));
  jam(false);
  assert.deepEqual(list(), ['a done 7']);
});

test('whoever cannot forget a recording says so, and it stays', (t) => {
  const { library, jam, list } = setUp(t);
  library.put(ROOT, recording('a', { status: 'done' }));
  assert.deepEqual(list(), ['a done 0']);
  jam(true);
  assert.equal(library.forget('a'), false);
  assert.deepEqual(list(), ['a done 0']);
  jam(false);
  assert.equal(library.forget('a'), true);
  assert.deepEqual(list(), []);
});
