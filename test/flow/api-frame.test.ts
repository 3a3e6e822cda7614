import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { describe, test } from 'node:test';
import { connect } from 'node:net';
import { askApi, configure, signIn, startApi, users, API_SECRET } from '../support/api.ts';
import { until } from '../support/wait.ts';
import { ask, RawClient, type WebHouse } from '../support/web.ts';

const codeOf = (text: string) => JSON.parse(text).code;
const tick = (house: WebHouse) =>
  new Promise<void>((resolve) => {
    const stop = house.context.ticker.add(() => {
      stop();
      resolve();
    });
  });

describe('the frame of the API', () => {
  test('what it does not know is 404 as JSON, with or without a token, and says where', async () => {
    await using house = await startApi();
    for (const path of ['/nothing', '/', '', '/streams/a', '/streams/a/b/c/d', '/STREAMSX', '/health/more', '/%zz']) {
      const reply = await askApi(house.port, path);
      assert.deepEqual([reply.status, reply.body.code], [404, 'NOT_FOUND'], path);
      assert.equal(reply.body.message, `There is no GET /api/v1${path === '' ? '/' : path}.`);
    }
    const long = await askApi(house.port, `/${'x'.repeat(2000)}`);
    assert.ok(long.body.message.length < 250);
    assert.ok(JSON.stringify(house.lines).length < 6000);
  });

  test('a change whose body comes while the server stops is 503, and nothing has changed', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    const body = JSON.stringify({ play: { waitMs: 5 } });
    const client = connect(house.port, '127.0.0.1');
    let text = '';
    client.on('data', (chunk) => {
      text += String(chunk);
    });
    const head = `PUT /api/v1/config HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nExpect: 100-continue\r\n`;
    client.write(`${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`);
    await until(() => text.includes('100 Continue'), 'the server to want the body');
    const isClosed = once(client, 'close');
    const isStopped = house[Symbol.asyncDispose]();
    await until(() => house.context.isStopping, 'the stop to begin');
    client.write(body);
    await Promise.all([isClosed, isStopped]);
    assert.match(text, /^HTTP\/1\.1 503 .*"code":"UNAVAILABLE","message":"The server is stopping\."/ms);
    assert.equal(house.context.config.play.waitMs, 10_000);
  });

  test('malformed percent-encoding is 400', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    for (const path of ['/streams/%zz/a', '/streams/%/a', '/streams/%c0%ae/a', '/sessions/%E0%A4%A']) {
      const reply = await askApi(house.port, path, { token, method: path.startsWith('/sessions') ? 'DELETE' : 'GET' });
      assert.deepEqual(
        [reply.status, reply.body.code, reply.body.message],
        [400, 'BAD_REQUEST', 'The address is malformed.'],
      );
    }
  });

  test('every answer keeps what it says from caches, frames and guesses at its type, and names no program', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    for (const [path, request] of [
      ['/health', {}],
      ['/streams', { token }],
      ['/streams', {}],
      ['/nothing', {}],
      ['/openapi.json', {}],
      ['/login', { method: 'POST', body: '{' }],
      ['/login', { method: 'OPTIONS' }],
    ] as const) {
      const { headers } = await askApi(house.port, path, request);
      assert.equal(headers['cache-control'], 'no-store', path);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['content-security-policy'], "default-src 'none';frame-ancestors 'none'");
      assert.equal(headers['x-frame-options'], 'DENY');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['x-powered-by'], undefined);
      assert.equal(headers['strict-transport-security'], undefined);
      assert.equal(headers['access-control-allow-origin'], undefined);
      assert.equal(headers['etag'], undefined);
    }
  });

  test('a body’s __proto__ changes nothing, and bodies are refused before they are read where a token is missing', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    const polluted = await askApi(house.port, '/login', {
      method: 'POST',
      body: '{"__proto__":{"username":"admin","password":"right"},"constructor":{"prototype":{"role":"admin"}}}',
    });
    assert.equal(polluted.status, 400);
    assert.equal(({} as { role?: string }).role, undefined);
    const large = 'x'.repeat(200_000);
    const without = await askApi(house.port, '/password', { method: 'POST', body: `{"oldPassword":"${large}"}` });
    assert.equal(without.status, 401);
    const within = await askApi(house.port, '/password', { method: 'POST', token, body: `{"oldPassword":"${large}"}` });
    assert.deepEqual([within.status, within.body.code], [413, 'TOO_LARGE']);
  });

  test('a body that never ends is given up', async () => {
    await using house = await startApi({
      auth: { jwt: { secret: API_SECRET, users } },
      limits: { commandTimeoutMs: 100 },
    });
    const head = ['POST /api/v1/login HTTP/1.1', 'Host: a', 'Content-Type: application/json', 'Content-Length: 100'];
    const client = RawClient.open(house.port, ...head);
    await client.closed();
    assert.equal((await askApi(house.port, '/health')).status, 200);
  });

  test('over HTTP/2 it answers the same', async () => {
    await using house = await startApi({ auth: { jwt: { secret: API_SECRET, users } }, https: { port: 0 } });
    const session = connectHttp2(`https://127.0.0.1:${house.securePort}`, { rejectUnauthorized: false });
    const exchange = (headers: Record<string, string>, body = '') =>
      new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
        const stream = session.request(headers, { endStream: body === '' });
        let text = '';
        let got: Record<string, unknown> = {};
        stream.on('response', (answer) => (got = answer));
        stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        stream.on('end', () => resolve({ status: Number(got[':status']), text, headers: got }));
        stream.on('error', reject);
        if (body !== '') stream.end(body);
      });
    const json = { 'content-type': 'application/json' };
    const post = { ':method': 'POST', ':path': '/api/v1/login', ...json };
    const reply = await exchange(post, JSON.stringify({ username: 'admin', password: 'right' }));
    assert.equal(reply.status, 200, reply.text);
    const { token } = JSON.parse(reply.text).data;
    const authorization = { authorization: `Bearer ${token}` };
    assert.equal((await exchange({ ':path': '/api/v1/streams', ...authorization })).status, 200);
    const early = session.request({ ...post, ':path': '/api/v1/logout', 'content-length': '100' });
    let earlyStatus: unknown = null;
    early.on('response', (answered) => {
      earlyStatus = answered[':status'];
    });
    await until(() => earlyStatus !== null, 'an answer before the body');
    assert.equal(earlyStatus, 401);
    early.close();
    const head = await exchange({ ':method': 'HEAD', ':path': '/api/v1/streams', ...authorization });
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.deepEqual(codeOf((await exchange(post, '{')).text), 'BAD_REQUEST');
    assert.deepEqual(codeOf((await exchange(post, `"${'x'.repeat(20_000)}"`)).text), 'TOO_LARGE');
    const wrong = await exchange({ ':method': 'DELETE', ':path': '/api/v1/streams' });
    assert.deepEqual([wrong.status, wrong.headers['allow']], [405, 'GET, HEAD, OPTIONS']);
    session.close();
  });

  test('whoever floods it fills no log: twenty lines a second, then one that counts the rest', async () => {
    await using house = await startApi();
    await tick(house);
    const before = house.lines.length;
    const replies = await Promise.all(Array.from({ length: 100 }, () => askApi(house.port, '/streams')));
    assert.ok(replies.every(({ status }) => status === 401));
    await tick(house);
    await tick(house);
    const lines = house.lines.slice(before).filter(({ message }) => message.startsWith('API: '));
    const single = lines.filter(({ message }) => message.startsWith('API: UNAUTHORIZED')).length;
    const counted = lines.reduce((sum, { fields }) => sum + Number(fields['requests'] ?? 0), 0);
    assert.equal(single + counted, 100);
    assert.ok(single >= 20 && single <= 60, `${single} lines`);
    assert.equal(house.context.counters.get('api_token_failures', 'missing'), 100);
  });
});

