import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { groupBy, median, slope, spreadOf } from '../../../bench/figures.ts';

describe('figures of the bench', () => {
  test('the median of an odd number of values is the middle one, of an even number the mean of two', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([9, 1, 5, 6]), 5.5);
  });

  test('a spread has the median and both ends', () => {
    assert.deepEqual(spreadOf([3, 1, 8]), { median: 3, low: 1, high: 8 });
  });

  test('the slope of points on a line is that of the line', () => {
    const points = [0, 1, 2, 5].map((x) => ({ x, y: 7 - 3 * x }));
    assert.equal(slope(points), -3);
  });

  test('a single point has no slope', () => {
    assert.equal(slope([{ x: 1, y: 4 }]), 0);
  });

  test('groups keep the order of their first members', () => {
    assert.deepEqual(
      groupBy(['bo', 'al', 'bi'], (name) => name[0]!),
      [['bo', 'bi'], ['al']],
    );
  });
});
