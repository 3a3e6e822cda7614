import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SignJWT } from 'jose';
import type { Configuration } from '../../src/core/configuration.ts';
import { hashPassword } from '../../src/core/password.ts';
import { ConfigError } from '../../src/errors.ts';
import { API_SECRET, askApi, configure, signIn, startApi, users } from '../support/api.ts';
import type { WebHouse } from '../support/web.ts';

const UNAUTHORIZED = {
  success: false,
  code: 'UNAUTHORIZED',
  message: 'Invalid or missing authentication token',
  error: 'Invalid or missing authentication token',
};

const key = new TextEncoder().encode(API_SECRET);
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const payloadOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
const statusOf = async (house: WebHouse, token: string | undefined) =>
  (await askApi(house.port, '/streams', { token })).status;
const refresh = (house: WebHouse, refreshToken: string) =>
  askApi(house.port, '/refresh', { method: 'POST', body: { refreshToken } });

/** The lines of the log that tell of a refused token. */
const refusals = (house: WebHouse) =>
  house.lines.filter(({ level, fields }) => level === 'warn' && fields['status'] === 401);

/** A folder that is gone at the end of the block. */
function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'nms-api-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** What an attacker may try, made of the claims of a token that is good. */
async function forge(good: string): Promise<Record<string, string | undefined>> {
  const claims = payloadOf(good);
  const now = Math.floor(Date.now() / 1000);
  const sign = (payload: object, by: Uint8Array = key, header: object = {}) =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg: 'HS256', ...header }).sign(by);
  const byHand = (header: object, payload: object, secret: string) => {
    const text = `${encode(header)}.${encode(payload)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { exp: _, ...endless } = claims;
  const { jti: _id, ...nameless } = claims;
  return {
    missing: undefined,
    garbage: 'garbage',
    'cut short': good.slice(0, -2),
    'without a signature': `${good.split('.').slice(0, 2).join('.')}.`,
    'alg none': `${encode({ alg: 'none' })}.${encode(claims)}.`,
    'alg nOnE': `${encode({ alg: 'nOnE' })}.${encode(claims)}.`,
    'alg none, with the signature': `${encode({ alg: 'none' })}.${good.split('.').slice(1).join('.')}`,
    'wrong key': await sign(claims, new TextEncoder().encode('another secret, which is not the right one')),
    'empty key': byHand({ alg: 'HS256' }, claims, ''),
    'HS512 with the right key': await new SignJWT(claims).setProtectedHeader({ alg: 'HS512' }).sign(key),
    RS256: await new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(rsa.privateKey),
    'claims changed': [good.split('.')[0], encode({ ...claims, username: 'root' }), good.split('.')[2]].join('.'),
    'a role of his own': [good.split('.')[0], encode({ ...claims, role: 'admin' }), good.split('.')[2]].join('.'),
    expired: await sign({ ...claims, exp: now - 1 }),
    'not yet valid (nbf)': await sign({ ...claims, nbf: now + 600 }),
    'issued in the future': await sign({ ...claims, iat: now + 600, exp: now + 1200 }),
    'without an end': await sign(endless),
    'without an id': await sign(nameless),
    'an unknown user': await sign({ ...claims, username: 'stranger' }),
    'of an old password': await sign({ ...claims, mark: 'AAAAAAAAAAAAAAAAAAAAAA' }),
    'of Node-Media-Server 4': await sign({ username: 'admin', iat: now, exp: now + 600 }),
    'with a key of its own': await sign(claims, key, { jwk: { kty: 'oct', k: 'AA' }, crit: ['jwk'] }).catch(() => 'x'),
    refresh: await sign({ ...claims, kind: 'refresh' }),
    events: await sign({ ...claims, kind: 'events' }),
    'of no kind': await sign({ ...claims, kind: 'root' }),
    'as long as a book': `${good}${'x'.repeat(8000)}`,
  };
}

describe('tokens of the API', () => {
  test('whatever is forged, expired, too early, foreign or of another kind is the same 401, with one line in the log each', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    assert.equal(await statusOf(house, token), 200);
    const forged = Object.entries(await forge(token));
    assert.ok(forged.length > 20);
    let answered = 0;
    for (const [name, offered] of forged) {
      const reply = await askApi(house.port, '/streams', { token: offered });
      assert.equal(reply.status, 401, name);
      assert.deepEqual(reply.body, UNAUTHORIZED, name);
      assert.equal(reply.headers['www-authenticate'], 'Bearer', name);
      answered++;
      // The log has room for 20 lines a second.
      if (answered % 20 === 0) await new Promise((resolve) => house.context.ticker.add(() => resolve(null)));
    }
    assert.equal(refusals(house).length, forged.length);
    const written = JSON.stringify(house.lines);
    for (const [name, offered] of forged) {
      if ((offered?.length ?? 0) > 20) assert.equal(written.includes(offered!), false, name);
    }
    const counted = [...house.context.counters.rows()].filter(([name]) => name === 'api_token_failures');
    const { invalid, ...others } = Object.fromEntries(counted.map(([, reason, count]) => [reason, count]));
    assert.deepEqual(others, { missing: 1, expired: 1, early: 2, kind: 2, user: 1, password: 1 });
    assert.equal(invalid, forged.length - 8);
    assert.equal(await statusOf(house, token), 200);
  });

  test('are used by header only; other schemes and places are refused', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    for (const [path, headers] of [
      [`/streams?token=${token}`, {}],
      ['/streams', { Authorization: token }],
      ['/streams', { Authorization: `Basic ${token}` }],
      ['/streams', { Cookie: `token=${token}` }],
    ] as const) {
      assert.equal((await askApi(house.port, path, { headers })).status, 401);
    }
    assert.equal(
      (await askApi(house.port, '/streams', { headers: { Authorization: `bearer  ${token}` } })).status,
      200,
    );
  });

  test('a user who is removed, or whose role changes, is so at once', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    const kick = () => askApi(house.port, '/sessions/none', { method: 'DELETE', token });
    assert.equal((await kick()).status, 404);
    await configure(house, { auth: { jwt: { users: [{ ...users[0], role: 'viewer' }] } } });
    assert.deepEqual([(await kick()).status, await statusOf(house, token)], [403, 200]);
    await configure(house, { auth: { jwt: { users: [users[1]] } } });
    assert.deepEqual([(await kick()).status, await statusOf(house, token)], [401, 401]);
  });

  test('another secret makes all of them worthless, no secret too', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    await configure(house, { auth: { jwt: { secret: 'another' } } });
    assert.equal(await statusOf(house, token), 401);
    await configure(house, { auth: { jwt: { secret: '' } } });
    const text = `${encode({ alg: 'HS256' })}.${encode(payloadOf(token))}`;
    assert.equal(await statusOf(house, `${text}.${createHmac('sha256', '').update(text).digest('base64url')}`), 401);
    await configure(house, { auth: { jwt: { secret: API_SECRET } } });
    assert.equal(await statusOf(house, token), 200);
  });
});

describe('refreshing', () => {
  test('a refresh token gives a new pair, once; used a second time it ends the sign-in, and no other', async () => {
    await using house = await startApi();
    const other = await signIn(house.port);
    const first = await signIn(house.port);
    const second = (await refresh(house, first.refreshToken)).body;
    assert.deepEqual(second, {
      success: true,
      data: {
        token: second.data.token,
        refreshToken: second.data.refreshToken,
        expiresIn: '24h',
        refreshExpiresIn: '7d',
        user: { username: 'admin', role: 'admin' },
      },
      message: 'Token refreshed',
    });
    assert.notEqual(second.data.refreshToken, first.refreshToken);
    const third = (await refresh(house, second.data.refreshToken)).body;
    assert.deepEqual([await statusOf(house, first.token), await statusOf(house, third.data.token)], [200, 200]);

    const again = await refresh(house, first.refreshToken);
    assert.deepEqual([again.status, again.body], [401, UNAUTHORIZED]);
    for (const token of [first.token, second.data.token, third.data.token]) {
      assert.equal(await statusOf(house, token), 401);
    }
    assert.equal((await refresh(house, third.data.refreshToken)).status, 401);
    assert.equal(house.lines.filter(({ message }) => message.includes('was used twice')).length, 1);
    assert.equal(await statusOf(house, other.token), 200);
    assert.equal((await refresh(house, other.refreshToken)).status, 200);
  });

  test('of two at the same moment one is answered, and the sign-in ends', async () => {
    await using house = await startApi();
    const { refreshToken } = await signIn(house.port);
    const replies = await Promise.all([refresh(house, refreshToken), refresh(house, refreshToken)]);
    assert.deepEqual(
      replies.map(({ status }) => status).sort((a, b) => a - b),
      [200, 401],
    );
    const winner = replies.find(({ status }) => status === 200);
    assert.equal(await statusOf(house, winner?.body.data.token), 401);
  });

  test('access tokens, forged ones and bodies without one are refused', async () => {
    await using house = await startApi();
    const { token, refreshToken } = await signIn(house.port);
    assert.equal((await refresh(house, token)).status, 401);
    assert.equal((await refresh(house, `${refreshToken.slice(0, -3)}abc`)).status, 401);
    const missing = await askApi(house.port, '/refresh', { method: 'POST', body: {} });
    assert.deepEqual([missing.status, missing.body.code], [400, 'BAD_REQUEST']);
  });
});

describe('signing out', () => {
  test('revokes every token of the sign-in, and none of another', async () => {
    await using house = await startApi();
    const other = await signIn(house.port);
    const first = await signIn(house.port);
    const second = (await refresh(house, first.refreshToken)).body.data;
    const reply = await askApi(house.port, '/logout', { method: 'POST', token: first.token });
    assert.deepEqual([reply.status, reply.body.data], [200, { username: 'admin' }]);
    assert.deepEqual([await statusOf(house, first.token), await statusOf(house, second.token)], [401, 401]);
    assert.equal((await refresh(house, second.refreshToken)).status, 401);
    assert.equal(await statusOf(house, other.token), 200);
  });

  test('and what was refreshed or revoked is so after a restart too', async () => {
    using folder = temporaryFolder();
    let gone = { token: '', refreshToken: '' };
    let used = '';
    let kept = { token: '', refreshToken: '' };
    {
      await using house = await startApi({}, folder.path);
      gone = await signIn(house.port);
      const pair = await signIn(house.port);
      used = pair.refreshToken;
      kept = (await refresh(house, used)).body.data;
      await askApi(house.port, '/logout', { method: 'POST', token: gone.token });
    }
    await using house = await startApi({}, folder.path);
    assert.deepEqual([await statusOf(house, gone.token), await statusOf(house, kept.token)], [401, 200]);
    assert.equal((await refresh(house, gone.refreshToken)).status, 401);
    const newest = (await refresh(house, kept.refreshToken)).body.data;
    assert.equal(await statusOf(house, newest.token), 200);
    assert.equal((await refresh(house, used)).status, 401);
    assert.equal(await statusOf(house, newest.token), 401);
  });

  test('works in memory when another server has the store', async () => {
    using folder = temporaryFolder();
    await using first = await startApi({}, folder.path);
    await using second = await startApi({}, folder.path);
    for (const house of [first, second]) {
      const { token } = await signIn(house.port);
      assert.equal((await askApi(house.port, '/logout', { method: 'POST', token })).status, 200);
      assert.equal(await statusOf(house, token), 401);
    }
    assert.equal(second.lines.filter(({ message }) => message.includes('kept in memory only')).length, 1);
  });

  test('stays so when the configuration makes tokens live shorter', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    await configure(house, { auth: { jwt: { expiresIn: '1s', refreshExpiresIn: '1s' } } });
    await askApi(house.port, '/logout', { method: 'POST', token });
    const ended = Date.now();
    const tick = () => new Promise<void>((resolve) => void house.context.ticker.add(resolve));
    while (Date.now() < ended + 1500) await tick();
    await tick();
    assert.equal(await statusOf(house, token), 401);
  });
});

/** From now on changes of the configuration go through `apply`. */
function divert({ context }: WebHouse, apply: Configuration['apply']): void {
  const { configuration } = context;
  assert.ok(configuration !== null);
  context.configuration = {
    describe: () => configuration.describe(),
    plan: (change) => configuration.plan(change),
    apply,
  };
}

/** Holds changes of the configuration until two are asked for. */
function holdTwo(house: WebHouse): void {
  const { configuration } = house.context;
  const areAsked = Promise.withResolvers<void>();
  let asked = 0;
  divert(house, async (change, by) => {
    if (++asked === 2) areAsked.resolve();
    await areAsked.promise;
    return configuration!.apply(change, by);
  });
}

describe('changing a password', () => {
  const change = (house: WebHouse, token: string, oldPassword: unknown, newPassword: unknown) =>
    askApi(house.port, '/password', { method: 'POST', token, body: { oldPassword, newPassword } });

  test('makes all tokens of the user worthless, stores a hash, and lets in with the new one only', async () => {
    await using house = await startApi();
    const guest = await signIn(house.port, 'guest');
    const other = await signIn(house.port, 'guest');
    const admin = await signIn(house.port, 'admin');
    const reply = await change(house, guest.token, 'plain', 'a better one');
    assert.deepEqual([reply.status, reply.body.data], [200, { username: 'guest', isKept: false }]);
    for (const { token, refreshToken } of [guest, other]) {
      assert.equal(await statusOf(house, token), 401);
      assert.equal((await refresh(house, refreshToken)).status, 401);
    }
    assert.equal(await statusOf(house, admin.token), 200);
    const [first, second] = house.context.config.auth.jwt.users;
    assert.deepEqual(first, users[0]);
    assert.match(second?.password ?? '', /^scrypt\$16384\$8\$1\$[0-9a-f]{32}\$[0-9a-f]{128}$/);
    const login = (password: string) =>
      askApi(house.port, '/login', { method: 'POST', body: { username: 'guest', password } });
    assert.deepEqual([(await login('plain')).status, (await login('a better one')).status], [401, 200]);
  });

  test('is refused with a wrong old one, one that is short, the same, or known to everybody, and where nobody can store it', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    const { configuration } = house.context;
    house.context.configuration = null;
    const without = await change(house, token, 'right', 'a better one');
    assert.deepEqual([without.status, without.body.code], [503, 'UNAVAILABLE']);
    house.context.configuration = configuration;
    for (const [old, changed, message] of [
      ['wrong', 'a better one', 'Old password is incorrect'],
      ['right', 'short', 'body newPassword must be at least 6 characters'],
      ['right', 'Password', 'New password is one that everybody knows'],
      ['right', 7, 'body newPassword Invalid input: expected string, received number'],
    ]) {
      const reply = await change(house, token, old, changed);
      assert.deepEqual([reply.status, reply.body.code, reply.body.message], [400, 'BAD_REQUEST', message]);
    }
    await using same = await startApi({
      auth: { jwt: { secret: API_SECRET, users: [{ ...users[0]!, password: 'longer' }] } },
    });
    const reply = await askApi(same.port, '/login', {
      method: 'POST',
      body: { username: 'admin', password: 'longer' },
    });
    const unchanged = await change(same, reply.body.data.token, 'longer', 'longer');
    assert.deepEqual(
      [unchanged.status, unchanged.body.message],
      [400, 'New password must be different from the old one'],
    );
    assert.equal(await statusOf(house, token), 200);
  });

  test('two users who change theirs at once both have the new one, and a user who is taken out meanwhile stays out', async () => {
    await using house = await startApi();
    const { configuration } = house.context;
    const [admin, guest] = [await signIn(house.port, 'admin'), await signIn(house.port, 'guest')];
    holdTwo(house);
    const replies = await Promise.all([
      change(house, admin.token, 'right', 'righter'),
      change(house, guest.token, 'plain', 'plainer'),
    ]);
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200],
    );
    const login = (username: string, password: string) =>
      askApi(house.port, '/login', { method: 'POST', body: { username, password } });
    const ofAdmin = await login('admin', 'righter');
    const ofGuest = await login('guest', 'plainer');
    assert.deepEqual([ofAdmin.status, ofGuest.status], [200, 200]);

    divert(house, async (wanted, by) => {
      await configuration!.apply({ auth: { jwt: { users: [{ username: 'admin' }] } } }, 'somebody');
      return configuration!.apply(wanted, by);
    });
    const late = await change(house, ofGuest.body.data.token, 'plainer', 'plainest');
    assert.deepEqual([late.status, late.body.code], [401, 'UNAUTHORIZED']);
    assert.deepEqual(
      house.context.config.auth.jwt.users.map(({ username }) => username),
      ['admin'],
    );
  });

  test('of two changes of one password the second is told that it does not know the old one', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port, 'guest');
    holdTwo(house);
    const replies = await Promise.all([
      change(house, token, 'plain', 'first one'),
      change(house, token, 'plain', 'second'),
    ]);
    assert.deepEqual(replies.map(({ status, body }) => `${status} ${body.message}`).sort(), [
      '200 Password changed successfully, please log in again',
      '400 Old password is incorrect',
    ]);
  });

  test('a viewer is not told what is wrong with the configuration: the log is', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port, 'guest');
    const message = 'https.key is "/secret/key.pem", which does not exist; a PEM file is allowed';
    divert(house, () => Promise.reject(new ConfigError('https.key', message)));
    const reply = await change(house, token, 'plain', 'a better one');
    assert.deepEqual([reply.status, reply.body.code], [503, 'UNAVAILABLE']);
    assert.equal(reply.body.message, 'The new password cannot be kept; the log says why.');
    assert.equal(reply.text.includes('secret'), false);
    const said = house.lines.filter(({ fields }) => fields['err'] instanceof ConfigError);
    assert.deepEqual(
      said.map(({ fields }) => [fields['user'], String(fields['err'])]),
      [['guest', `ConfigError: ${message}`]],
    );
    assert.equal(await statusOf(house, token), 200);
  });

  test('nothing of the user becomes the operator’s own but the password', async () => {
    await using house = await startApi();
    const { configuration } = house.context;
    const { token } = await signIn(house.port, 'guest');
    const made: unknown[] = [];
    divert(house, (wanted, by) => {
      assert.ok(typeof wanted === 'function');
      made.push(wanted({ auth: { jwt: { users: [{ username: 'admin' }, { username: 'guest', password: 'x' }] } } }));
      return configuration!.apply(wanted, by);
    });
    assert.equal((await change(house, token, 'plain', 'a better one')).status, 200);
    const { password } = house.context.config.auth.jwt.users[1]!;
    assert.deepEqual(made, [{ auth: { jwt: { users: [{ username: 'admin' }, { username: 'guest', password }] } } }]);
  });

  test('guesses at the old password are limited as those at signing in', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    const codes: number[] = [];
    while (codes.length < 7) codes.push((await change(house, token, 'wrong', 'a better one')).status);
    assert.deepEqual(codes, [400, 400, 400, 400, 400, 429, 429]);
    assert.equal(house.context.counters.get('api_login_failures'), 5);
  });
});

test('a hash of Node-Media-Server 4.4 lets in, and its tokens stay good after a restart', async () => {
  const hashed = [{ username: 'admin', password: await hashPassword('right'), role: 'admin' as const }];
  const jwt = { secret: API_SECRET, users: hashed };
  let token = '';
  {
    await using house = await startApi({ auth: { jwt } });
    ({ token } = await signIn(house.port));
  }
  await using house = await startApi({ auth: { jwt } });
  assert.equal(await statusOf(house, token), 200);
});
