import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Culprit, FailedAttempts, type FailureRules } from '../../../src/core/failed-attempts.ts';
import { DeniedError } from '../../../src/errors.ts';

const rules: FailureRules = {
  delayMs: 250,
  maxDelayMs: 2000,
  banAfter: 0,
  banMs: 60_000,
  forgetMs: 10_000,
  maxAddresses: 3,
};
const said: string[] = [];
const from = (address: string, { signal } = new AbortController()): Culprit => ({
  address,
  signal,
  log: (level, message, fields) => void said.push(`${level} ${message} ${JSON.stringify(fields)}`),
});

/** Time passes when the test says so; waits are written down. */
function clocked(change: Partial<FailureRules> = {}) {
  const waits: number[] = [];
  const clock = { ms: 0 };
  const attempts = new FailedAttempts(
    { ...rules, ...change },
    { now: () => clock.ms, wait: async (ms) => void waits.push(ms) },
  );
  return { attempts, waits, clock };
}

const isAllowed = (check: () => void) => {
  try {
    check();
    return true;
  } catch (error) {
    assert.ok(error instanceof DeniedError);
    return false;
  }
};

describe('failed attempts', () => {
  test('of one address are answered later and later, up to a limit', async () => {
    const { attempts, waits } = clocked();
    for (let count = 0; count < 7; count++) await attempts.punish(from('192.0.2.1'));
    assert.deepEqual(waits, [250, 500, 1000, 2000, 2000, 2000]);
    await attempts.punish(from('192.0.2.2'));
    assert.equal(waits.length, 6);
  });

  test('are forgiven by a right one and by time', async () => {
    const { attempts, waits, clock } = clocked();
    await attempts.punish(from('a'));
    await attempts.punish(from('a'));
    attempts.forgive('a');
    await attempts.punish(from('a'));
    assert.deepEqual(waits, [250]);
    clock.ms += 9_999;
    await attempts.punish(from('a'));
    assert.deepEqual(waits, [250, 250]);
    clock.ms += 10_000;
    await attempts.punish(from('a'));
    assert.deepEqual(waits, [250, 250]);
  });

  test('held back at once are few: further credentials are not looked at, wherever their peers are', async () => {
    const { attempts, clock } = clocked();
    for (let count = 0; count < 9; count++) {
      assert.equal(
        isAllowed(() => attempts.throwIfBusy('a')),
        true,
        String(count),
      );
      await attempts.punish(from('a'));
    }
    assert.equal(
      isAllowed(() => attempts.throwIfBusy('a')),
      false,
    );
    assert.equal(
      isAllowed(() => attempts.throwIfBusy('b')),
      true,
    );
    clock.ms += 250;
    assert.equal(
      isAllowed(() => attempts.throwIfBusy('a')),
      true,
    );
  });

  test('shut an address out when that is asked for, for a while, whatever else it has', async () => {
    const { attempts, clock } = clocked({ banAfter: 2, forgetMs: 100 });
    await attempts.punish(from('a'));
    assert.equal(
      isAllowed(() => attempts.throwIfBanned('a')),
      true,
    );
    await attempts.punish(from('a'));
    assert.equal(
      isAllowed(() => attempts.throwIfBanned('a')),
      false,
    );
    assert.deepEqual(said.splice(0), [
      'warn the address is shut out: too many failed attempts {"attempts":2,"banMs":60000}',
    ]);
    clock.ms += 59_999;
    assert.equal(
      isAllowed(() => attempts.throwIfBanned('a')),
      false,
    );
    clock.ms += 1;
    assert.equal(
      isAllowed(() => attempts.throwIfBanned('a')),
      true,
    );
    const never = clocked();
    for (let count = 0; count < 100; count++) await never.attempts.punish(from('a'));
    assert.equal(
      isAllowed(() => never.attempts.throwIfBanned('a')),
      true,
    );
  });

  test('are remembered of so many addresses, those that failed last', async () => {
    const { attempts, waits } = clocked();
    for (const address of ['a', 'b', 'c', 'a', 'd']) await attempts.punish(from(address));
    assert.equal(attempts.size, 3);
    assert.deepEqual(waits, [250]);
    await attempts.punish(from('b'));
    assert.deepEqual(waits, [250]);
    await attempts.punish(from('a'));
    assert.deepEqual(waits, [250, 500]);
  });

  test('of one IPv6 network are those of one address', async () => {
    const { attempts, waits } = clocked();
    await attempts.punish(from('2001:db8:1:2::1'));
    await attempts.punish(from('2001:db8:1:2:ffff::9'));
    await attempts.punish(from('2001:db8:1:3::1'));
    assert.deepEqual(waits, [250]);
  });

  test('are not waited for once the peer has gone', async () => {
    const attempts = new FailedAttempts({ ...rules, delayMs: 3_600_000, maxDelayMs: 3_600_000 });
    await attempts.punish(from('a'));
    const gone = new AbortController();
    const held = attempts.punish(from('a', gone));
    gone.abort();
    await held;
  });
});
