import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { NEWCOMERS_PER_TURN, Turns } from '../../../src/core/turns.ts';

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

  test('an unused turn is not kept for a larger one later', async () => {
    const turns = new Turns();
    void turns.take();
    await nextTurn();
    await nextTurn();
    const atOnce = Array.from({ length: 3 * NEWCOMERS_PER_TURN }, () => turns.take()).filter((turn) => turn === null);
    assert.equal(atOnce.length, NEWCOMERS_PER_TURN);
  });
});
