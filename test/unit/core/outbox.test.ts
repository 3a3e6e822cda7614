import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Outbox, type OutboxCall } from '../../../src/core/outbox.ts';
import { OutboxDesk } from '../../../src/core/outbox-desk.ts';
import { openDatabase } from '../../../src/core/sqlite.ts';
import { migrate } from '../../../src/core/store-part.ts';

function makeOutbox() {
  const database = openDatabase(':memory:', { busyTimeoutMs: 0 });
  migrate(database, Outbox.part);
  return { outbox: new Outbox(database), desk: new OutboxDesk(database) };
}

let made = 0;
const call = (stream: string, more: Partial<OutboxCall> = {}): OutboxCall => ({
  id: `e${++made}`,
  target: 'a',
  stream,
  event: 'postPublish',
  body: `{"n":${made}}`,
  ...more,
});

const look = { target: 'a', limit: 100 };

describe('the outbox', () => {
  test('hands out the calls of a stream in the order in which they came', () => {
    const { outbox } = makeOutbox();
    const [first, second, other] = [call('/live/a'), call('/live/a'), call('/live/b')];
    for (const one of [first, other, second]) outbox.add(one, 10);
    const lanes = outbox.dueLanes(look, 10);
    assert.deepEqual(
      lanes.map(({ stream }) => stream),
      ['/live/a', '/live/b'],
    );
    const calls = outbox.callsOf(lanes[0]!.lane, 10);
    assert.deepEqual(
      calls.map(({ id, body }) => [id, body]),
      [first, second].map(({ id, body }) => [id, body]),
    );
  });

  test('a call that failed blocks its own stream and target, until it is due', () => {
    const { outbox } = makeOutbox();
    outbox.add(call('/live/a'), 10);
    outbox.add(call('/live/b'), 10);
    outbox.add(call('/live/a', { target: 'b' }), 10);
    const [lane] = outbox.dueLanes(look, 10);
    outbox.postpone(lane!.lane, { attempts: 1, dueAt: 50, error: 'answered 500' });
    outbox.add(call('/live/a'), 20);
    assert.deepEqual(
      outbox.dueLanes(look, 49).map(({ stream }) => stream),
      ['/live/b'],
    );
    assert.equal(outbox.dueLanes({ target: 'b', limit: 9 }, 49).length, 1);
    assert.equal(outbox.nextDueAt('a', 49), 50);
    assert.deepEqual(
      outbox.dueLanes(look, 50).map(({ stream, attempts }) => [stream, attempts]),
      [
        ['/live/b', 0],
        ['/live/a', 1],
      ],
    );
  });

  test('a lane goes with its last call, and its failures with it', () => {
    const { outbox } = makeOutbox();
    outbox.add(call('/live/a'), 10);
    const [lane] = outbox.dueLanes(look, 10);
    outbox.postpone(lane!.lane, { attempts: 7, dueAt: 99, error: 'x' });
    outbox.remove(outbox.callsOf(lane!.lane, 1)[0]!.seq);
    assert.equal(outbox.nextDueAt('a', 10), null);
    outbox.add(call('/live/a'), 20);
    assert.deepEqual(
      outbox.dueLanes(look, 20).map(({ attempts }) => attempts),
      [0],
    );
  });

  test('counts what waits for each target, whatever is done', () => {
    const { outbox, desk } = makeOutbox();
    const step = fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'remove', 'bury', 'drop', 'revive', 'dropWaiting'),
      target: fc.constantFrom('a', 'b'),
      stream: fc.constantFrom('/s/1', '/s/2', '/s/3'),
      body: fc.string(),
    });
    const bodies = (target: string) =>
      outbox
        .dueLanes({ target, limit: 100 }, 1e9)
        .flatMap(({ lane }) => outbox.callsOf(lane, 1000))
        .map(({ body }) => Buffer.byteLength(body));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        for (const { kind, target, stream, body } of steps) {
          const [lane] = outbox.dueLanes({ target, limit: 1 }, 1e9);
          const [head] = lane === undefined ? [] : outbox.callsOf(lane.lane, 1);
          if (kind === 'add') outbox.add(call(stream, { target, body }), 10);
          else if (kind === 'revive') desk.revive({ id: null, limit: 1 }, (letter) => outbox.add(letter, 10));
          else if (kind === 'dropWaiting') desk.dropWaiting({ id: null, limit: 1 });
          else if (kind === 'drop') outbox.dropOldest({ target, limit: 2 });
          else if (kind === 'bury' && head !== undefined) outbox.bury(head.seq, { attempts: 1, error: '' }, 10);
          else if (head !== undefined) outbox.remove(head.seq);
        }
        for (const target of ['a', 'b']) {
          const sizes = bodies(target);
          const bytes = sizes.reduce((sum, size) => sum + size, 0);
          assert.deepEqual({ ...outbox.backlog(target) }, { calls: sizes.length, bytes });
        }
      }),
    );
  });

  test('a dead letter keeps who, what and why, and can be sent again with its id', () => {
    const { outbox, desk } = makeOutbox();
    const one = call('/live/a');
    outbox.add(one, 10);
    const [lane] = outbox.dueLanes(look, 10);
    outbox.bury(outbox.callsOf(lane!.lane, 1)[0]!.seq, { attempts: 3, error: 'answered 500' }, 70);
    assert.deepEqual({ ...desk.counts() }, { waiting: 0, dead: 1 });
    const { id, target, stream, event } = one;
    assert.deepEqual(
      desk.dead(9).map((letter) => ({ ...letter })),
      [{ id, target, stream, event, queuedAt: 10, at: 70, attempts: 3, error: 'answered 500' }],
    );
    assert.equal(
      desk.revive({ id: 'another', limit: 9 }, () => assert.fail()),
      0,
    );
    assert.equal(
      desk.revive({ id, limit: 9 }, (letter) => outbox.add(letter, 80)),
      1,
    );
    assert.deepEqual({ ...desk.counts() }, { waiting: 1, dead: 0 });
    const [again] = desk.waiting(9);
    assert.deepEqual({ ...again }, { id, target, stream, event, queuedAt: 80, at: 80, attempts: 0, error: '' });
    assert.equal(outbox.callsOf(outbox.dueLanes(look, 80)[0]!.lane, 1)[0]!.body, one.body);
  });

  test('keeps the newest dead letters only', () => {
    const { outbox, desk } = makeOutbox();
    for (let count = 0; count < 5; count++) {
      outbox.add(call('/live/a', { id: `d${count}` }), 10);
      const [lane] = outbox.dueLanes(look, 10);
      outbox.bury(outbox.callsOf(lane!.lane, 1)[0]!.seq, { attempts: 1, error: '' }, count);
    }
    assert.equal(outbox.trimDead(2), 3);
    assert.deepEqual(
      desk.dead(9).map(({ id }) => id),
      ['d3', 'd4'],
    );
    assert.equal(desk.dropDead({ id: 'd3', limit: 9 }), 1);
    assert.equal(desk.dropDead({ id: null, limit: 9 }), 1);
  });

  test('finds what is too old, and forgets the oldest of one target only', () => {
    const { outbox, desk } = makeOutbox();
    const [a1, b1, a2] = [call('/live/a'), call('/live/b', { target: 'b' }), call('/live/a')];
    outbox.add(a1, 10);
    outbox.add(b1, 20);
    outbox.add(a2, 30);
    assert.equal(outbox.olderThan(20, 9).length, 1);
    assert.equal(outbox.olderThan(21, 9).length, 2);
    assert.equal(outbox.olderThan(99, 2).length, 2);
    assert.equal(outbox.dropOldest({ target: 'a', limit: 1 }), 1);
    assert.deepEqual(
      desk.waiting(9).map(({ id }) => id),
      [b1.id, a2.id],
    );
  });
});
