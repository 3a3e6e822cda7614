import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CoreConfigInput } from '../../../../src/core/config.ts';
import { FailedAttempts } from '../../../../src/core/failed-attempts.ts';
import { DeniedError } from '../../../../src/errors.ts';
import {
  adobeResponse,
  AUTHENTICATION_FAILED,
  NEED_AUTHENTICATION,
} from '../../../../src/protocols/rtmp/adobe-auth.ts';
import { PasswordCheck } from '../../../../src/servers/credentials/password-check.ts';
import { FakeSession, type LogLine, makeContext } from '../../../support/house.ts';

const publishers = [{ username: 'alice', password: 'topsecret' }];

function open(auth: CoreConfigInput['auth'] = {}) {
  const lines: LogLine[] = [];
  const context = makeContext({ auth: { publishers, ...auth } }, lines);
  const waits: number[] = [];
  const failures = new FailedAttempts(context.config.auth.failures, {
    now: () => 0,
    wait: async (ms) => void waits.push(ms),
  });
  const check = new PasswordCheck(context.config.auth.publishers, failures);
  const session = new FakeSession(context);
  const say = (query: Record<string, string>) =>
    check.signIn(session, query).then(
      (user) => `user ${user}`,
      (error: unknown) => {
        assert.ok(error instanceof DeniedError, String(error));
        return error.message;
      },
    );
  /** What one who has this password answers to a new challenge. */
  const answer = async (user: string, password: string) => {
    const asked = await say({ authmod: 'adobe', user });
    const [, salt = '', opaque = ''] = /&salt=([^&]*)&challenge=[^&]*&opaque=(.*)$/.exec(asked) ?? [];
    const challenge = '01234567';
    const response = adobeResponse({ user, password, salt, opaque, challenge });
    return { authmod: 'adobe', user, challenge, response, opaque };
  };
  return { say, answer, session, lines, waits };
}

describe('user and password over RTMP', () => {
  test('are asked for, then a challenge is given, then the answer lets in', async () => {
    const { say, answer, session } = open();
    assert.equal(await say({}), NEED_AUTHENTICATION);
    assert.match(
      await say({ authmod: 'adobe', user: 'alice' }),
      /\?reason=needauth&user=alice&salt=[^&]{12}&challenge=/,
    );
    assert.equal(session.user, '');
    assert.equal(await say(await answer('alice', 'topsecret')), 'user alice');
    assert.equal(session.user, 'alice');
  });

  test('that are wrong are refused alike, whether or not there is such a user, and slowed down', async () => {
    const { say, answer, session, waits, lines } = open();
    for (const [user, password] of [
      ['alice', 'wrong'],
      ['bob', 'topsecret'],
      ['bob', ''],
    ] as const) {
      assert.equal(await say(await answer(user, password)), AUTHENTICATION_FAILED);
    }
    assert.equal(session.user, '');
    assert.deepEqual(waits, [250, 500]);
    assert.equal(lines.filter(({ message }) => message === 'a wrong user or password').length, 3);
    assert.ok(!JSON.stringify(lines).includes('topsecret'));
    assert.equal(await say(await answer('alice', 'topsecret')), 'user alice');
    await say(await answer('alice', 'wrong'));
    assert.deepEqual(waits, [250, 500]);
  });

  test('answer a challenge once, right or wrong', async () => {
    const { say, answer } = open();
    const right = await answer('alice', 'topsecret');
    assert.equal(await say(right), 'user alice');
    assert.equal(await say(right), AUTHENTICATION_FAILED);
    const spoilt = await answer('alice', 'topsecret');
    assert.equal(await say({ ...spoilt, response: 'x' }), AUTHENTICATION_FAILED);
    assert.equal(await say(spoilt), AUTHENTICATION_FAILED);
    assert.equal(await say({ ...(await answer('alice', 'topsecret')), opaque: 'x.y.z' }), AUTHENTICATION_FAILED);
  });

  test('of an address that is shut out are not looked at', async () => {
    const { say, answer } = open({ failures: { banAfter: 1 } });
    const right = await answer('alice', 'topsecret');
    await say({ ...right, response: 'x' });
    assert.equal(await say({}), AUTHENTICATION_FAILED);
    assert.equal(await say({ authmod: 'adobe', user: 'alice' }), AUTHENTICATION_FAILED);
  });
});
