import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  ADOBE_PARAMETERS,
  AdobeChallenges,
  adobeResponse,
  describeAdobeRefusal,
  isAdobeResponse,
  NEED_AUTHENTICATION,
  readAdobeRequest,
} from '../../../../src/protocols/rtmp/adobe-auth.ts';

const challenges = () => new AdobeChallenges(randomBytes(32), randomBytes);

/** The fields of a refusal, as FFmpeg reads them: split at `&`, then at the first `=`. */
function fieldsOf(description: string): Record<string, string> {
  const text = description.slice(description.indexOf('?') + 1);
  return Object.fromEntries(
    text.split('&').map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]),
  );
}

describe('authmod=adobe', () => {
  test('the first refusal has the words that encoders look for', () => {
    assert.equal(NEED_AUTHENTICATION, '[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ');
  });

  test('the response is two rounds of MD5 in base64', () => {
    const md5 = (text: string) => createHash('md5').update(text).digest('base64');
    const secrets = { user: 'alice', password: 'pw', salt: 'salt', opaque: 'opaque', challenge: '0badcafe' };
    const response = adobeResponse(secrets);
    assert.equal(response, md5(`${md5('alicesaltpw')}opaque0badcafe`));
    assert.equal(response, 'uGRxz5SqAkl3ILeEmiNqBw==');
    assert.equal(isAdobeResponse(secrets, response), true);
    assert.equal(isAdobeResponse(secrets, response.slice(0, -1)), false);
    assert.equal(isAdobeResponse({ ...secrets, password: 'pW' }, response), false);
  });

  test('a challenge comes back as it went out, for its user, for half a minute', () => {
    const ours = challenges();
    const fields = fieldsOf(ours.issue('alice', 1000.5));
    assert.deepEqual([fields['reason'], fields['user']], ['needauth', 'alice']);
    const opaque = fields['opaque']!;
    const open = ours.open(opaque, 'alice', 30_999);
    assert.deepEqual(open, { id: fields['challenge'], salt: fields['salt'], expiresAt: 31_000 });
    assert.equal(ours.open(opaque, 'alice', 31_000), null);
    assert.equal(ours.open(opaque, 'bob', 1001), null);
    assert.equal(challenges().open(opaque, 'alice', 1001), null);
    assert.equal(ours.open(`${opaque}.`, 'alice', 1001), null);
    const [id, , seal] = opaque.split('.');
    assert.equal(ours.open(`${id}.${(999_999).toString(36)}.${seal}`, 'alice', 1001), null);
  });

  test('no two challenges are alike, and the longest fits what FFmpeg reads', () => {
    const ours = challenges();
    const made = Array.from({ length: 100 }, () => ours.issue('u'.repeat(49), Number.MAX_SAFE_INTEGER / 2));
    assert.equal(new Set(made.map((one) => fieldsOf(one)['salt'])).size, 100);
    for (const one of made) assert.ok(one.slice(one.indexOf('?') + 1).length < 300, String(one.length));
  });

  test('a connect says nothing, a name, or an answer', () => {
    assert.deepEqual(readAdobeRequest({}), { step: 'unknown' });
    assert.deepEqual(readAdobeRequest({ user: 'alice', response: 'x' }), { step: 'unknown' });
    assert.deepEqual(readAdobeRequest({ authmod: 'llnw', user: 'alice' }), { step: 'unknown' });
    assert.deepEqual(readAdobeRequest({ authmod: 'adobe', user: 'alice' }), { step: 'named', user: 'alice' });
    assert.deepEqual(readAdobeRequest({ authmod: 'adobe', user: 'u'.repeat(257) }), { step: 'unknown' });
    const answered = { authmod: 'adobe', user: 'alice', challenge: 'c', response: 'r', opaque: 'o' };
    assert.deepEqual(Object.keys(answered), [...ADOBE_PARAMETERS]);
    const answer = { challenge: 'c', opaque: 'o', response: 'r' };
    assert.deepEqual(readAdobeRequest(answered), { step: 'answered', user: 'alice', answer });
  });

  test('whatever comes back, it is a challenge or none', () => {
    const ours = challenges();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (opaque, user) => {
        assert.equal(ours.open(opaque, user, 0), null);
      }),
    );
  });

  test('a log hears what was refused, without the challenge', () => {
    assert.equal(describeAdobeRefusal(NEED_AUTHENTICATION), 'user and password are needed');
    assert.equal(describeAdobeRefusal(challenges().issue('alice', 0)), 'asked for the password');
    assert.equal(describeAdobeRefusal('[ authmod=adobe ] : ?reason=authfailed'), 'wrong user or password');
  });
});
