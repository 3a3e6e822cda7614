import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callHeaders, signCall } from '../../../../src/servers/notify/signature.ts';

const body = '{"event":"postPublish"}';
/** printf '%s' '1795363457.{"event":"postPublish"}' | openssl dgst -sha256 -hmac 's3cret' */
const expected = 'v1=5384797d2f35c17ad260fa501db3012b8e4a0fb3e8ea464ce7c8f4d2bc0ca516';

test('a signature is the HMAC-SHA256 of time and body, in hex', () => {
  assert.equal(signCall('s3cret', 1_795_363_457, body), expected);
});

test('a call says what it is, when it was sent and that it is ours', () => {
  assert.deepEqual(callHeaders({ id: 'e1', body, secret: 's3cret', now: 1_795_363_457_999 }), {
    'Content-Type': 'application/json',
    'X-NMS-Id': 'e1',
    'X-NMS-Timestamp': '1795363457',
    'X-NMS-Signature': expected,
  });
});

test('without a secret there is no signature', () => {
  assert.deepEqual(Object.keys(callHeaders({ id: 'e1', body, secret: '', now: 0 })), [
    'Content-Type',
    'X-NMS-Id',
    'X-NMS-Timestamp',
  ]);
});
