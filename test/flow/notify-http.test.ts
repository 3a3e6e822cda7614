import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { ConnectionError, LimitError, TimeoutError } from '../../src/index.ts';
import { notifySection, targetSection } from '../../src/servers/notify/config.ts';
import { HttpCaller } from '../../src/servers/notify/http-caller.ts';
import { createTargets } from '../../src/servers/notify/target.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { temporaryFolder } from './cli-process.ts';

/** A server that knows no HTTP: the test says what it sends. */
async function rawServer(t: TestContext, onRequest: (socket: Socket, count: number) => void) {
  const sockets: Socket[] = [];
  let count = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => onRequest(socket, count++));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, sockets, requests: () => count };
}

function callerFor(t: TestContext, url: string, more: object = {}) {
  const caller = new HttpCaller({ maxResponseBytes: () => 1000, maxIdle: 4, now: Date.now });
  t.after(() => caller.close());
  const [target] = createTargets(notifySection.parse({ targets: [targetSection.parse({ url, ...more })] }));
  const { signal } = new AbortController();
  return (body = '{}') => caller.post({ target: target!, id: 'e1', body, signal });
}

const answer = (text: string, head = '') => `HTTP/1.1 200 OK\r\n${head}Content-Length: ${text.length}\r\n\r\n${text}`;

describe('a call of a webhook', () => {
  test('goes over a connection that is used again', async (t) => {
    const server = await rawServer(t, (socket) => socket.write(answer('ok')));
    const post = callerFor(t, server.url);
    for (let round = 0; round < 3; round++) assert.deepEqual(await post(), { status: 200, type: '', body: 'ok' });
    assert.equal(server.sockets.length, 1);
  });

  test('is made again when the connection was closed before it was looked at', async (t) => {
    const server = await rawServer(t, (socket, count) => {
      if (count === 1) socket.resetAndDestroy();
      else socket.write(answer('ok'));
    });
    const post = callerFor(t, server.url);
    await post();
    assert.equal((await post()).status, 200);
    assert.equal(server.sockets.length, 2);
    assert.equal(server.requests(), 3);
  });

  test('is not made again when a new connection fails', async (t) => {
    const server = await rawServer(t, (socket) => socket.resetAndDestroy());
    await assert.rejects(callerFor(t, server.url)(), (error) => {
      assert.ok(error instanceof ConnectionError);
      assert.equal(error.message, 'the connection failed: ECONNRESET');
      return true;
    });
    assert.equal(server.requests(), 1);
  });

  test('ends when its answer is too large, whatever its head says', async (t) => {
    const server = await rawServer(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (let part = 0; part < 50; part++) socket.write(`64\r\n${'x'.repeat(100)}\r\n`);
    });
    await assert.rejects(callerFor(t, server.url)(), LimitError);
    await until(() => server.sockets[0]?.destroyed === true, 'the end of the connection');
  });

  test('ends when its answer comes a byte at a time, for ever', async (t) => {
    const server = await rawServer(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 5);
      socket.on('close', () => clearInterval(timer));
    });
    await assert.rejects(callerFor(t, server.url, { timeoutMs: 60 })(), TimeoutError);
    await until(() => server.sockets[0]?.destroyed === true, 'the end of the connection');
  });

  for (const [name, text] of [
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(40_000)}`],
    ['another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
  ] as const) {
    test(`fails by name when the answer is ${name}`, async (t) => {
      const server = await rawServer(t, (socket) => socket.write(text));
      await assert.rejects(callerFor(t, server.url, { timeoutMs: 5_000 })(), ConnectionError);
    });
  }

  test('does not trust a certificate that nobody vouches for', async (t) => {
    await using running = await startServer({ https: { port: 0 } }, temporaryFolder(t));
    const post = callerFor(t, `https://127.0.0.1:${running.port('https')}/`);
    await assert.rejects(post(), (error) => {
      assert.ok(error instanceof ConnectionError);
      assert.match(error.message, /SELF_SIGNED|CERT/);
      return true;
    });
  });

  test('sends user and password of the address, and headers of the target', async (t) => {
    let text = '';
    const server = await rawServer(t, (socket) => socket.write(answer('')));
    const post = callerFor(t, server.url.replace('//', '//me:pass@'), { headers: { 'X-Site': '7' } });
    const called = post('{"a":"ä"}');
    await until(() => server.sockets.length > 0, 'a connection');
    server.sockets[0]?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await called;
    assert.match(text, /^POST \/ HTTP\/1\.1\r\n/);
    assert.match(text, /\r\nAuthorization: Basic bWU6cGFzcw==\r\n/);
    assert.match(text, /\r\nX-Site: 7\r\n/);
    assert.match(text, /\r\nContent-Length: 10\r\n/);
    assert.ok(text.endsWith('\r\n\r\n{"a":"ä"}'));
  });
});
