import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Pace } from '../../../src/core/pace.ts';

const PLAYERS = 50;
const make = (relaxed = false) => new Pace({ relaxed, maxBatchDelayMs: 100 }, { isBusy: false });

/** `count` passes of `passMs`, one every `everyMs`. */
function run(pace: Pace, count: number, passMs: number, everyMs: number, from = 0): number {
  let at = from;
  for (let i = 0; i < count; i++, at += everyMs) pace.measure(at, at + passMs, PLAYERS);
  return at;
}

describe('the pace of a feed', () => {
  test('an empty house waits for nobody', () => {
    const pace = make();
    run(pace, 500, 0.3, 14);
    assert.equal(pace.gear, 'at once');
  });

  test('long passes go with the video frames, and short ones return', () => {
    const pace = make();
    const at = run(pace, 100, 3, 33);
    assert.equal(pace.gear, 'video frame');
    run(pace, 100, 0.2, 14, at);
    assert.equal(pace.gear, 'at once');
  });

  test('short passes go with the video frames too while the process is busy', () => {
    const load = { isBusy: true };
    const pace = new Pace({ relaxed: false, maxBatchDelayMs: 100 }, load);
    const at = run(pace, 5, 0.05, 14);
    assert.equal(pace.gear, 'video frame');
    load.isBusy = false;
    run(pace, 5, 0.05, 14, at);
    assert.equal(pace.gear, 'at once');
  });

  test('passes that fill the time are made rarer, and only then', () => {
    const pace = make();
    const at = run(pace, 300, 28, 33);
    assert.equal(pace.gear, 'relaxed');
    assert.equal(pace.maxDelayMs, 100);
    run(pace, 300, 5, 100, at);
    assert.equal(pace.gear, 'video frame');
  });

  test('one pass that the system interrupted changes little', () => {
    const pace = make();
    let at = run(pace, 100, 3, 33);
    pace.measure(at, at + 400, PLAYERS);
    at = run(pace, 5, 3, 33, at + 400);
    assert.equal(pace.gear, 'video frame');
  });

  test('one interrupted pass does not make an empty house wait', () => {
    const pace = make();
    const at = run(pace, 100, 0.4, 14);
    pace.measure(at, at + 50, PLAYERS);
    assert.equal(pace.gear, 'at once');
  });

  test('a crowd that has just come counts with the first pass over it', () => {
    const pace = make();
    const at = run(pace, 100, 0.5, 14);
    assert.equal(pace.gear, 'at once');
    pace.measure(at, at + 2.5, 5 * PLAYERS);
    assert.equal(pace.gear, 'video frame');
  });

  test('relaxed by configuration stays relaxed', () => {
    const pace = make(true);
    run(pace, 100, 0.1, 100);
    assert.equal(pace.gear, 'relaxed');
    assert.equal(pace.maxDelayMs, 100);
  });
});
