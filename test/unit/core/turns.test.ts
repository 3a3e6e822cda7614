import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, test, type TestContext } from 'node:test';
import { MAX_CROWD_GAP_MS, MAX_CROWD_WAIT_MS, NEWCOMERS_PER_TURN, Turns } from '../../../src/core/turns.ts';

describe('the turns of newcomers', () => {
  test('one who comes alone does not wait', async () => {
    const turns = new Turns();
    for (let i = 0; i < 3 * NEWCOMERS_PER_TURN; i++) {
      assert.equal(turns.take(), null);
      await nextTurn();
    }
  });

  test('a crowd begins a few at a time, in its order', async () => {
    const turns = new Turns();
    const begun: number[] = [];
    const waits = Array.from({ length: 3 * NEWCOMERS_PER_TURN }, async (_, i) => {
      const turn = turns.take();
      if (turn !== null) await turn;
      begun.push(i);
    });
    await Promise.resolve();
    assert.equal(begun.length, NEWCOMERS_PER_TURN);
    await nextTurn();
    assert.equal(begun.length, 2 * NEWCOMERS_PER_TURN);
    await Promise.all(waits);
    assert.deepEqual(begun, [...begun.keys()]);
  });

  test('who comes while others wait is behind them, though his own turn of the loop is new', async () => {
    const turns = new Turns();
    for (let i = 0; i < 2 * NEWCOMERS_PER_TURN; i++) void turns.take();
    await nextTurn();
    const late = turns.take();
    assert.notEqual(late, null);
    await late;
  });

  test('a turn is the same for all that come of it at once, and another in the next turn of the loop', async () => {
    const turns = new Turns();
    const { now } = turns;
    void turns.take();
    await Promise.resolve();
    assert.equal(turns.now, now);
    await nextTurn();
    assert.notEqual(turns.now, now);
  });

  test('an unused turn is not kept for a larger one later', async () => {
    const turns = new Turns();
    void turns.take();
    await nextTurn();
    await nextTurn();
    const atOnce = Array.from({ length: 3 * NEWCOMERS_PER_TURN }, () => turns.take()).filter((turn) => turn === null);
    assert.equal(atOnce.length, NEWCOMERS_PER_TURN);
  });
});

describe('what waits until a crowd is through', () => {
  function clocked(t: TestContext) {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let now = 1000;
    const turns = new Turns(() => now);
    const pass = (ms: number) => {
      now += ms;
      t.mock.timers.tick(ms);
    };
    return { turns, pass };
  }

  test('is done as soon as nobody has come for a moment', (t) => {
    const { turns, pass } = clocked(t);
    const done: string[] = [];
    void turns.take();
    turns.afterCrowd(() => done.push('first'));
    pass(MAX_CROWD_GAP_MS - 1);
    void turns.take();
    turns.afterCrowd(() => done.push('second'));
    pass(1);
    assert.deepEqual(done, []);
    pass(MAX_CROWD_GAP_MS);
    assert.deepEqual(done, ['first', 'second']);
  });

  test('is done although the crowd has no end', (t) => {
    const { turns, pass } = clocked(t);
    let waitedMs = -1;
    turns.afterCrowd(() => (waitedMs = 0));
    for (let ms = 0; ms < 2 * MAX_CROWD_WAIT_MS && waitedMs < 0; ms++) {
      void turns.take();
      pass(1);
      if (waitedMs === 0) waitedMs = ms + 1;
    }
    assert.ok(waitedMs >= MAX_CROWD_WAIT_MS && waitedMs <= MAX_CROWD_WAIT_MS + MAX_CROWD_GAP_MS, `${waitedMs} ms`);
  });

  test('is done a few at a time, with the sockets read between', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const turns = new Turns();
    let done = 0;
    for (let i = 0; i < 2 * NEWCOMERS_PER_TURN + 1; i++) turns.afterCrowd(() => done++);
    t.mock.timers.tick(MAX_CROWD_GAP_MS);
    assert.equal(done, NEWCOMERS_PER_TURN);
    await nextTurn();
    assert.equal(done, 2 * NEWCOMERS_PER_TURN);
    await nextTurn();
    assert.equal(done, 2 * NEWCOMERS_PER_TURN + 1);
  });
});
