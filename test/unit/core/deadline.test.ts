import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Deadline } from '../../../src/core/deadline.ts';

const never = () => new Promise<void>(() => {});

describe('a deadline', () => {
  test('is met by what is done before, however late it is asked', async () => {
    assert.equal(await new Deadline(1_000).meets(Promise.resolve()), true);
    assert.equal(await new Deadline(0).meets(Promise.resolve()), true);
  });

  test('is not met by what never ends, and passes once', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const met = new Deadline(1_000).meets(never());
    t.mock.timers.tick(1_000);
    assert.equal(await met, false);
    assert.equal(new Deadline(0).leftMs, 0);
  });

  test('passes on a failure, and swallows one that comes too late', async () => {
    await assert.rejects(new Deadline(1_000).meets(Promise.reject(new RangeError('no'))), RangeError);
    const late = Promise.withResolvers<void>();
    assert.equal(await new Deadline(0).meets(late.promise), false);
    late.reject(new RangeError('too late'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('may be as far away as one likes, and leaves no timer behind', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => void warnings.push(name);
    process.on('warning', onWarning);
    const slow = Promise.withResolvers<void>();
    const met = new Deadline(Number.POSITIVE_INFINITY).meets(slow.promise);
    await new Promise((resolve) => setImmediate(resolve));
    slow.resolve();
    assert.equal(await met, true);
    process.off('warning', onWarning);
    assert.deepEqual(warnings, []);
    assert.equal(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length, before);
  });
});
