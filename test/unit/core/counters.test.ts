import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Buckets } from '../../../src/core/buckets.ts';
import { CounterNews, Counters, errorLabel } from '../../../src/core/counters.ts';
import { BusyError } from '../../../src/errors.ts';

describe('counters', () => {
  test('count by name and label', () => {
    const counters = new Counters();
    counters.count('a');
    counters.count('a', 'x', 3);
    counters.count('a', 'x');
    assert.deepEqual(
      [...counters.rows()],
      [
        ['a', '', 1],
        ['a', 'x', 4],
      ],
    );
    assert.equal(counters.get('b'), 0);
  });

  test('labels beyond the limit are counted together, and none is lost', () => {
    const counters = new Counters();
    for (let i = 0; i < 100; i++) counters.count('a', `label ${i}`);
    assert.equal([...counters.rows()].length, 65);
    assert.equal(counters.get('a', 'other'), 36);
  });

  test('an error is labelled with its code, and what nobody throws on purpose with another word', () => {
    assert.equal(errorLabel(new BusyError('x')), 'NMS_BUSY');
    assert.equal(errorLabel(new TypeError('x')), 'other');
    assert.equal(errorLabel(undefined), 'other');
  });

  test('news add up to what was counted, however often they are taken', () => {
    const step = fc.record({ name: fc.constantFrom('a', 'b'), label: fc.constantFrom('', 'x', 'y'), by: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(fc.option(step, { nil: null })), (steps) => {
        const worker = new Counters();
        const primary = new Counters();
        const news = new CounterNews(worker);
        for (const one of steps) {
          if (one === null) primary.add(news.take());
          else worker.count(one.name, one.label, one.by);
        }
        primary.add(news.take());
        assert.deepEqual(news.take(), []);
        for (const [name, label, count] of worker.rows()) assert.equal(primary.get(name, label), count);
      }),
    );
  });
});

test('buckets count each value once, at the first end that is not below it', () => {
  const buckets = new Buckets([1, 5]);
  for (const value of [0, 1, 1.5, 5, 7, 100]) buckets.add(value);
  assert.deepEqual(buckets.read(), { bounds: [1, 5], counts: [2, 2, 2], sum: 114.5 });
});
