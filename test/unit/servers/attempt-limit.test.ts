import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AttemptLimit } from '../../../src/servers/api/attempt-limit.ts';

describe('attempt limit', () => {
  test('attempts are counted by key until the window ends', () => {
    const limit = new AttemptLimit({ max: 2, windowMs: 100, maxKeys: 10 });
    assert.equal(limit.left('a', 0), 2);
    limit.count('a', 0);
    limit.count('a', 50);
    assert.deepEqual([limit.left('a', 99), limit.waitMs('a', 99), limit.left('b', 99)], [0, 1, 2]);
    assert.deepEqual([limit.left('a', 100), limit.waitMs('a', 100)], [2, 0]);
  });

  test('forget frees a key', () => {
    const limit = new AttemptLimit({ max: 1, windowMs: 100, maxKeys: 10 });
    limit.count('a', 0);
    limit.forget('a');
    assert.equal(limit.left('a', 1), 1);
  });

  test('no more keys than maxKeys are remembered: the oldest go', () => {
    const limit = new AttemptLimit({ max: 1, windowMs: 1000, maxKeys: 3 });
    for (let i = 0; i < 1000; i++) limit.count(`key ${i}`, i / 10);
    const kept = Array.from({ length: 1000 }, (_, i) => i).filter((i) => limit.left(`key ${i}`, 100) === 0);
    assert.deepEqual(kept, [997, 998, 999]);
  });
});
