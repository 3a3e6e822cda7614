import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { ApplicationTurns } from '../../../../src/servers/http/application-turns.ts';

test('two requests of a burst begin at once, two more in each turn of the event loop, in their order', async () => {
  const turns = new ApplicationTurns();
  const begun: number[] = [];
  for (let count = 1; count <= 5; count++) turns.run(() => begun.push(count));
  assert.deepEqual(begun, [1, 2]);
  await nextTurn();
  assert.deepEqual(begun, [1, 2, 3, 4]);
  turns.run(() => begun.push(6));
  assert.deepEqual(begun, [1, 2, 3, 4]);
  await nextTurn();
  assert.deepEqual(begun, [1, 2, 3, 4, 5, 6]);
  await nextTurn();
  turns.run(() => begun.push(7));
  assert.deepEqual(begun, [1, 2, 3, 4, 5, 6, 7]);
});

test('a request that throws takes no other along', async () => {
  const turns = new ApplicationTurns();
  const begun: number[] = [];
  assert.throws(() => {
    turns.run(() => {
      throw new Error('of one request');
    });
  }, /of one request/);
  turns.run(() => begun.push(1));
  turns.run(() => begun.push(2));
  await nextTurn();
  assert.deepEqual(begun, [1, 2]);
});
