import assert from 'node:assert/strict';
import type { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import type { HistoryEntry, HistoryQuery } from '../../../../src/core/history.ts';
import { openDatabase } from '../../../../src/core/sqlite.ts';
import { migrate } from '../../../../src/core/store-part.ts';
import { HistoryTable } from '../../../../src/servers/history/history-table.ts';

function entry(values: Partial<HistoryEntry>): HistoryEntry {
  const streamPath = values.streamPath ?? '/live/a';
  const cut = streamPath.lastIndexOf('/');
  const { startTime = 1000, endTime = startTime + 500 } = values;
  return {
    id: 'id',
    role: 'publisher',
    protocol: 'rtmp',
    ip: '192.0.2.1:5000',
    user: '',
    userAgent: 'test',
    inBytes: 1,
    outBytes: 2,
    droppedFrames: 3,
    playCount: 4,
    reason: 'the peer said deleteStream',
    ...values,
    streamPath,
    app: streamPath.slice(1, cut),
    name: streamPath.slice(cut + 1),
    startTime,
    endTime,
    duration: endTime - startTime,
  };
}

function openTable(): { readonly table: HistoryTable; readonly database: DatabaseSync } {
  const database = openDatabase(':memory:', { busyTimeoutMs: 0 });
  migrate(database, HistoryTable.part);
  return { table: new HistoryTable(database), database };
}

const query = (values: Partial<HistoryQuery> = {}): HistoryQuery => ({
  sort: 'startTime',
  order: 'desc',
  offset: 0,
  limit: 100,
  ...values,
});

const never = { before: 0, limit: 500 };

describe('the table of history', () => {
  test('gives back what it was given, app and name of a deep path too', () => {
    const { table } = openTable();
    const given = entry({ id: 'x', streamPath: '/a/b/cam', user: 'alice', startTime: 5, endTime: 12 });
    table.add([given]);
    assert.deepEqual(table.list(query()).items, [given]);
    assert.deepEqual([given.app, given.name, given.duration], ['a/b', 'cam', 7]);
  });

  test('finds by every condition, all of them at once', () => {
    const { table } = openTable();
    table.add([
      entry({ id: 'p1', startTime: 1 }),
      entry({ id: 'p2', startTime: 2, streamPath: '/live/b', ip: '198.51.100.7:1', protocol: 'ws-flv' }),
      entry({ id: 'v1', startTime: 3, role: 'player', ip: '192.0.2.10:5' }),
      entry({ id: 'v2', startTime: 4, role: 'player', ip: '[2001:db8::7]:5' }),
    ]);
    const ids = (values: Partial<HistoryQuery>) => table.list(query(values)).items.map(({ id }) => id);
    assert.deepEqual(ids({}), ['v2', 'v1', 'p2', 'p1']);
    assert.deepEqual(ids({ role: 'player' }), ['v2', 'v1']);
    assert.deepEqual(ids({ streamPath: '/live/b' }), ['p2']);
    assert.deepEqual(ids({ protocol: 'ws-flv' }), ['p2']);
    assert.deepEqual(ids({ ip: '192.0.2.1' }), ['p1'], 'not 192.0.2.10');
    assert.deepEqual(ids({ ip: '192.0.2.1:5000' }), ['p1']);
    assert.deepEqual(ids({ ip: '2001:db8::7' }), ['v2']);
    assert.deepEqual(ids({ search: 'LIVE/B' }), ['p2']);
    assert.deepEqual(ids({ search: '51.100' }), ['p2']);
    assert.deepEqual(ids({ search: '%' }), [], 'no pattern');
    assert.deepEqual(ids({ search: "' OR 1=1 --" }), []);
    assert.deepEqual(ids({ start: 2, end: 3 }), ['v1', 'p2']);
    assert.deepEqual(ids({ role: 'publisher', start: 2 }), ['p2']);
  });

  test('sorts, pages, and counts what the page does not show', () => {
    const { table } = openTable();
    table.add([3, 1, 2].map((n) => entry({ id: String(n), startTime: n, outBytes: -n, streamPath: `/live/${n}` })));
    const ids = (values: Partial<HistoryQuery>) => table.list(query(values)).items.map(({ id }) => id);
    assert.deepEqual(ids({ sort: 'startTime', order: 'asc' }), ['1', '2', '3']);
    assert.deepEqual(ids({ sort: 'outBytes', order: 'asc' }), ['3', '2', '1']);
    assert.deepEqual(ids({ sort: 'streamPath', order: 'desc' }), ['3', '2', '1']);
    assert.deepEqual(ids({ order: 'asc', offset: 1, limit: 1 }), ['2']);
    assert.equal(table.list(query({ offset: 2, limit: 5 })).count, 3);
  });

  test('keeps the newest of each role, whatever the other brings, and forgets a bounded number at a time', () => {
    const { table } = openTable();
    table.add([entry({ id: 'p', startTime: 1 })]);
    table.add(Array.from({ length: 30 }, (_, i) => entry({ id: `v${i}`, role: 'player', startTime: 100 + i })));
    assert.equal(table.prune({ max: 10, before: 0, limit: 15 }), 15);
    assert.equal(table.prune({ max: 10, before: 0, limit: 15 }), 5);
    assert.equal(table.prune({ max: 10, before: 0, limit: 15 }), 0);
    assert.deepEqual(
      table.list(query({ order: 'asc' })).items.map(({ id }) => id),
      ['p', ...Array.from({ length: 10 }, (_, i) => `v${20 + i}`)],
    );
  });

  test('a long publish that has just ended is not the oldest', () => {
    const { table } = openTable();
    table.add([
      entry({ id: 'short', startTime: 500, endTime: 600 }),
      entry({ id: 'long', startTime: 1, endTime: 700 }),
    ]);
    table.prune({ max: 1, ...never });
    assert.deepEqual(
      table.list(query()).items.map(({ id }) => id),
      ['long'],
    );
  });

  test('forgets by age what ended before', () => {
    const { table } = openTable();
    table.add([1, 2, 3].map((n) => entry({ id: String(n), endTime: n * 1000 })));
    assert.equal(table.prune({ max: 10, before: 2001, limit: 10 }), 2);
    assert.deepEqual(
      table.list(query()).items.map(({ id }) => id),
      ['3'],
    );
    // The counts followed: one more is one more.
    table.add([entry({ id: '4' })]);
    assert.equal(table.prune({ max: 2, ...never }), 0);
    assert.equal(table.prune({ max: 1, ...never }), 1);
  });

  test('counts what an earlier run has left', () => {
    const { table, database } = openTable();
    table.add(Array.from({ length: 5 }, () => entry({})));
    assert.equal(new HistoryTable(database).prune({ max: 3, ...never }), 2);
  });

  test('forgets one stream, or all', () => {
    const { table } = openTable();
    table.add([entry({}), entry({ streamPath: '/live/b' }), entry({ streamPath: '/live/b', role: 'player' })]);
    assert.equal(table.clear('/live/b'), 2);
    assert.equal(table.list(query()).count, 1);
    assert.equal(table.clear(), 1);
    assert.equal(table.list(query()).count, 0);
    table.add([entry({})]);
    assert.equal(table.prune({ max: 1, ...never }), 0);
  });
});
