import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Store } from '../../../../src/core/store.ts';
import { notifySection } from '../../../../src/servers/notify/config.ts';
import { OutboxStore } from '../../../../src/servers/notify/outbox-store.ts';
import { OutboxWriter } from '../../../../src/servers/notify/outbox-writer.ts';
import { type LogLine, recordingLogger, settle } from '../../../support/house.ts';

function makeLab(t: TestContext, config: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'nms-writer-'));
  const lines: LogLine[] = [];
  const file = new Store({ folder, durability: 'none', logger: recordingLogger(lines) });
  const store = new OutboxStore(file);
  const dropped: number[] = [];
  let written = 0;
  const { outbox } = notifySection.parse({ outbox: config });
  const writer = new OutboxWriter({
    store,
    config: () => outbox,
    now: () => 1000,
    onWritten: () => written++,
    onDropped: (_target, calls) => void dropped.push(calls),
  });
  store.open();
  t.after(() => {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const ids = () => {
    const [lane] = store.read((outbox) => outbox.dueLanes({ target: 'a', limit: 1 }, 1e9)) ?? [];
    if (lane === undefined) return [];
    return (store.read((outbox) => outbox.callsOf(lane.lane, 10_000)) ?? []).map(({ id }) => id);
  };
  const add = (id: string, body = '{}') => writer.add({ id, target: 'a', stream: 'x', event: 'postPublish', body });
  return { file, store, writer, add, ids, dropped, lines, written: () => written };
}

describe('the writer of the outbox', () => {
  test('writes what comes in one turn of the event loop at once, in order', async (t) => {
    const lab = makeLab(t);
    const names = Array.from({ length: 60 }, (_, index) => `e${index}`);
    for (const name of names) lab.add(name);
    assert.deepEqual(lab.ids(), []);
    await settle();
    await settle();
    assert.deepEqual(lab.ids(), names);
    assert.equal(lab.written(), 1);
  });

  test('spreads a flood over several turns, and keeps its order', async (t) => {
    const lab = makeLab(t);
    const names = Array.from({ length: 1200 }, (_, index) => `e${index}`);
    for (const name of names) lab.add(name);
    await settle();
    await settle();
    assert.ok(lab.ids().length < 1200);
    while (lab.ids().length < 1200) await settle();
    assert.deepEqual(lab.ids(), names);
    assert.equal(lab.written(), 12);
  });

  test('does not let a flood of one turn fill the memory: it writes at once', (t) => {
    const lab = makeLab(t, { maxMemoryBytes: 4_000_000 });
    const body = JSON.stringify('x'.repeat(10_000));
    for (let index = 0; index < 2000; index++) lab.add(`e${index}`, body);
    assert.deepEqual(lab.dropped, []);
    lab.writer.flushAll();
    assert.equal(lab.ids().length, 2000);
  });

  test('a change is made with what came before it, and resolves when it is on disk', async (t) => {
    const lab = makeLab(t);
    lab.add('e1');
    lab.add('e2');
    await settle();
    await settle();
    const changed = lab.writer.change((outbox) => outbox.remove(1));
    assert.equal(lab.ids().length, 2);
    await changed;
    assert.deepEqual(lab.ids(), ['e2']);
  });

  test('while the disk is full it keeps events in memory, as many as are allowed, and writes them later', (t) => {
    const lab = makeLab(t, { maxMemoryBytes: 100_000 });
    lab.add('first');
    lab.writer.flushAll();
    const limit = (pages: number) => lab.file.read((database) => database.exec(`PRAGMA max_page_count = ${pages}`));
    limit(1);
    const body = JSON.stringify('x'.repeat(9_000));
    for (let index = 0; index < 20; index++) lab.add(`e${index}`, body);
    lab.writer.flushAll();
    assert.equal(lab.store.isFailing, true);
    assert.deepEqual(lab.ids(), ['first']);
    assert.equal(lab.dropped.length, 10);
    lab.writer.flushAll();
    assert.equal(lab.lines.filter(({ level }) => level === 'error').length, 1);
    limit(1_000_000);
    lab.writer.flushAll();
    assert.deepEqual(lab.ids(), ['first', ...Array.from({ length: 10 }, (_, index) => `e${index}`)]);
  });
});
