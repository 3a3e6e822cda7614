import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Counters } from '../../../../src/core/counters.ts';
import { Store } from '../../../../src/core/store.ts';
import { ConnectionError } from '../../../../src/errors.ts';
import { CallReport } from '../../../../src/servers/notify/call-report.ts';
import { notifySection } from '../../../../src/servers/notify/config.ts';
import { Courier } from '../../../../src/servers/notify/courier.ts';
import { FAILURES_OF_TARGET } from '../../../../src/servers/notify/desk.ts';
import type { Call, CallAnswer } from '../../../../src/servers/notify/http-caller.ts';
import { OutboxStore } from '../../../../src/servers/notify/outbox-store.ts';
import { OutboxWriter } from '../../../../src/servers/notify/outbox-writer.ts';
import { createTargets } from '../../../../src/servers/notify/target.ts';
import { type LogLine, recordingLogger } from '../../../support/house.ts';
import { until } from '../../../support/wait.ts';

type Answer = (call: Call) => number | Promise<number>;

interface LabOptions {
  readonly outbox?: object;
  readonly format?: 'v1' | 'nms';
  readonly maxCalls?: number;
}

/** An outbox in memory, a courier, and a receiver that is a function. The clock stands still unless the test moves it. */
function makeLab(t: TestContext, answer: Answer, { outbox = {}, format = 'v1', maxCalls = 8 }: LabOptions = {}) {
  const lines: LogLine[] = [];
  const config = notifySection.parse({
    maxCalls,
    targets: [
      { url: 'http://a/', name: 'a', format },
      { url: 'http://b/', name: 'b', format },
    ],
    outbox: { minBackoffMs: 100, maxBackoffMs: 400, jitter: 0, ...outbox },
  });
  const clock = { now: 1000 };
  const sent: string[] = [];
  const refused: string[] = [];
  const dropped: [string, number][] = [];
  const under = { way: 0, most: 0 };
  const logger = recordingLogger(lines);
  // A path that cannot be a folder: everything is kept in memory.
  const store = new OutboxStore(new Store({ folder: '/dev/null/x', durability: 'none', logger }));
  const report = new CallReport(logger, new Counters());
  const now = () => clock.now;
  const writer = new OutboxWriter({
    store,
    config: () => config.outbox,
    now,
    onWritten: () => courier.wake(),
    onDropped: (target, calls) => void dropped.push([target, calls]),
  });
  const post = async (call: Call): Promise<CallAnswer> => {
    sent.push(`${call.target.name} ${call.id}`);
    under.most = Math.max(under.most, ++under.way);
    try {
      const status = await answer(call);
      if (status === 0) throw new ConnectionError('the connection failed: ECONNREFUSED');
      return { status, type: '', body: '' };
    } finally {
      under.way--;
    }
  };
  const courier = new Courier({
    targets: createTargets(config),
    config: () => config,
    store,
    writer,
    caller: { post },
    report,
    now,
    chance: () => 0,
    onRefused: ({ id }) => void refused.push(id),
  });
  store.open();
  t.after(async () => {
    await courier.stop(0);
    writer.flushAll();
    store.close();
  });
  const add = (id: string, stream: string, target = 'a') =>
    writer.add({ id, target, stream, event: 'postPublish', body: `{"id":"${id}"}` });
  const waiting = () => (store.read((box) => box.targets()) ?? []).reduce((sum, { calls }) => sum + calls, 0);
  const pass = (ms: number) => {
    clock.now += ms;
    courier.wake();
  };
  return { add, waiting, pass, sent, refused, dropped, under, courier, writer, store, report, lines };
}

const idsOf = (sent: readonly string[], stream: string) => sent.filter((one) => one.includes(stream));

