import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hashPassword } from '../../src/core/password.ts';
import { ask, inter, publishStream, RawClient, startWeb, type WebHouse } from '../support/web.ts';

const secret = 'a secret of the test';

async function startApi(jwt: object = {}): Promise<WebHouse> {
  const users = [
    { username: 'admin', password: await hashPassword('right'), role: 'admin' as const },
    { username: 'guest', password: 'plain', role: 'viewer' as const },
    { username: 'nobody', password: '' },
  ];
  return startWeb({ auth: { jwt: { secret, users, ...jwt } } });
}

const post = (house: WebHouse, body: unknown, headers: Record<string, string> = {}) =>
  ask(house.port, '/api/v1/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

async function tokenOf(house: WebHouse, username = 'admin', password = 'right'): Promise<string> {
  const reply = await post(house, { username, password });
  assert.equal(reply.status, 200, reply.text);
  return JSON.parse(reply.text).data.token;
}

const get = (house: WebHouse, path: string, token?: string, method = 'GET') =>
  ask(house.port, `/api/v1${path}`, {
    method,
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
  });

describe('API: signing in', () => {
  test('health is public', async () => {
    await using house = await startApi();
    const body = JSON.parse((await get(house, '/health')).text);
    assert.deepEqual([body.success, body.data.status, body.message], [true, 'ok', 'Server is healthy']);
    assert.ok(Math.abs(Date.parse(body.data.timestamp) - Date.now()) < 60_000);
  });

  test('name and password give a pair of tokens, of which one opens the API, by header only', async () => {
    await using house = await startApi();
    const reply = await post(house, { username: 'admin', password: 'right' });
    const body = JSON.parse(reply.text);
    const { token, refreshToken } = body.data;
    const user = { username: 'admin', role: 'admin' };
    assert.deepEqual(body, {
      success: true,
      data: { token, expiresIn: '24h', refreshToken, refreshExpiresIn: '7d', user },
      message: 'Login successful',
    });
    const [header, payload] = body.data.token
      .split('.')
      .map((part: string) => Buffer.from(part, 'base64url').toString());
    assert.deepEqual(JSON.parse(header), { alg: 'HS256' });
    const { username, iat, exp } = JSON.parse(payload);
    assert.deepEqual([username, exp - iat], ['admin', 24 * 60 * 60]);
    assert.equal((await get(house, '/streams', body.data.token)).status, 200);
    assert.equal((await get(house, `/streams?token=${body.data.token}`)).status, 401);
    assert.equal((await get(house, '/streams', refreshToken)).status, 401);
  });

  test('a wrong password, an unknown user and a user without a password are the same 401, as JSON and in the log', async () => {
    await using house = await startApi();
    for (const [username, password] of [
      ['admin', 'wrong'],
      ['stranger', 'right'],
      ['nobody', 'x'],
    ]) {
      const reply = await post(house, { username, password });
      assert.equal(reply.status, 401);
      assert.equal(JSON.parse(reply.text).code, 'INVALID_CREDENTIALS');
    }
    assert.equal(house.lines.filter(({ message }) => message.includes('INVALID_CREDENTIALS')).length, 3);
    assert.doesNotMatch(JSON.stringify(house.lines), /"wrong"/);
  });

  test('bodies that are no JSON, no object, or lack a field are 400 as JSON', async () => {
    await using house = await startApi();
    for (const body of ['{"username":', '[]', 'null', '{"username":"admin"}', '{"username":1,"password":2}', '']) {
      const reply = await post(house, body);
      assert.equal(reply.status, 400, body);
      assert.deepEqual([JSON.parse(reply.text).success, JSON.parse(reply.text).code], [false, 'BAD_REQUEST']);
    }
    const large = await post(house, { username: 'x'.repeat(20_000), password: 'y' });
    assert.deepEqual([large.status, JSON.parse(large.text).code], [413, 'TOO_LARGE']);
  });

  test('the eleventh attempt of a minute is 429 with Retry-After, whatever its password', async () => {
    await using house = await startApi();
    for (let i = 0; i < 10; i++) {
      const reply = await post(house, { username: 'guest', password: 'plain' });
      assert.deepEqual([reply.status, reply.headers['ratelimit-remaining']], [200, String(9 - i)]);
    }
    const reply = await post(house, { username: 'guest', password: 'plain' });
    assert.deepEqual([reply.status, JSON.parse(reply.text).code], [429, 'TOO_MANY_REQUESTS']);
    assert.ok(Number(reply.headers['retry-after']) > 0 && Number(reply.headers['retry-after']) <= 60);
  });

  test('five wrong passwords lock that user for that address, the right one included; others may sign in', async () => {
    await using house = await startApi();
    for (let i = 0; i < 5; i++) assert.equal((await post(house, { username: 'guest', password: 'wrong' })).status, 401);
    const locked = await post(house, { username: 'guest', password: 'plain' });
    assert.equal(locked.status, 429);
    assert.ok(Number(locked.headers['retry-after']) > 60);
    assert.equal((await post(house, { username: 'admin', password: 'right' })).status, 200);
  });

  test('without a secret or without users there is no API', async () => {
    await using house = await startWeb({ auth: { jwt: { secret: '' } } });
    assert.equal((await get(house, '/health')).status, 404);
    await using empty = await startWeb({ auth: { jwt: { secret, users: [] } } });
    assert.equal((await get(empty, '/health')).status, 404);
  });
});

describe('API: streams and sessions', () => {
  test('a stream is shown with its publisher, its codecs and its players', async () => {
    await using house = await startApi();
    const token = await tokenOf(house);
    const publisher = await publishStream(house);
    const player = await RawClient.open(
      house.port,
      'GET /live/a.flv HTTP/1.1',
      'Host: test',
      'User-Agent: me',
    ).answered();
    publisher.write(inter(40));
    const { data } = JSON.parse((await get(house, '/streams', token)).text);
    assert.equal(data.total, 1);
    const [stream] = data.streams;
    assert.deepEqual(
      [stream.key, stream.app, stream.name, stream.status, stream.subscribers],
      ['/live/a', 'live', 'a', 'publishing', 1],
    );
    const { id, ip, protocol, videoCodec, videoWidth, audioCodec, audioChannels, inBytes } = stream.publisher;
    assert.deepEqual([protocol, videoCodec, videoWidth, audioCodec, audioChannels], ['http-flv', 7, 320, 10, 2]);
    assert.match(ip, /^127\.0\.0\.1:\d+$/);
    assert.ok(inBytes > 0 && stream.outBytes > 0);
    assert.deepEqual(
      stream.tracks.map((track: { kind: string; codec: string }) => [track.kind, track.codec]),
      [
        ['video', 'avc'],
        ['audio', 'aac'],
      ],
    );
    const sessions = JSON.parse((await get(house, '/sessions', token)).text).data;
    assert.equal(sessions.total, 2);
    const viewer = sessions.sessions.find((session: { isPublisher: boolean }) => !session.isPublisher);
    assert.deepEqual(
      [viewer.protocol, viewer.type, viewer.app, viewer.name, viewer.userAgent],
      ['http-flv', 'player', 'live', 'a', 'me'],
    );
    assert.equal(
      sessions.sessions.some((session: { id: string }) => session.id === id),
      true,
    );
    player.socket.destroy();
  });

  test('rates are measured', async () => {
    await using house = await startApi();
    const token = await tokenOf(house);
    const publisher = await publishStream(house);
    const rate = async () => JSON.parse((await get(house, '/streams', token)).text).data.streams[0].inBps;
    publisher.write(inter(40));
    let measured = 0;
    while (measured === 0) measured = await rate();
    assert.ok(measured > 0);
  });

  test('a kicked publisher’s stream ends at once, without grace; an unknown id is 404', async () => {
    await using house = await startApi();
    const token = await tokenOf(house);
    const publisher = await publishStream(house);
    const [session] = house.context.sessions.values();
    const reply = await get(house, `/sessions/${session?.id}`, token, 'DELETE');
    assert.deepEqual(JSON.parse(reply.text), {
      success: true,
      data: { id: session?.id },
      message: 'Session deleted successfully',
    });
    assert.equal((await publisher.answer).status, 503);
    assert.equal(house.context.broadcasts.size, 0);
    const again = await get(house, `/sessions/${session?.id}`, token, 'DELETE');
    assert.deepEqual([again.status, JSON.parse(again.text).message], [404, 'Session not found']);
  });

  test('a viewer may look but not kick', async () => {
    await using house = await startApi();
    const token = await tokenOf(house, 'guest', 'plain');
    const publisher = await publishStream(house);
    const [session] = house.context.sessions.values();
    assert.equal((await get(house, '/sessions', token)).status, 200);
    const reply = await get(house, `/sessions/${session?.id}`, token, 'DELETE');
    assert.deepEqual([reply.status, JSON.parse(reply.text).code], [403, 'FORBIDDEN']);
    assert.equal(session?.isClosed, false);
    publisher.request.destroy();
  });

  test('signatures of stream addresses are shown nowhere', async () => {
    await using house = await startApi();
    const token = await tokenOf(house);
    await publishStream(house);
    const player = await RawClient.open(
      house.port,
      'GET /live/a.flv?sign=1234-topsecret HTTP/1.1',
      'Host: test',
    ).answered();
    const shown = (await get(house, '/sessions', token)).text + (await get(house, '/streams', token)).text;
    assert.equal(shown.includes('topsecret'), false);
    assert.equal(JSON.stringify(house.lines).includes('topsecret'), false);
    player.socket.destroy();
  });
});
