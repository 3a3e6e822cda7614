import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Memo } from '../../../../src/servers/api/memo.ts';

/** A memo of a counter: each making takes `costMs` of a clock that the test moves. */
function countingMemo(costMs: number) {
  const clock = { now: 1000 };
  let made = 0;
  const memo = new Memo(
    () => {
      clock.now += costMs;
      return ++made;
    },
    () => clock.now,
  );
  return { memo, clock };
}

describe('a memo', () => {
  test('holds for a tenth of a second', () => {
    const { memo, clock } = countingMemo(0);
    assert.equal(memo.get(), 1);
    clock.now += 99;
    assert.equal(memo.get(), 1);
    clock.now += 1;
    assert.equal(memo.get(), 2);
  });

  test('is made again at once when it is outdated, and then holds', () => {
    const { memo } = countingMemo(0);
    memo.get();
    memo.outdate();
    assert.equal(memo.get(), 2);
    assert.equal(memo.get(), 2);
  });

  test('that is expensive takes a tenth of the time at most, however often it is outdated', () => {
    const { memo, clock } = countingMemo(30);
    memo.get();
    const begin = clock.now;
    let made = 1;
    for (let i = 0; i < 1000; i++) {
      memo.outdate();
      made = memo.get();
      clock.now += 3;
    }
    const spent = (made - 1) * 30;
    assert.ok(made > 2, `${made}`);
    assert.ok(spent <= (clock.now - begin) / 10, `${spent} ms of ${clock.now - begin}`);
  });
});
