import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import WebSocket from 'ws';
import { ListenError, NodeMediaServer } from '../../src/index.ts';
import { flv } from '../../src/servers/flv/index.ts';
import { http } from '../../src/servers/http/index.ts';
import { type LogLine, recordingLogger } from '../support/house.ts';
import { until } from '../support/wait.ts';
import { ask, inter, publishStream, RawClient, readChunks, readFlv, startWeb } from '../support/web.ts';

const folderOf = () => mkdtemp(join(tmpdir(), 'nms-http-'));

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** One HTTP/2 exchange. */
async function ask2(
  port: number,
  headers: Record<string, string>,
  body?: Buffer,
): Promise<{ headers: IncomingHttpHeaders & { ':status'?: number | undefined }; text: string }> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  try {
    const stream = session.request(headers, { endStream: body === undefined });
    let answer: IncomingHttpHeaders & { ':status'?: number | undefined } = {};
    stream.on('response', (received) => {
      answer = received;
    });
    if (body !== undefined) stream.end(body);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return { headers: answer, text: Buffer.concat(chunks).toString() };
  } finally {
    session.destroy();
  }
}

describe('HTTP server: doors', () => {
  test('both doors tell their real ports, and answer there', async () => {
    await using house = await startWeb({ https: { port: 0 } }, await folderOf());
    assert.deepEqual(
      house.server.listeners.map(({ name, host, port, address }) => [name, host, address === `${host}:${port}`]),
      [
        ['http', '127.0.0.1', true],
        ['https', '127.0.0.1', true],
      ],
    );
    assert.equal((await ask(house.port, '/streams.json')).status, 200);
    assert.equal((await ask2(house.securePort, { ':path': '/streams.json' })).headers[':status'], 200);
  });

  test('a taken port is a ListenError that names it, and the door that was open is closed again', async () => {
    const other = createServer();
    const taken = await listening(other);
    const server = new NodeMediaServer(
      { bind: '127.0.0.1', http: { port: 0 }, https: { port: taken } },
      { servers: [flv, http], folder: await folderOf() },
    );
    await assert.rejects(server.run(), (error: unknown) => {
      assert.ok(error instanceof ListenError);
      assert.equal(error.address, `127.0.0.1:${taken}`);
      assert.equal(error.message, `https cannot listen on 127.0.0.1:${taken}: the port is taken by another program`);
      return true;
    });
    assert.deepEqual(server.listeners, []);
    other.close();
  });

  test('an address that this machine does not have is a ListenError that says so', async () => {
    await assert.rejects(startWeb({ bind: '203.0.113.9' }), {
      name: 'ListenError',
      message: /^http cannot listen on 203\.0\.113\.9:0: this machine has no such address$/,
    });
  });

  test('stop closes the doors at once, idle connections included, and may be called twice', async () => {
    const house = await startWeb();
    const idle = RawClient.open(house.port);
    idle.send('GET /streams.json HTTP/1.1', 'Host: test');
    await idle.answered();
    await Promise.all([house.server.stop(), house.server.stop()]);
    await idle.closed();
    await assert.rejects(ask(house.port, '/'), { code: 'ECONNREFUSED' });
  });

  test('connections above maxConnectionsPerAddress are closed, counted in the log, and free their place later', async () => {
    await using house = await startWeb({ limits: { maxConnectionsPerAddress: 2 } });
    const [first, second] = [RawClient.open(house.port), RawClient.open(house.port)];
    await until(() => house.context.connections.total === 2, 'two connections');
    await RawClient.open(house.port, 'GET / HTTP/1.1', 'Host: test').closed();
    await until(() => house.lines.some(({ level, fields }) => level === 'warn' && fields['refused'] === 1), 'the line');
    first.socket.destroy();
    await until(() => house.context.connections.total === 1, 'a free place');
    assert.equal((await ask(house.port, '/streams.json')).status, 200);
    second.socket.destroy();
    await until(() => house.context.connections.total === 0, 'all places');
  });
});

