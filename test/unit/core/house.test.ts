import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Deadline } from '../../../src/core/deadline.ts';
import { House } from '../../../src/core/house.ts';
import type { Server } from '../../../src/core/server.ts';
import { ClosedError } from '../../../src/errors.ts';
import { type LogLine, makeContext } from '../../support/house.ts';

const reason = new ClosedError('the server is stopping');

/** Parts that write down what is asked of them; `odd` changes what one of them does. */
function lab(odd: Partial<Server> = {}) {
  const steps: string[] = [];
  const lines: LogLine[] = [];
  const step = (name: string) => async () => void steps.push(name);
  class First implements Server {
    run = step('first runs');
    stop = step('first stops');
  }
  class Odd implements Server {
    run = odd.run ?? step('odd runs');
    closeDoors = odd.closeDoors ?? step('odd closes its doors');
    drain = odd.drain ?? step('odd drains');
    stop = odd.stop ?? step('odd stops');
  }
  class Last implements Server {
    run = step('last runs');
    closeDoors = step('last closes its doors');
    stop = step('last stops');
  }
  const context = makeContext({}, lines);
  const house = new House(context, [new First(), new Odd(), new Last()]);
  const end = async (timeoutMs = 1_000) => {
    const deadline = new Deadline(timeoutMs);
    await house.closeDoors(deadline);
    house.endPublishers(reason);
    await house.drain(reason, deadline);
    await house.close(reason, deadline);
  };
  return { house, context, steps, lines, end };
}

const never = () => new Promise<void>(() => {});

/** Lets time pass for timers until `work` is done; says how many milliseconds that took. */
async function passTime(t: TestContext, work: Promise<unknown>): Promise<number> {
  let isDone = false;
  void work.then(
    () => (isDone = true),
    () => (isDone = true),
  );
  let ms = 0;
  for (; ; ms += 100) {
    await new Promise((resolve) => setImmediate(resolve));
    if (isDone) return ms;
    t.mock.timers.tick(100);
  }
}

describe('the end of a house', () => {
  test('shuts all doors, then lets its parts finish, then stops them in reverse', async () => {
    const { house, context, steps, end } = lab();
    await house.open();
    await end();
    assert.deepEqual(steps.slice(3), [
      'odd closes its doors',
      'last closes its doors',
      'odd closes its doors',
      'last closes its doors',
      'odd drains',
      'last stops',
      'odd stops',
      'first stops',
    ]);
    assert.deepEqual([context.isStopping, context.closing.signal.reason], [true, reason]);
  });

  test('names a part that hangs, stops the others, and is over a little after its time', async (t) => {
    const { house, steps, lines, end } = lab({ stop: never });
    await house.open();
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const ms = await passTime(t, end(1_000));
    assert.deepEqual(steps.slice(-2), ['last stops', 'first stops']);
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message]),
      [['warn', 'Odd does not end in time: the server stops without it']],
    );
    assert.ok(ms > 1_000 && ms <= 11_000, `${ms} ms`);
  });

  test('is not held by a part whose doors, or whose last requests, hang', async (t) => {
    const { house, steps, lines, end } = lab({ closeDoors: never, drain: never });
    await house.open();
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await passTime(t, end(1_000));
    assert.deepEqual(steps.slice(-3), ['last stops', 'odd stops', 'first stops']);
    assert.deepEqual(
      lines.map(({ fields }) => [fields['part'], fields['step']]),
      [
        ['Odd', 'closeDoors'],
        ['Odd', 'closeDoors'],
        ['Odd', 'drain'],
      ],
    );
  });

  test('gives doors in other processes a moment to close, even when `drainTimeoutMs` is 0', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const closeDoors = () => new Promise<void>((resolve) => void setTimeout(resolve, 200));
    const { house, lines, end } = lab({ closeDoors });
    await house.open();
    await passTime(t, end(0));
    assert.deepEqual(lines, []);
  });

  test('calls a part by the name that it has', async () => {
    const lines: LogLine[] = [];
    const stop = () => Promise.reject(new RangeError('no'));
    const house = new House(makeContext({}, lines), [{ name: 'viewers', run: async () => {}, stop }]);
    await assert.rejects(house.close(reason, new Deadline(0)), RangeError);
    assert.deepEqual(
      [lines[0]?.fields['part'], lines[0]?.message],
      ['viewers', 'viewers failed while the server stops'],
    );
  });

  test('goes on when a part throws, logs it, and throws it in the end', async () => {
    const failure = new RangeError('it did not want to');
    const { house, steps, lines, end } = lab({
      drain: () => {
        throw failure;
      },
      stop: () => {
        throw failure;
      },
    });
    await house.open();
    await assert.rejects(end(), failure);
    assert.deepEqual(steps.slice(-2), ['last stops', 'first stops']);
    assert.deepEqual(
      lines.map(({ level, fields }) => [level, fields['part'], fields['step'], fields['err']]),
      [
        ['error', 'Odd', 'drain', failure],
        ['error', 'Odd', 'stop', failure],
      ],
    );
  });

  test('does not wait for ever for a part that hangs while it starts', async (t) => {
    const { house, steps, lines, end } = lab({ run: never });
    void house.open();
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await passTime(t, end(1_000));
    assert.deepEqual(steps.slice(-3), ['last stops', 'odd stops', 'first stops']);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['the server is stopped while it starts, which takes too long'],
    );
  });
});
