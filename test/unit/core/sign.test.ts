import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { WrongCredentialError } from '../../../src/core/failed-attempts.ts';
import { type SignatureCheck, signStream, signStreamMd5, verifyStreamSign } from '../../../src/core/sign.ts';
import { DeniedError } from '../../../src/errors.ts';

const now = 1_700_000_000;
const good: SignatureCheck = {
  action: 'publish',
  path: '/live/a',
  sign: signStream('publish', '/live/a', now + 60, 's'),
  secret: 's',
  acceptMd5: true,
  now,
};

function refusal(change: Partial<SignatureCheck>): string {
  try {
    verifyStreamSign({ ...good, ...change });
  } catch (error) {
    assert.ok(error instanceof DeniedError, String(error));
    return `${error instanceof WrongCredentialError ? 'wrong' : 'no'}: ${error.message}`;
  }
  return 'accepted';
}

describe('a signed address', () => {
  test('is the expiry and the HMAC of action, path and expiry', () => {
    const mac = createHmac('sha256', 's').update('publish:/live/a-1700000060').digest('hex');
    assert.equal(good.sign, `1700000060-${mac}`);
    assert.equal(refusal({}), 'accepted');
  });

  test('is good up to its last second', () => {
    assert.equal(refusal({ now: now + 60 }), 'accepted');
    assert.equal(refusal({ now: now + 61 }), 'no: the signature has expired');
  });

  test('is good for one action, one path and one secret', () => {
    const misfit = 'wrong: the signature does not fit this address';
    for (const change of [{ action: 'play' }, { path: '/live/b' }, { secret: 't' }] as const) {
      assert.equal(refusal(change), misfit, JSON.stringify(change));
    }
    assert.equal(refusal({ sign: good.sign!.replace(/^1/, '2') }), misfit);
  });

  test('of Node-Media-Server 4 is accepted while that is switched on, for both actions', () => {
    const sign = signStreamMd5('/live/a', now + 60, 's');
    assert.equal(refusal({ sign }), 'accepted');
    assert.equal(refusal({ sign, action: 'play' }), 'accepted');
    assert.equal(refusal({ sign, acceptMd5: false }), 'no: MD5 signatures are switched off');
  });

  test('in any other form is malformed', () => {
    const mac = good.sign!.split('-')[1]!;
    const bad = [
      'x',
      `-${mac}`,
      `1e9-${mac}`,
      `+1-${mac}`,
      ` ${good.sign!}`,
      `${good.sign!}0`,
      `${now}-${mac.toUpperCase()}`,
    ];
    for (const sign of bad) assert.equal(refusal({ sign }), 'wrong: the signature is malformed', sign);
    assert.equal(refusal({ sign: undefined }), 'no: a signed address is needed to publish');
  });
});
