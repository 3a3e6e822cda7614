import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Throttle } from '../../../src/core/throttle.ts';

describe('throttle', () => {
  test('a full second may come at once, then what is too much has to wait for exactly as long as it takes', () => {
    const throttle = new Throttle(1000, 0);
    assert.equal(throttle.take(1000, 0), 0);
    assert.equal(throttle.take(500, 0), 500);
    assert.equal(throttle.take(0, 500), 0);
    assert.equal(throttle.take(100, 600), 0);
    assert.equal(throttle.take(1, 600), 1);
  });

  test('silence is not saved up beyond one second', () => {
    const throttle = new Throttle(1000, 0);
    assert.equal(throttle.take(1001, 1_000_000), 1);
  });

  test('0 is no limit', () => {
    assert.equal(new Throttle(0, 0).take(Number.MAX_SAFE_INTEGER, 0), 0);
  });

  test('who waits as told never exceeds the rate by more than one second’s worth and one piece', () => {
    const pieces = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 200 });
    fc.assert(
      fc.property(pieces, (sizes) => {
        const throttle = new Throttle(1000, 0);
        let now = 0;
        let total = 0;
        for (const size of sizes) {
          total += size;
          now += throttle.take(size, now);
          assert.ok(total <= 1000 + now + 1);
        }
      }),
    );
  });
});
