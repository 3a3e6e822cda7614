import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from '../../../../src/servers/notify/backoff.ts';

const config = { minBackoffMs: 100, maxBackoffMs: 1500, jitter: 0.2 };

test('a wait doubles after each failure, up to the longest', () => {
  const waits = [1, 2, 3, 4, 5, 6, 5000].map((attempts) => backoffMs(config, attempts, 0));
  assert.deepEqual(waits, [100, 200, 400, 800, 1500, 1500, 1500]);
});

test('chance takes away up to the part that is left to it', () => {
  assert.equal(backoffMs(config, 5, 1), 1200);
  assert.equal(backoffMs(config, 5, 0.5), 1350);
  assert.equal(backoffMs({ ...config, jitter: 0 }, 5, 1), 1500);
});

test('no wait is longer than the longest, or shorter than the first less its jitter', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, chance) => {
      const wait = backoffMs(config, attempts, chance);
      assert.ok(wait >= 80 && wait <= 1500, `${wait}`);
    }),
  );
});