describe('the courier', () => {
  test('makes the calls of a stream one after the other, and of many streams at once', async (t) => {
    const lab = makeLab(t, () => new Promise((resolve) => setImmediate(() => resolve(200))));
    for (let round = 0; round < 30; round++) for (const stream of ['x', 'y', 'z']) lab.add(`${stream}${round}`, stream);
    await until(() => lab.sent.length === 90 && lab.waiting() === 0, 'all calls');
    for (const stream of ['x', 'y', 'z']) {
      assert.deepEqual(
        idsOf(lab.sent, stream),
        Array.from({ length: 30 }, (_, round) => `a ${stream}${round}`),
      );
    }
    assert.equal(lab.under.most, 3);
  });

  test('never has more calls under way than are allowed', async (t) => {
    const lab = makeLab(t, () => new Promise((resolve) => setImmediate(() => resolve(200))), { maxCalls: 5 });
    for (let stream = 0; stream < 40; stream++) {
      lab.add(`x${stream}`, `/s/${stream}`, 'a');
      lab.add(`y${stream}`, `/s/${stream}`, 'b');
    }
    await until(() => lab.sent.length === 80 && lab.waiting() === 0, 'all calls');
    assert.equal(lab.under.most, 5);
  });

  test('sends a call that failed again after a growing wait, and lets others pass', async (t) => {
    let failures = 3;
    const lab = makeLab(t, ({ id, target }) => (id === 'x1' && target.name === 'a' && failures-- > 0 ? 503 : 200));
    lab.add('x1', 'x');
    lab.add('x2', 'x');
    lab.add('y1', 'y');
    lab.add('x1', 'x', 'b');
    await until(() => lab.waiting() === 2, 'what does not wait for the failed one');
    assert.deepEqual([...lab.sent].sort(), ['a x1', 'a y1', 'b x1']);
    for (const wait of [100, 200, 400]) {
      const before = lab.sent.length;
      lab.pass(wait - 1);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      assert.equal(lab.sent.length, before, `before ${wait} ms`);
      lab.pass(1);
      await until(() => lab.sent.length > before, 'another attempt');
    }
    await until(() => lab.waiting() === 0, 'all calls');
    assert.deepEqual(idsOf(lab.sent, 'a x'), ['a x1', 'a x1', 'a x1', 'a x1', 'a x2']);
  });

  test('tries a target that is down with one call at a time, after growing waits, and goes on when it is up', async (t) => {
    let status = 0;
    const lab = makeLab(t, () => status, { maxCalls: 30 });
    for (let stream = 0; stream < 200; stream++) lab.add(`x${stream}`, `/s/${stream}`);
    await until(() => lab.sent.length > 0 && lab.under.way === 0, 'its failures');
    const failed = lab.sent.length;
    assert.ok(failed >= FAILURES_OF_TARGET && failed <= FAILURES_OF_TARGET + 30, `${failed} calls`);
    for (const wait of [100, 200, 400, 400]) {
      lab.pass(wait - 1);
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      const before = lab.sent.length;
      lab.pass(1);
      await until(() => lab.sent.length > before && lab.under.way === 0, 'a trial');
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      assert.equal(lab.sent.length, before + 1, `after ${wait} ms`);
    }
    status = 200;
    lab.pass(400);
    await until(() => lab.waiting() === 0, 'all calls');
  });

  test('gives a call up after so many attempts, keeps it as a dead letter, and goes on', async (t) => {
    const lab = makeLab(t, ({ id }) => (id === 'x1' ? 0 : 200), { outbox: { maxAttempts: 2 } });
    lab.add('x1', 'x');
    lab.add('x2', 'x');
    await until(() => lab.sent.length === 1, 'the first attempt');
    await until(() => lab.store.read((box) => box.nextDueAt('a', 1000)) === 1100, 'its failure on disk');
    lab.pass(100);
    await until(() => lab.waiting() === 0, 'the end');
    assert.deepEqual(lab.sent, ['a x1', 'a x1', 'a x2']);
    lab.report.say(0);
    assert.deepEqual(
      lab.lines.filter(({ level }) => level === 'warn').map(({ fields, message }) => [fields, message]),
      [
        [{ target: 'a', calls: 1 }, 'calls of a webhook were given up: nms outbox dead lists them'],
        [
          { target: 'a', failed: 2, reason: 'the connection failed: ECONNREFUSED' },
          'a webhook does not take its calls; they are kept and tried again',
        ],
      ],
    );
  });

  test('gives a call up for its age', async (t) => {
    const lab = makeLab(t, () => 500, { outbox: { maxAgeMs: 1000 } });
    lab.add('x1', 'x');
    await until(() => lab.store.read((box) => box.nextDueAt('a', 1000)) === 1100, 'a failure on disk');
    lab.pass(1000);
    await until(() => lab.waiting() === 0, 'the end');
    assert.equal(lab.sent.length, 2);
  });

  test('takes a 4xx of a receiver made for Node-Media-Server 4 for a refusal, and does not repeat it', async (t) => {
    const lab = makeLab(t, () => 403, { format: 'nms' });
    lab.add('x1', 'x');
    await until(() => lab.sent.length > 0 && lab.waiting() === 0, 'the end');
    assert.deepEqual(lab.sent, ['a x1']);
    assert.deepEqual(lab.refused, ['x1']);
  });

  for (const [whenFull, kept] of [
    ['dropNewest', ['x1', 'x2']],
    ['dropOldest', ['x3', 'x4']],
  ] as const) {
    test(`with "${whenFull}" a full outbox keeps ${kept.join(' and ')} of four`, async (t) => {
      const lab = makeLab(t, () => 500, { outbox: { maxCalls: 2, whenFull } });
      for (const id of ['x1', 'x2', 'x3', 'x4']) lab.add(id, 'x');
      lab.writer.flushAll();
      const [lane] = lab.store.read((box) => box.dueLanes({ target: 'a', limit: 1 }, 1e9)) ?? [];
      const calls = lab.store.read((box) => box.callsOf(lane!.lane, 9)) ?? [];
      assert.deepEqual(
        calls.map(({ id }) => id),
        kept,
      );
      assert.deepEqual(lab.dropped, [['a', 2]]);
    });
  }

  test('stops when nothing more can be done, and not before', async (t) => {
    let answer = (_status: number) => {};
    const lab = makeLab(t, ({ id }) => (id === 'x1' ? new Promise((resolve) => (answer = resolve)) : 500));
    lab.add('x1', 'x');
    lab.add('y1', 'y');
    await until(() => lab.sent.length === 2 && lab.under.way === 1, 'both calls');
    let isOver = false;
    const stopped = lab.courier.stop(10_000).then(() => {
      isOver = true;
    });
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.equal(isOver, false);
    answer(200);
    await stopped;
    lab.writer.flushAll();
    assert.equal(lab.waiting(), 1);
  });

  test('stops at its deadline; a call that is under way then counts as not made', async (t) => {
    const lab = makeLab(
      t,
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    lab.add('x1', 'x');
    await until(() => lab.under.way === 1, 'the call');
    await lab.courier.stop(1);
    await until(() => lab.under.way === 0, 'its end');
    lab.writer.flushAll();
    const [lane] = lab.store.read((box) => box.dueLanes({ target: 'a', limit: 1 }, 1e9)) ?? [];
    assert.equal(lane?.attempts, 0);
    assert.equal(lab.waiting(), 1);
  });
});
