import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configFromEnvironment } from '../../../src/core/config-environment.ts';
import { resolveConfig } from '../../../src/core/config-schema.ts';
import { ConfigError } from '../../../src/errors.ts';

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return 'accepted';
}

const said = (auth: object) => refusal(() => resolveConfig({ auth }, {}));

describe('the auth section', () => {
  test('keeps hashes of stream keys only', () => {
    const { auth } = resolveConfig({ auth: { streamKeys: { topsecret: '/live/alice' } } }, {});
    assert.ok(!JSON.stringify(auth).includes('topsecret'));
    assert.equal(said({ streamKeys: { topsecret: '/live/*' } }), 'accepted');
  });

  test('names no stream key in what it complains of', () => {
    const bad: object[] = [
      { topsecret: 'live' },
      { topsecret: 5 },
      { topsecret: null },
      { topsecret: ['/live/a'] },
      { fine: '/live/a', topsecret: '/live/al*' },
    ];
    for (const streamKeys of bad) {
      const message = said({ streamKeys });
      assert.match(message, /^auth\.streamKeys is an object; for each key a path .* entry [12] has not, is allowed$/);
      assert.ok(!message.includes('topsecret'), message);
    }
    assert.equal(
      said({ streamKeys: 'topsecret' }),
      'auth.streamKeys is a text that is not shown; an object is allowed',
    );
    const inVariable = refusal(() => configFromEnvironment({ NMS_AUTH_STREAM_KEYS: '{"topsecret": ' }, {}));
    assert.match(
      inVariable,
      /^NMS_AUTH_STREAM_KEYS is a text that is not shown; an object, written as JSON, is allowed$/,
    );
  });

  test('shows no password', () => {
    for (const publisher of [
      { username: 'a', password: '' },
      { username: 'a b', password: 'topsecret' },
    ]) {
      assert.ok(!said({ publishers: [publisher] }).includes('topsecret'));
      assert.notEqual(said({ publishers: [publisher] }), 'accepted');
    }
    const long = { username: 'a', password: 'topsecret'.repeat(6) };
    assert.match(said({ publishers: [long] }), /^auth\.publishers\[0\]\.password is a text that is not shown/);
  });

  test('names each publisher once', () => {
    const alice = { username: 'alice', password: 'topsecret' };
    assert.equal(said({ publishers: [alice, { ...alice, username: 'Alice' }] }), 'accepted');
    const message = 'auth.publishers is a list; a list in which each username occurs once is allowed';
    assert.equal(said({ publishers: [alice, { ...alice, paths: ['/live/b'] }] }), message);
  });

  test('lets a public key never be the key of an HMAC', () => {
    const secret = 'x'.repeat(32);
    assert.equal(said({ token: { secret, algorithms: ['HS256'] } }), 'accepted');
    assert.equal(said({ token: { jwksUrl: 'https://a/b', algorithms: ['RS256', 'EdDSA'] } }), 'accepted');
    const wrong =
      /^auth\.token\.algorithms is a list; HS256 with a secret, or RS256, ES256 and EdDSA with keyFile or jwksUrl, is allowed$/;
    assert.match(said({ token: { keyFile: 'a.pem', algorithms: ['RS256', 'HS256'] } }), wrong);
    assert.match(said({ token: { secret, algorithms: ['ES256'] } }), wrong);
    assert.match(said({ token: { secret, keyFile: 'a.pem' } }), /only one of secret, keyFile and jwksUrl is allowed$/);
    assert.match(
      said({ token: { secret: 'topsecret' } }),
      /^auth\.token\.secret is a text that is not shown; none, or a text of 32/,
    );
    assert.match(said({ token: { secret, algorithms: ['none'] } }), /^auth\.token\.algorithms\[0\] is "none"/);
  });
});
