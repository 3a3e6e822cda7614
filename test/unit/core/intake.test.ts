import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Intake } from '../../../src/core/intake.ts';

function source(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let isRead = true;
  const intake = new Intake({
    pause: () => {
      isRead = false;
    },
    resume: () => {
      isRead = true;
    },
  });
  return { intake, isRead: () => isRead };
}

describe('what is read of a peer', () => {
  test('is nothing while there is a reason, and all again after the last one', (t) => {
    const { intake, isRead } = source(t);
    intake.hold('asking');
    intake.hold('deaf');
    intake.release('asking');
    assert.equal(isRead(), false);
    assert.equal(intake.has('deaf'), true);
    intake.release('fast');
    assert.equal(isRead(), false);
    intake.release('deaf');
    assert.equal(isRead(), true);
  });

  test('comes again by itself after a hold for a time, unless there is another reason', (t) => {
    const { intake, isRead } = source(t);
    intake.holdFor('rest', 80);
    intake.hold('turn');
    t.mock.timers.tick(80);
    assert.equal(intake.has('rest'), false);
    assert.equal(isRead(), false);
    intake.release('turn');
    assert.equal(isRead(), true);
  });

  test('a hold for a time is not made longer by a second one', (t) => {
    const { intake, isRead } = source(t);
    intake.holdFor('fast', 10);
    intake.holdFor('fast', 1000);
    t.mock.timers.tick(10);
    assert.equal(isRead(), true);
    t.mock.timers.tick(1000);
    intake.holdFor('fast', 10);
    t.mock.timers.tick(9);
    assert.equal(isRead(), false);
  });

  test('is read to the end once it is over, and no timer is left', (t) => {
    const { intake, isRead } = source(t);
    intake.holdFor('fast', 1000);
    intake.end();
    assert.equal(isRead(), true);
    intake.hold('deaf');
    intake.holdFor('rest', 10);
    assert.equal(isRead(), true);
    assert.equal(intake.has('rest'), false);
  });
});