describe('pages of other origins', () => {
  const preflight = (house: WebHouse, origin: string, path = '/streams') =>
    askApi(house.port, path, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'DELETE',
        'Access-Control-Request-Headers': 'authorization',
      },
    });
  const allowed = ({ headers }: { headers: Record<string, unknown> }) => headers['access-control-allow-origin'];

  test('may not use it unless they are named', async () => {
    await using house = await startApi({ api: { cors: ['https://console.example', 'http://localhost:5173'] } });
    for (const origin of ['https://console.example', 'http://localhost:5173']) {
      const reply = await preflight(house, origin);
      assert.deepEqual([reply.status, allowed(reply)], [204, origin]);
      assert.match(String(reply.headers['access-control-allow-headers']), /Authorization/);
      assert.match(String(reply.headers['access-control-allow-methods']), /DELETE/);
      assert.equal(reply.headers['access-control-allow-credentials'], undefined);
      assert.equal(allowed(await askApi(house.port, '/health', { headers: { Origin: origin } })), origin);
    }
    for (const origin of ['https://evil.example', 'https://console.example.evil', 'http://console.example', 'null']) {
      assert.equal(allowed(await preflight(house, origin)), undefined);
      const reply = await askApi(house.port, '/health', { headers: { Origin: origin } });
      assert.deepEqual([allowed(reply), reply.headers['vary']], [undefined, 'Origin']);
    }
    assert.equal((await preflight(house, 'https://console.example', '/nothing')).status, 404);
  });

  test('all may with *, none without the key; refusals can be read too', async () => {
    await using open = await startApi({ api: { cors: ['*'] } });
    assert.equal(allowed(await preflight(open, 'https://any.example')), '*');
    assert.equal(allowed(await askApi(open.port, '/streams', { headers: { Origin: 'https://any.example' } })), '*');
    await using shut = await startApi();
    assert.equal(allowed(await preflight(shut, 'https://any.example')), undefined);
  });

  test('are named anew while the server runs, and the page about the API goes and comes', async () => {
    await using house = await startApi();
    await configure(house, { api: { cors: ['https://later.example'], docs: false } });
    assert.equal(allowed(await preflight(house, 'https://later.example')), 'https://later.example');
    assert.equal((await ask(house.port, '/api/docs/')).status, 404);
    await configure(house, { api: { cors: null, docs: null } });
    assert.equal(allowed(await preflight(house, 'https://later.example')), undefined);
    assert.equal((await ask(house.port, '/api/docs/')).status, 200);
  });

  test('what is no origin is a wrong configuration', async () => {
    for (const entry of ['https://console.example/', 'console.example', 'ftp://a', 'https://a/b', '']) {
      await assert.rejects(
        startApi({ api: { cors: [entry] } }),
        /api\.cors\[0\] is .*; an origin \(https:\/\/example\.com\) or \* is allowed/,
      );
    }
  });
});

