import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Context } from '../../../../src/core/context.ts';
import type { HistoryQuery } from '../../../../src/core/history.ts';
import { STORE_FILE } from '../../../../src/core/store.ts';
import { EndError } from '../../../../src/errors.ts';
import { history } from '../../../../src/servers/history/index.ts';
import { HistoryServer } from '../../../../src/servers/history/history-server.ts';
import { FakeSession, type LogLine, makeContext } from '../../../support/house.ts';

const all: HistoryQuery = { sort: 'startTime', order: 'asc', offset: 0, limit: 1000 };

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'nms-history-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface House {
  readonly context: Context;
  readonly server: HistoryServer;
  readonly lines: LogLine[];
}

async function open(path: string, store: object = {}): Promise<House> {
  const lines: LogLine[] = [];
  const context = makeContext({ store: { path, ...store } }, lines);
  const server = new HistoryServer(context);
  await server.run();
  return { context, server, lines };
}

/** A session that has published or played, and ends. */
function pass(context: Context, role: 'publisher' | 'player', path = '/live/a'): FakeSession {
  const session = new FakeSession(context, path);
  session.role = role;
  session.endTime = session.createTime + 70;
  session.inBytes = 11;
  session.userAgent = 'x'.repeat(2000);
  session.close(new EndError('the peer said deleteStream'));
  context.eventEmitter.emit(role === 'publisher' ? 'donePublish' : 'donePlay', session);
  return session;
}

test('what ended is kept beyond the end of the server, in full', async (t) => {
  const folder = newFolder(t);
  const first = await open(folder);
  const session = pass(first.context, 'publisher', '/a/b/cam');
  pass(first.context, 'player');
  await first.server.stop();
  const second = await open(folder);
  const { items, count } = second.server.list({ ...all, role: 'publisher' });
  assert.equal(count, 1);
  assert.deepEqual(items[0], {
    id: session.id,
    role: 'publisher',
    protocol: 'rtmp',
    streamPath: '/a/b/cam',
    app: 'a/b',
    name: 'cam',
    ip: session.ip,
    user: '',
    userAgent: 'x'.repeat(512),
    startTime: session.createTime,
    endTime: session.createTime + 70,
    duration: 70,
    inBytes: 11,
    outBytes: 0,
    droppedFrames: 0,
    playCount: 0,
    reason: 'the peer said deleteStream',
  });
  assert.equal(second.server.list(all).count, 2);
  await second.server.stop();
});

test('a crowd that leaves at once is written a bounded part at a time, once a second', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { context, server } = await open(newFolder(t));
  for (let i = 0; i < 600; i++) pass(context, 'player');
  const written = () => server.list(all).count;
  assert.equal(written(), 0);
  t.mock.timers.tick(999);
  assert.equal(written(), 0);
  t.mock.timers.tick(1);
  assert.equal(written(), 250);
  t.mock.timers.tick(50);
  assert.equal(written(), 500);
  t.mock.timers.tick(50);
  assert.equal(written(), 600);
  pass(context, 'player');
  t.mock.timers.tick(999);
  assert.equal(written(), 600);
  t.mock.timers.tick(1);
  assert.equal(written(), 601);
  await server.stop();
});

test('more than the bound is forgotten with what is written, and a lower bound counts at once', async (t) => {
  const folder = newFolder(t);
  const first = await open(folder, { maxHistory: 5 });
  for (let i = 0; i < 20; i++) pass(first.context, 'publisher', `/live/${i}`);
  await first.server.stop();
  const second = await open(folder, { maxHistory: 2 });
  assert.equal(second.server.list(all).count, 5);
  pass(second.context, 'publisher', '/live/last');
  await second.server.stop();
  const third = await open(folder);
  assert.deepEqual(
    third.server.list(all).items.map(({ name }) => name),
    ['19', 'last'],
  );
  await third.server.stop();
});

test('what is older than the bound by age is forgotten', async (t) => {
  const folder = newFolder(t);
  const first = await open(folder, { maxHistoryDays: 1 });
  const old = pass(first.context, 'publisher', '/live/old');
  old.endTime = Date.now() - 25 * 60 * 60 * 1000;
  first.context.eventEmitter.emit('donePublish', old);
  await first.server.stop();
  const second = await open(folder);
  // The first telling had another end: it is still young.
  assert.equal(second.server.list(all).count, 1);
  await second.server.stop();
});

