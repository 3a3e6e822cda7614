import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Finding } from '../../../../src/servers/doctor/diagnose.ts';
import { Patience } from '../../../../src/servers/doctor/patience.ts';

const times = { raiseMs: 3000, clearMs: 15_000 };
const finding = (code: string, message = code): Finding => ({ code, severity: 'warning', message });

/** Takes what is found at each second; says what changed, as `second code state`. */
function follow(patience: Patience, seconds: readonly (readonly Finding[])[], from = 0): string[] {
  return seconds.flatMap((findings, index) => {
    const second = from + index;
    const clock = { now: second * 1000, unix: 1_000_000 + second * 1000 };
    return patience
      .take(findings, clock, times)
      .map(({ advice, state, isNew }) => `${second} ${advice.code} ${state}${isNew ? ' new' : ''}`);
  });
}

const repeat = (count: number, ...findings: Finding[]) => Array.from({ length: count }, () => findings);

describe('the patience of the doctor', () => {
  test('what lasts is said once, what has long been well is taken back', () => {
    const patience = new Patience();
    const changes = follow(patience, [...repeat(10, finding('a')), ...repeat(20)]);
    assert.deepEqual(changes, ['3 a raised new', '24 a cleared']);
    assert.deepEqual(patience.advice, []);
  });

  test('what is over in a moment is never said', () => {
    const patience = new Patience();
    assert.deepEqual(follow(patience, [...repeat(3, finding('a')), [], ...repeat(3, finding('a')), []]), []);
  });

  test('what comes and goes is said once', () => {
    const patience = new Patience();
    const flapping = Array.from({ length: 60 }, (_, second) => (second % 10 < 5 ? [finding('a')] : []));
    assert.deepEqual(follow(patience, flapping), ['3 a raised new']);
    assert.equal(patience.advice.length, 1);
  });

  test('what comes back later is raised again, but not new', () => {
    const patience = new Patience();
    const seconds = [...repeat(5, finding('a')), ...repeat(20), ...repeat(5, finding('a'))];
    assert.deepEqual(follow(patience, seconds), ['3 a raised new', '19 a cleared', '28 a raised']);
  });

  test('advice has the newest figures and its first time', () => {
    const patience = new Patience();
    follow(patience, [...repeat(5, finding('a', '7 s')), [finding('a', '10 s')]]);
    assert.deepEqual(patience.advice, [{ code: 'a', severity: 'warning', message: '10 s', since: 1_000_000 }]);
  });

  test('each kind has its own time', () => {
    const patience = new Patience();
    const seconds = [[finding('a')], ...repeat(5, finding('a'), finding('b'))];
    assert.deepEqual(follow(patience, seconds), ['3 a raised new', '4 b raised new']);
    assert.deepEqual(
      patience.advice.map(({ code }) => code),
      ['a', 'b'],
    );
  });

  test('raised and cleared take turns, whatever is found', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (seconds) => {
        const states = follow(
          new Patience(),
          seconds.map((isBad) => (isBad ? [finding('a')] : [])),
        ).map((line) => line.split(' ')[2]);
        for (const [index, state] of states.entries()) assert.equal(state, index % 2 === 0 ? 'raised' : 'cleared');
      }),
    );
  });
});