describe('signing in', () => {
  const login = (house: WebHouse, from: string, password = 'wrong', username = 'guest') =>
    askApi(house.port, '/login', { method: 'POST', body: { username, password }, from });

  test('by the challenge of Node-Media-Server 4.2 is refused with words that help', async () => {
    await using house = await startApi();
    for (const body of [{ username: 'admin' }, { username: 'admin', challenge: 'a', response: 'b' }]) {
      const reply = await askApi(house.port, '/login', { method: 'POST', body });
      const message = 'body password is missing: send username and password; signing in by challenge is not offered';
      assert.deepEqual([reply.status, reply.body.message], [400, message]);
    }
  });

  test('guessing at one account from many addresses is slowed down, for names that nobody has alike, and shuts the owner out nowhere that he knows', async () => {
    await using house = await startApi();
    await signIn(house.port, 'guest', '127.2.0.1');
    for (const username of ['guest', 'nobody']) {
      const codes: number[] = [];
      for (let i = 0; codes.length < 20; i++)
        codes.push((await login(house, `127.3.0.${i + 1}`, 'wrong', username)).status);
      assert.deepEqual(new Set(codes), new Set([401]));
      assert.equal((await login(house, '127.3.1.1', 'wrong', username)).status, 401);
      const slowed = await login(house, '127.3.1.2', 'wrong', username);
      assert.deepEqual([slowed.status, slowed.body.code], [429, 'TOO_MANY_REQUESTS']);
      assert.ok(Number(slowed.headers['retry-after']) >= 1 && Number(slowed.headers['retry-after']) <= 5);
    }
    assert.equal((await login(house, '127.2.0.1', 'plain')).status, 200);
    assert.equal((await login(house, '127.3.1.3', 'right', 'admin')).status, 200);
    assert.equal(house.context.counters.get('api_login_failures'), 42);
  });

  test('five wrong passwords at the same moment are five', async () => {
    await using house = await startApi();
    const codes = (await Promise.all(Array.from({ length: 9 }, () => login(house, '127.2.0.9')))).map(
      ({ status }) => status,
    );
    assert.ok(codes.filter((status) => status === 401).length <= 5, codes.join());
    assert.ok(codes.every((status) => status === 401 || status === 429));
  });

  test('is counted by the client that a trusted proxy names', async () => {
    await using house = await startApi({ auth: { jwt: { secret: API_SECRET, users } }, trustedProxies: ['127.0.0.1'] });
    const behind = (client: string) =>
      askApi(house.port, '/login', { method: 'POST', body: '{}', headers: { 'X-Forwarded-For': client } });
    for (let i = 0; i < 10; i++) assert.equal((await behind('203.0.113.1')).status, 400);
    assert.deepEqual([(await behind('203.0.113.1')).status, (await behind('203.0.113.2')).status], [429, 400]);
    assert.deepEqual([(await behind('2001:db8::1')).headers['ratelimit-remaining']], ['9']);
    assert.deepEqual([(await behind('2001:db8::2')).headers['ratelimit-remaining']], ['8']);
  });
});