test('sessions of our own are left out', async (t) => {
  const { context, server } = await open(newFolder(t));
  const session = new FakeSession(context);
  Object.defineProperty(session, 'internal', { value: true });
  context.eventEmitter.emit('donePlay', session);
  await server.stop();
  const again = await open(context.config.store.path);
  assert.equal(again.server.list(all).count, 0);
  await again.server.stop();
});

test('nothing is opened before there is something to write, and nothing at all when it is off', async (t) => {
  const folder = newFolder(t);
  const { context, server } = await open(folder);
  assert.equal(server.list(all).count, 0);
  assert.equal(server.clear(), 0);
  assert.equal(existsSync(join(folder, STORE_FILE)), false);
  pass(context, 'publisher');
  await server.stop();
  assert.equal(existsSync(join(folder, STORE_FILE)), true);
  const other = newFolder(t);
  const off = makeContext({ store: { path: other, maxHistory: 0 } });
  const silent = history.create(off, {})!;
  await silent.run();
  assert.equal(off.history, null);
  pass(off, 'publisher');
  await silent.stop();
  assert.equal(existsSync(join(other, STORE_FILE)), false);
});

test('it is switched off and on while it runs, and keeps what it has', async (t) => {
  const { context, server } = await open(newFolder(t));
  const switchTo = async (maxHistory: number) => {
    const config = { ...context.config, store: { ...context.config.store, maxHistory } };
    const change = await server.prepare({}, config);
    context.configure(config);
    await change.commit();
  };
  pass(context, 'publisher', '/live/a');
  await switchTo(0);
  assert.equal(context.history, null);
  pass(context, 'publisher', '/live/b');
  await switchTo(5);
  assert.equal(context.history, server);
  pass(context, 'publisher', '/live/c');
  await server.stop();
  const again = await open(context.config.store.path);
  assert.deepEqual(
    again.server.list(all).items.map(({ name }) => name),
    ['a', 'c'],
  );
  await again.server.stop();
});

test('what waits to be written is cleared, too', async (t) => {
  const folder = newFolder(t);
  const { context, server } = await open(folder);
  pass(context, 'publisher', '/live/a');
  pass(context, 'publisher', '/live/b');
  assert.equal(server.clear('/live/a'), 1);
  assert.equal(server.clear(), 1);
  await server.stop();
  assert.equal(existsSync(join(folder, STORE_FILE)), false);
});

test('a folder that another server uses costs the history, with one line, and nothing else', async (t) => {
  const folder = newFolder(t);
  const first = await open(folder);
  pass(first.context, 'publisher');
  const second = await open(folder);
  first.server.list(all);
  // The first holds the folder from its first entry on.
  t.mock.timers.enable({ apis: ['setTimeout'] });
  pass(first.context, 'publisher');
  await first.server.stop();
  const holder = await open(folder);
  assert.equal(holder.server.list(all).count, 2);
  assert.equal(second.server.list(all).count, 0);
  assert.equal(second.context.history, null);
  pass(second.context, 'publisher');
  assert.equal(second.server.clear(), 0);
  assert.deepEqual(
    second.lines.flatMap(({ level, message }) => (level === 'info' ? [] : [`${level} ${message}`])),
    ['warn the store cannot be used: no history is kept'],
  );
  await second.server.stop();
  await holder.server.stop();
});

test('a disk that is full when the first entry comes costs no history: it waits until there is room', async (t) => {
  const folder = newFolder(t);
  const { context, server, lines } = await open(folder);
  const other = { name: 'other', steps: ['CREATE TABLE other (a TEXT) STRICT'] };
  context.store.open(other);
  t.after(() => context.store.close(other));
  const jam = (isFull: boolean) =>
    context.store.read((database) => database.exec(`PRAGMA query_only = ${isFull ? 'ON' : 'OFF'}`));
  t.mock.timers.enable({ apis: ['setTimeout'] });
  jam(true);
  pass(context, 'publisher', '/live/first');
  t.mock.timers.tick(1000);
  assert.deepEqual(server.list(all), { items: [], count: 0 });
  assert.equal(context.history, server);
  jam(false);
  pass(context, 'publisher', '/live/second');
  t.mock.timers.tick(1000);
  assert.deepEqual(
    server.list(all).items.map(({ name }) => name),
    ['first', 'second'],
  );
  assert.deepEqual(
    lines.flatMap(({ level, message }) => (level === 'info' ? [] : [`${level} ${message}`])),
    ['warn the store cannot be used at the moment: what is to be kept of history waits'],
  );
  await server.stop();
});