describe('HTTP server: requests', () => {
  test('what nobody knows is 404: JSON below /api, plain elsewhere, never with X-Powered-By', async () => {
    await using house = await startWeb();
    const plain = await ask(house.port, '/nothing/here');
    assert.equal(plain.status, 404);
    assert.equal(plain.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(plain.headers['x-powered-by'], undefined);
    const json = await ask(house.port, '/api/nothing');
    assert.equal(json.status, 404);
    assert.equal(JSON.parse(json.text).code, 'NOT_FOUND');
  });

  test('a route that throws is 500 without its reason, and the reason is in the log', async () => {
    await using house = await startWeb();
    await using other = await startBare((context) => {
      context.routes.push({
        path: '/broken',
        handler: () => {
          throw new Error('a secret');
        },
      });
    });
    const reply = await ask(other.port, '/broken');
    assert.equal(reply.status, 500);
    assert.doesNotMatch(reply.text, /secret/);
    assert.ok(other.lines.some(({ level, fields }) => level === 'error' && String(fields['err']).includes('a secret')));
    assert.equal((await ask(house.port, '/streams.json')).status, 200);
  });

  test('garbage is 400, a head above the limit 431, a head that does not come 408; each closes', async () => {
    await using house = await startWeb({ limits: { httpHeaderTimeoutMs: 400, maxHttpHeaderBytes: 2000 } });
    const garbage = RawClient.open(house.port);
    garbage.socket.write('\x16\x03\x01 this is not HTTP\r\n\r\n');
    assert.equal((await garbage.closed()).status, 400);
    const large = RawClient.open(house.port, 'GET / HTTP/1.1', 'Host: test', `X: ${'x'.repeat(3000)}`);
    assert.equal((await large.closed()).status, 431);
    const slow = RawClient.open(house.port);
    slow.socket.write('GET / HTTP/1.1\r\nHost:');
    const silent = RawClient.open(house.port);
    assert.equal((await slow.closed()).status, 408);
    await silent.closed();
  });

  test('the head of a request over TLS is limited as well', async () => {
    const limits = { httpHeaderTimeoutMs: 400, maxHttpHeaderBytes: 2000 };
    await using house = await startWeb({ https: { port: 0 }, limits }, await folderOf());
    const open = () =>
      new RawClient(connectTls({ port: house.securePort, host: '127.0.0.1', rejectUnauthorized: false }));
    const large = open();
    large.send('GET / HTTP/1.1', 'Host: test', `X: ${'x'.repeat(3000)}`);
    assert.equal((await large.closed()).status, 431);
    const slow = open();
    slow.socket.write('GET / HTTP/1.1\r\nHost:');
    assert.equal((await slow.closed()).status, 408);
    const large2 = ask2(house.securePort, { ':path': '/streams.json', x: 'x'.repeat(6000) });
    await assert.rejects(large2.then(({ headers }) => assert.equal(headers[':status'], 200)));
  });

  test('a TLS handshake that does not come is given up', async () => {
    await using house = await startWeb({ https: { port: 0 }, limits: { handshakeTimeoutMs: 100 } }, await folderOf());
    const silent = new RawClient(connect(house.securePort, '127.0.0.1'));
    await silent.closed();
    const plain = new RawClient(connect(house.securePort, '127.0.0.1'));
    plain.send('GET / HTTP/1.1', 'Host: test');
    await plain.closed();
    await until(() => house.context.connections.total === 0, 'the places');
  });

  test('an Upgrade that nobody knows is ignored, and the request answered: also one that plays', async () => {
    await using house = await startWeb();
    const upgrade = ['Host: test', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'];
    const plain = await RawClient.open(house.port, 'GET /streams.json HTTP/1.1', ...upgrade).closed();
    assert.equal(plain.status, 200);
    const publisher = await publishStream(house);
    const player = await RawClient.open(house.port, 'GET /live/a.flv HTTP/1.1', ...upgrade).answered();
    assert.equal(player.status, 200);
    await publisher.end();
    await player.closed();
    assert.equal(readChunks(player.body).isComplete, true);
    const body = RawClient.open(house.port, 'POST /x HTTP/1.1', ...upgrade, 'Content-Length: 1');
    assert.equal((await body.closed()).status, 501);
  });

  test('a reset in any state ends nothing but its connection', async () => {
    await using house = await startWeb();
    for (const text of [
      '',
      'GET',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'POST /live/a.flv HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nFLV',
    ]) {
      const client = RawClient.open(house.port);
      client.socket.write(text);
      await until(() => house.context.connections.total === 1, 'the connection');
      client.socket.resetAndDestroy();
      await until(() => house.context.connections.total === 0 && house.context.sessions.size === 0, 'its end');
    }
    assert.equal((await ask(house.port, '/streams.json')).status, 200);
  });
});

describe('HTTP server: HTTP/2', () => {
  test('requests reach the HTTP/1 application with body, address and scheme, and their answers come back', async () => {
    await using house = await startBare((context) => {
      context.routes.push({
        path: '/echo',
        handler: (request, response) => {
          const chunks: Buffer[] = [];
          request.on('data', (chunk: Buffer) => chunks.push(chunk));
          request.on('end', () => {
            const { remoteAddress, encrypted } = request.socket as TLSSocket;
            response.setHeader('Set-Cookie', ['a=1', 'b=2']);
            response.setHeader('Connection', 'keep-alive');
            response.writeHead(201);
            const length = Buffer.concat(chunks).length;
            const { method, url, headers } = request;
            response.end(
              JSON.stringify({ method, url, host: headers.host, x: headers['x-y'], length, remoteAddress, encrypted }),
            );
          });
        },
      });
    });
    const body = Buffer.alloc(300_000, 7);
    const reply = await ask2(house.securePort, { ':path': '/echo/a?b=c', ':method': 'POST', 'x-y': 'z' }, body);
    assert.equal(reply.headers[':status'], 201);
    assert.deepEqual(reply.headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(reply.headers.connection, undefined);
    assert.deepEqual(JSON.parse(reply.text), {
      method: 'POST',
      url: '/a?b=c',
      host: `127.0.0.1:${house.securePort}`,
      x: 'z',
      length: 300_000,
      remoteAddress: '127.0.0.1',
      encrypted: true,
    });
    const removal = await ask2(house.securePort, { ':path': '/echo', ':method': 'DELETE' }, Buffer.from('12345'));
    assert.equal(JSON.parse(removal.text).length, 5);
    const head = await ask2(house.securePort, { ':path': '/nothing', ':method': 'HEAD' });
    assert.equal(head.headers[':status'], 404);
    assert.equal(head.text, '');
  });

  test('a client that leaves in the middle of a long answer frees the inner exchange', async () => {
    let isInnerClosed = false;
    await using house = await startBare((context) => {
      context.routes.push({
        path: '/long',
        handler: (_request, response) => {
          response.on('close', () => {
            isInnerClosed = true;
          });
          response.write('begin');
        },
      });
    });
    const session = connectHttp2(`https://127.0.0.1:${house.securePort}`, { rejectUnauthorized: false });
    const stream = session.request({ ':path': '/long' });
    stream.on('error', () => {});
    await new Promise((resolve) => stream.once('data', resolve));
    stream.destroy();
    await until(() => isInnerClosed, 'the inner exchange ends');
    session.destroy();
  });

  test('the page’s list answers over HTTP/2', async () => {
    await using house = await startWeb({ https: { port: 0 } }, await folderOf());
    const reply = await ask2(house.securePort, { ':path': '/streams.json' });
    assert.deepEqual(JSON.parse(reply.text), { success: true, data: { streams: [] }, message: 'Live streams' });
  });
});

describe('HTTP server: certificate', () => {
  test('a new certificate is taken up without a restart, and an open connection plays on', async () => {
    const folder = await folderOf();
    const write = async (name: string) => {
      const pems = await generate([{ name: 'commonName', value: name }], { keySize: 2048, algorithm: 'sha256' });
      await writeFile(join(folder, 'key.pem'), pems.private);
      await writeFile(join(folder, 'cert.pem'), pems.cert);
    };
    await write('first.test');
    await using house = await startWeb({ https: { port: 0, key: 'key.pem', cert: 'cert.pem' } }, folder);
    const open = () => connectTls({ port: house.securePort, host: '127.0.0.1', rejectUnauthorized: false });
    const nameOf = async () => {
      const socket = open();
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return subject.CN;
    };
    assert.equal(await nameOf(), 'first.test');
    const publisher = await publishStream(house);
    const player = new RawClient(open());
    player.send('GET /live/a.flv HTTP/1.1', 'Host: test');
    await player.answered();
    await write('second.test');
    await until(() => house.lines.some(({ message }) => message === 'certificate reloaded'), 'the reload');
    assert.equal(await nameOf(), 'second.test');
    publisher.write(inter(40));
    await until(
      () => readFlv(Buffer.concat(readChunks(player.body).chunks)).tags.length === 5,
      'a tag on the old connection',
    );
    await publisher.end();
    await player.closed();
  });
});

describe('HTTP server: on somebody else’s server', () => {
  async function owner() {
    const server = createServer((request, response) => response.end(`owner ${request.url}`));
    const upgrades: string[] = [];
    server.on('upgrade', (request, socket) => {
      upgrades.push(request.url ?? '');
      socket.end('HTTP/1.1 418 Teapot\r\nConnection: close\r\n\r\n');
    });
    return {
      server,
      port: await listening(server),
      upgrades,
      [Symbol.asyncDispose]: async () => {
        server.close();
        server.closeAllConnections();
      },
    };
  }

  async function refusal(port: number, path: string): Promise<number> {
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    client.on('error', () => {});
    return new Promise((resolve) => {
      client.on('unexpected-response', (_request, answer) => resolve(answer.statusCode ?? 0));
      client.on('open', () => resolve(101));
    });
  }

  test('media and the API are ours, everything else is the owner’s, before and after stop', async () => {
    await using theirs = await owner();
    const { server, port, upgrades } = theirs;
    const jwt = { secret: 'x', users: [{ username: 'a', password: 'b' }] };
    const house = await startWeb({ http: { server }, auth: { jwt }, play: { waitMs: 0 } });
    const media = { ...house, port };
    const publisher = await publishStream(media);
    assert.equal((await ask(port, '/live/b.flv')).status, 404);
    assert.equal((await ask(port, '/api/v1/health')).status, 200);
    assert.equal((await ask(port, '/')).text, 'owner /');
    assert.equal((await ask(port, '/x?y')).text, 'owner /x?y');
    assert.equal(await refusal(port, '/live/a.flv'), 101);
    assert.equal(await refusal(port, '/live/a'), 418);
    const expecting = await ask(port, '/x', { method: 'POST', headers: { Expect: '100-continue' }, body: 'b' });
    assert.equal(expecting.text, 'owner /x');
    assert.deepEqual(upgrades, ['/live/a']);
    await house.server.stop();
    await publisher.answer;
    assert.equal((await ask(port, '/live/b.flv')).text, 'owner /live/b.flv');
    assert.equal(await refusal(port, '/live/a.flv'), 418);
  });

  test('with a path everything below it is ours, the page too, and nothing else is', async () => {
    await using theirs = await owner();
    const { server, port, upgrades } = theirs;
    await using house = await startWeb({ http: { server, path: '/media' } });
    const media = { ...house, port };
    assert.equal((await ask(port, '/live/a.flv')).text, 'owner /live/a.flv');
    assert.equal((await ask(port, '/mediaother')).text, 'owner /mediaother');
    assert.match((await ask(port, '/media/')).text, /<title>Node Media Server/);
    const slash = await ask(port, '/media?x=1');
    assert.equal(slash.status, 308);
    assert.equal(slash.headers.location, '/media/?x=1');
    assert.equal((await ask(port, '/media/streams.json')).status, 200);
    assert.equal((await ask(port, '/media/nothing')).status, 404);
    const reply = await ask(port, '/media/live/a.flv', { method: 'POST', body: 'FLV?' });
    assert.equal(reply.status, 400);
    assert.equal(media.context.sessions.size, 0);
    assert.equal(await refusal(port, '/media/live'), 400);
    assert.equal(await refusal(port, '/live/a.flv'), 418);
    assert.deepEqual(upgrades, ['/live/a.flv']);
  });
});

describe('two on one HTTP server', () => {
  test('the first that attached stops first: each request has one answer, the owner’s or that of the other', async () => {
    const calls: string[] = [];
    const web = createServer((request, response) => {
      calls.push(request.url ?? '');
      response.end(`owner ${request.url}`);
    });
    const port = await listening(web);
    const first = await startWeb({ http: { server: web, path: '/a' }, play: { waitMs: 0 } });
    const second = await startWeb({ http: { server: web, path: '/b' }, play: { waitMs: 0 } });
    try {
      assert.equal((await ask(port, '/a/live/x.flv')).status, 404);
      await first.server.stop();
      assert.equal((await ask(port, '/b/live/x.flv')).status, 404);
      assert.deepEqual(calls, []);
      assert.equal((await ask(port, '/a/live/x.flv')).text, 'owner /a/live/x.flv');
      const expecting = await ask(port, '/x', { method: 'POST', headers: { Expect: '100-continue' }, body: 'b' });
      assert.equal(expecting.text, 'owner /x');
      await second.server.stop();
      assert.equal((await ask(port, '/b/live/x.flv')).text, 'owner /b/live/x.flv');
      assert.deepEqual(calls, ['/a/live/x.flv', '/x', '/b/live/x.flv'], 'each once');
    } finally {
      await Promise.all([first.server.stop(), second.server.stop()]);
      web.close();
      web.closeAllConnections();
    }
  });
});

/** Both doors, and routes of the test's own. */
async function startBare(prepare: (context: NodeMediaServer['context']) => void) {
  const lines: LogLine[] = [];
  const server = new NodeMediaServer(
    { bind: '127.0.0.1', http: { port: 0 }, https: { port: 0 } },
    { servers: [http], folder: await folderOf(), logger: recordingLogger(lines) },
  );
  prepare(server.context);
  await server.run();
  const portOf = (name: string) => server.listeners.find((listener) => listener.name === name)?.port ?? 0;
  return {
    lines,
    port: portOf('http'),
    securePort: portOf('https'),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
