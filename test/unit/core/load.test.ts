import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Load } from '../../../src/core/load.ts';

test('the process is busy above one mark and stays so down to a lower one', () => {
  const load = new Load();
  const states = [0.1, 0.39, 0.41, 0.25, 0.21, 0.19, 0.3].map((utilisation) => {
    load.measure(utilisation);
    return load.isBusy;
  });
  assert.deepEqual(states, [false, false, true, true, true, false, false]);
  assert.equal(load.utilisation, 0.3);
});

test('a sample is a share of the time', () => {
  const load = new Load();
  load.sample();
  assert.ok(load.utilisation >= 0 && load.utilisation <= 1);
});