describe('events', () => {
  /** The head of an answer that goes on. */
  const open = async (house: WebHouse, path: string, ...headers: string[]) => {
    const client = new RawClient(connect(house.port, '127.0.0.1'));
    client.send(`GET /api/v1${path} HTTP/1.1`, 'Host: a', ...headers);
    return client.answered();
  };
  const eventsToken = async (house: WebHouse, token: string): Promise<string> =>
    (await askApi(house.port, '/events/token', { method: 'POST', token })).body.data.token;

  test('open with a token of their own in the address, and with no other there', async () => {
    await using house = await startApi();
    const { token, refreshToken } = await signIn(house.port, 'guest');
    const short = await eventsToken(house, token);
    const { iat, exp, kind } = JSON.parse(Buffer.from(short.split('.')[1]!, 'base64url').toString());
    assert.deepEqual([exp - iat, kind], [60, 'events']);
    const client = await open(house, `/events?token=${short}`);
    assert.equal(client.status, 200);
    assert.match(client.received.toString(), /content-type: text\/event-stream/i);
    client.socket.destroy();
    for (const wrong of [token, refreshToken, '', 'x']) {
      assert.equal((await askApi(house.port, `/events?token=${wrong}`)).status, 401);
    }
    const byHeader = await open(house, '/events', `Authorization: Bearer ${token}`);
    assert.equal(byHeader.status, 200);
    byHeader.socket.destroy();
    assert.equal((await askApi(house.port, `/streams?token=${short}`)).status, 401);
    assert.equal((await askApi(house.port, '/streams', { token: short })).status, 401);
    assert.equal(JSON.stringify(house.lines).includes(short), false);
  });

  test('end when who reads them has signed out, or is gone', async () => {
    await using house = await startApi();
    const guest = await signIn(house.port, 'guest');
    const admin = await signIn(house.port, 'admin');
    const first = await open(house, `/events?token=${await eventsToken(house, guest.token)}`);
    const second = await open(house, '/events', `Authorization: Bearer ${admin.token}`);
    await askApi(house.port, '/logout', { method: 'POST', token: guest.token });
    await until(() => first.isClosed, 'the end of the events of one who signed out');
    assert.equal(second.isClosed, false);
    await configure(house, { auth: { jwt: { users: [users[1]] } } });
    await until(() => second.isClosed, 'the end of the events of one who is gone');
  });

  test('HEAD does not wait for them', async () => {
    await using house = await startApi();
    const { token } = await signIn(house.port);
    const reply = await askApi(house.port, '/events', { method: 'HEAD', token });
    assert.deepEqual([reply.status, reply.text], [200, '']);
    assert.match(String(reply.headers['content-type']), /^text\/event-stream/);
  });
});

test('the page about the API comes whole from this server, and can be switched off', async () => {
  await using house = await startApi();
  const moved = await ask(house.port, '/api/docs');
  assert.deepEqual([moved.status, moved.headers['location']], [308, 'docs/']);
  const page = await ask(house.port, '/api/docs/');
  assert.equal(page.status, 200);
  assert.match(String(page.headers['content-security-policy']), /script-src 'self';/);
  assert.doesNotMatch(page.text, /https?:\/\/|<script>|onload=/);
  const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
  assert.ok(links.length >= 5);
  for (const link of links) {
    const url = new URL(link, 'http://host/api/docs/');
    const file = await ask(house.port, url.pathname);
    assert.equal(file.status, 200, link);
    assert.equal(file.headers['x-content-type-options'], 'nosniff');
  }
  assert.equal((await ask(house.port, '/api/docs/../../package.json')).status, 404);
  assert.equal((await ask(house.port, '/api/docs/swagger-ui-bundle.js.map')).status, 404);
  await using shut = await startApi({ api: { docs: false } });
  const gone = await ask(shut.port, '/api/docs/');
  assert.deepEqual([gone.status, codeOf(gone.text)], [404, 'NOT_FOUND']);
});
