import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type JWTPayload, SignJWT } from 'jose';
import type { CoreConfig, CoreConfigInput } from '../../../../src/core/config.ts';
import { resolveConfig } from '../../../../src/core/config-schema.ts';
import { WrongCredentialError } from '../../../../src/core/failed-attempts.ts';
import { silentLogger } from '../../../../src/core/logger.ts';
import { ConfigError, DeniedError } from '../../../../src/errors.ts';
import { MediaTokens } from '../../../../src/servers/credentials/media-tokens.ts';

type TokenInput = NonNullable<NonNullable<CoreConfigInput['auth']>['token']>;

const folder = mkdtempSync(join(tmpdir(), 'tokens-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const secret = '0123456789abcdef0123456789abcdef';
const shared = Buffer.from(secret);
const soon = () => Math.floor(Date.now() / 1000) + 60;
const pairs = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
};

function tokens(token: TokenInput): MediaTokens {
  const { auth } = resolveConfig({ auth: { token } }, {}) as unknown as CoreConfig;
  return new MediaTokens(auth.token, folder, silentLogger);
}

function keyFile(name: string, key: KeyObject): string {
  writeFileSync(join(folder, name), key.export({ type: key.type === 'public' ? 'spki' : 'pkcs8', format: 'pem' }));
  return name;
}

const claims = (change: object = {}): JWTPayload => ({
  action: 'play',
  path: '/live/a',
  sub: 'alice',
  exp: soon(),
  ...change,
});
const issue = (payload: JWTPayload, key: KeyObject | Uint8Array = shared, alg = 'HS256') =>
  new SignJWT(payload).setProtectedHeader({ alg }).sign(key);

/** The user, or why not. */
async function verdict(checker: MediaTokens, token: string, action: 'publish' | 'play' = 'play', path = '/live/a') {
  try {
    return `user ${await checker.verify(token, action, path)}`;
  } catch (error) {
    assert.ok(error instanceof DeniedError, String(error));
    return `${error instanceof WrongCredentialError ? 'wrong' : 'no'}: ${error.message}`;
  }
}

describe('a token', () => {
  const ours = tokens({ secret });

  test('opens what its claims say, to the user whom it names', async () => {
    assert.equal(await verdict(ours, await issue(claims())), 'user alice');
    assert.equal(
      await verdict(ours, await issue(claims({ action: ['publish', 'play'], path: ['/x/y', '/live/*'] }))),
      'user alice',
    );
    const { sub: _, ...nameless } = claims();
    assert.equal(await verdict(ours, await issue(nameless)), 'user ');
  });

  test('opens nothing else', async () => {
    const cases: [object, string][] = [
      [{ action: 'publish' }, 'no: the token does not allow to play'],
      [{ action: 'PLAY' }, 'no: the token does not allow to play'],
      [{ action: undefined }, 'no: the token does not allow to play'],
      [{ action: { play: true } }, 'no: the token does not allow to play'],
      [{ path: '/live/b' }, 'no: the token is not for /live/a'],
      [{ path: '/*' }, 'no: the token is not for /live/a'],
      [{ path: undefined }, 'no: the token is not for /live/a'],
      [{ exp: soon() - 120 }, 'no: the token has expired'],
      [{ exp: undefined }, 'no: the claim "exp" of the token does not fit'],
      [{ nbf: soon() }, 'no: the claim "nbf" of the token does not fit'],
    ];
    for (const [change, expected] of cases) {
      assert.equal(await verdict(ours, await issue(claims(change))), expected, JSON.stringify(change));
    }
  });

  test('allows for clocks that differ a little', async () => {
    assert.equal(await verdict(ours, await issue(claims({ exp: soon() - 62 }))), 'user alice');
    assert.equal(
      await verdict(tokens({ secret, clockToleranceS: 0 }), await issue(claims({ exp: soon() - 62 }))),
      'no: the token has expired',
    );
  });

  test('is of the issuer and for the audience that were configured', async () => {
    const strict = tokens({ secret, issuer: 'shop', audience: 'media' });
    assert.equal(await verdict(strict, await issue(claims({ iss: 'shop', aud: ['x', 'media'] }))), 'user alice');
    assert.equal(
      await verdict(strict, await issue(claims({ iss: 'x', aud: 'media' }))),
      'no: the claim "iss" of the token does not fit',
    );
    assert.equal(
      await verdict(strict, await issue(claims({ iss: 'shop' }))),
      'no: the claim "aud" of the token does not fit',
    );
  });

  test('signed by another, unsigned or garbled is a wrong one', async () => {
    const good = await issue(claims());
    const [, body] = good.split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
    const bad = [await issue(claims(), Buffer.from('x'.repeat(32))), none, `${good}x`, 'x', '..', 'a'.repeat(9000)];
    for (const token of bad) assert.match(await verdict(ours, token), /^wrong: the token is (not valid|too long)$/);
  });

  test('may have its claims under other names', async () => {
    const named = tokens({ secret, claims: { action: 'nms/do', path: 'nms/where', user: 'email' } });
    const token = await issue({ 'nms/do': 'publish', 'nms/where': '/live/*', email: 'a@b', exp: soon() });
    assert.equal(await verdict(named, token, 'publish'), 'user a@b');
  });

  for (const [algorithm, { publicKey, privateKey }] of Object.entries(pairs)) {
    test(`${algorithm}: a public key opens what its private key signed, and nothing that it signed itself`, async () => {
      const checker = tokens({ keyFile: keyFile(`${algorithm}.pem`, publicKey) });
      assert.equal(await verdict(checker, await issue(claims(), privateKey, algorithm)), 'user alice');
      const pem = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }));
      assert.equal(await verdict(checker, await issue(claims(), pem)), 'wrong: the token is not valid');
      assert.equal(await verdict(checker, await issue(claims())), 'wrong: the token is not valid');
    });
  }

  test('a key file that cannot be used stops the start, and says which key of the configuration it is', () => {
    writeFileSync(join(folder, 'rubbish.pem'), 'rubbish');
    keyFile('p384.pem', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey);
    keyFile('rsa.pem', pairs.RS256.publicKey);
    const cases: [TokenInput, RegExp][] = [
      [{ keyFile: 'absent.pem' }, /^auth\.token\.keyFile is "absent\.pem", which cannot be read \(ENOENT\)/],
      [{ keyFile: 'rubbish.pem' }, /^auth\.token\.keyFile is "rubbish\.pem", which cannot be read/],
      [
        { keyFile: 'p384.pem' },
        /which holds another kind of key; a PEM file with a public key \(RSA, P-256 or Ed25519\) is allowed$/,
      ],
      [{ keyFile: 'rsa.pem', algorithms: ['ES256'] }, /^auth\.token\.algorithms lists ES256; RS256 fits the key$/],
    ];
    for (const [config, message] of cases) {
      assert.throws(
        () => tokens(config),
        (error: Error) => error instanceof ConfigError && message.test(error.message),
      );
    }
  });
});
