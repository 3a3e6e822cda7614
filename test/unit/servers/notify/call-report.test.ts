import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Counters } from '../../../../src/core/counters.ts';
import { CallReport } from '../../../../src/servers/notify/call-report.ts';
import { type LogLine, recordingLogger } from '../../../support/house.ts';

const DOWN = 'a webhook does not take its calls; they are kept and tried again';
const UP = 'a webhook takes its calls again';

function setUp() {
  const lines: LogLine[] = [];
  const report = new CallReport(recordingLogger(lines), new Counters());
  let second = 0;
  return {
    report,
    /** What one look says, a second after the last. */
    look: () => {
      report.say(second++ * 1000);
      return lines.splice(0).map(({ message }) => message);
    },
  };
}

describe('what is said of a webhook', () => {
  test('that came up between two looks, with nothing more to send, is that it takes its calls again', () => {
    const { report, look } = setUp();
    report.failed('a', 'ECONNREFUSED');
    assert.deepEqual(look(), [DOWN]);
    report.failed('a', 'ECONNREFUSED');
    report.succeeded('a');
    assert.deepEqual([look(), look()], [[], [UP]]);
    for (let second = 0; second < 120; second++) assert.deepEqual(look(), []);
  });

  test('that now takes a call and now does not is once a minute that it does not', () => {
    const { report, look } = setUp();
    const said = Array.from({ length: 121 }, () => {
      report.succeeded('a');
      report.failed('a', 'answered 500');
      return look();
    });
    assert.deepEqual(
      said.flatMap((lines, second) => lines.map((line) => [second, line])),
      [
        [0, DOWN],
        [60, DOWN],
        [120, DOWN],
      ],
    );
  });

  test('that fails again after it was well is said at once', () => {
    const { report, look } = setUp();
    report.failed('a', 'answered 500');
    assert.deepEqual(look(), [DOWN]);
    report.succeeded('a');
    assert.deepEqual(look(), [UP]);
    report.failed('a', 'answered 500');
    assert.deepEqual(look(), [DOWN]);
  });
});
