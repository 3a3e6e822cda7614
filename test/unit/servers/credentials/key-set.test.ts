import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { exportJWK, SignJWT } from 'jose';
import type { CoreConfig } from '../../../../src/core/config.ts';
import { resolveConfig } from '../../../../src/core/config-schema.ts';
import { WrongCredentialError } from '../../../../src/core/failed-attempts.ts';
import { DeniedError } from '../../../../src/errors.ts';
import { MediaTokens } from '../../../../src/servers/credentials/media-tokens.ts';
import { type LogLine, recordingLogger } from '../../../support/house.ts';

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const first = pair();
const second = pair();

const row = async (kid: string, key: KeyObject) => ({ ...(await exportJWK(key)), kid, alg: 'ES256' });
const issue = (kid: string, key: KeyObject) =>
  new SignJWT({ action: 'play', path: '/live/*', sub: kid, exp: Math.floor(Date.now() / 1000) + 3600 })
    .setProtectedHeader({ alg: 'ES256', kid })
    .sign(key);

/** A server of keys, and a checker of tokens that asks it. */
async function open(t: TestContext, answer: RequestListener) {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    answer(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const lines: LogLine[] = [];
  const jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys?apikey=topsecret`;
  const { auth } = resolveConfig({ auth: { token: { jwksUrl } } }, {}) as unknown as CoreConfig;
  const tokens = new MediaTokens(auth.token, '/', recordingLogger(lines));
  t.after(() => {
    tokens.close();
    server.closeAllConnections();
    server.close();
  });
  const verdict = async (token: string) => {
    try {
      return `user ${await tokens.verify(token, 'play', '/live/a')}`;
    } catch (error) {
      assert.ok(error instanceof DeniedError, String(error));
      return `${error instanceof WrongCredentialError ? 'wrong' : 'no'}: ${error.message}`;
    }
  };
  return { verdict, lines, tokens, requests: () => requests };
}

describe('keys from an address', () => {
  test('are fetched once for many tokens', async (t) => {
    const keys = [await row('1', first.publicKey)];
    const { verdict, requests } = await open(t, (_, response) => response.end(JSON.stringify({ keys })));
    const token = await issue('1', first.privateKey);
    assert.deepEqual(await Promise.all([1, 2, 3].map(() => verdict(token))), ['user 1', 'user 1', 'user 1']);
    assert.equal(await verdict(token), 'user 1');
    assert.equal(requests(), 1);
  });

  test('are fetched again for an unknown one, but not for each', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    let keys = [await row('1', first.publicKey)];
    const { verdict, requests } = await open(t, (_, response) => response.end(JSON.stringify({ keys })));
    const [old, fresh] = [await issue('1', first.privateKey), await issue('2', second.privateKey)];
    assert.equal(await verdict(old), 'user 1');
    keys = [await row('2', second.publicKey)];
    assert.equal(await verdict(fresh), 'wrong: the token is not valid');
    assert.equal(requests(), 1);
    t.mock.timers.tick(30_001);
    assert.equal(await verdict(fresh), 'user 2');
    assert.equal(await verdict(old), 'wrong: the token is not valid');
    assert.equal(requests(), 2);
  });

  const failures: [string, RequestListener, RegExp][] = [
    ['that fails', (_, response) => response.writeHead(500).end(), /^the answer was 500$/],
    [
      'that leads elsewhere',
      (_, response) => response.writeHead(302, { Location: '/x' }).end(),
      /^the answer was 302$/,
    ],
    ['that sends too much', (_, response) => response.end(' '.repeat(300_000)), /^more than 262144 bytes$/],
    ['that sends rubbish', (_, response) => response.end('{'), /JSON/],
    ['that sends no keys', (_, response) => response.end('{}'), /^the answer is no JSON Web Key Set$/],
    ['that breaks off', (request) => request.socket.destroy(), /^fetch failed: /],
  ];
  for (const [name, answer, reason] of failures) {
    test(`from an address ${name} let nobody in, and the log says why, once`, async (t) => {
      const { verdict, lines, requests } = await open(t, answer);
      const token = await issue('1', first.privateKey);
      assert.equal(await verdict(token), 'no: the token cannot be checked now');
      assert.equal(await verdict(token), 'no: the token cannot be checked now');
      assert.equal(requests(), 1);
      assert.equal(lines.length, 1);
      assert.equal(lines[0]!.level, 'warn');
      assert.match(String(lines[0]!.fields['reason']), reason);
      assert.ok(!JSON.stringify(lines).includes('topsecret'));
    });
  }

  test('are asked for again some seconds after a failure', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const keys = [await row('1', first.publicKey)];
    let isDown = true;
    const { verdict } = await open(t, (_, response) =>
      response.writeHead(isDown ? 503 : 200).end(JSON.stringify({ keys })),
    );
    const token = await issue('1', first.privateKey);
    assert.equal(await verdict(token), 'no: the token cannot be checked now');
    isDown = false;
    assert.equal(await verdict(token), 'no: the token cannot be checked now');
    t.mock.timers.tick(5_001);
    assert.equal(await verdict(token), 'user 1');
  });

  test('that never come are not waited for at the end', async (t) => {
    const { verdict, tokens, requests, lines } = await open(t, () => {});
    const asked = verdict(await issue('1', first.privateKey));
    while (requests() === 0) await new Promise((resolve) => setImmediate(resolve));
    tokens.close();
    assert.equal(await asked, 'no: the token cannot be checked now');
    assert.deepEqual(lines, []);
  });
});
