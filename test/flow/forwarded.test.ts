import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import type { Session } from '../../src/index.ts';
import { until } from '../support/wait.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { ask, beginning, HttpPublisherClient, RawClient, startWeb } from '../support/web.ts';

const auth = { jwt: { secret: 'a secret of the test', users: [{ username: 'admin', password: 'right' }] } };
const FORWARDED = { 'X-Forwarded-For': '203.0.113.66, 192.0.2.7' };
const signIn = (port: number, forwarded: string, password = 'right') =>
  ask(port, '/api/v1/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': forwarded },
    body: JSON.stringify({ username: 'admin', password }),
  });

for (const workers of [1, 2]) {
  describe(`X-Forwarded-For from a trusted proxy, with ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    let running: RunningServer;
    let folder: string;
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'nms-forwarded-'));
      const trustedProxies = ['127.0.0.0/8', '10.0.0.1'];
      running = await startServer({ workers, trustedProxies, auth, https: { port: 0 } }, folder);
    });
    after(async () => {
      await running.server.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    /** The session that `open` causes. */
    async function sessionOf(open: () => void): Promise<Session> {
      const known = new Set(running.server.context.sessions.keys());
      const find = () => [...running.server.context.sessions.values()].find(({ id }) => !known.has(id));
      open();
      await until(() => find() !== undefined, 'a session');
      return find()!;
    }
    const shown = ({ protocol, ip, address }: Session) => `${protocol} ${ip} ${address}`;

    test('names the client of HTTP-FLV, publishing and playing', async () => {
      const port = running.port('http');
      let publisher: HttpPublisherClient | null = null;
      const published = await sessionOf(() => {
        publisher = new HttpPublisherClient(port, '/live/a.flv', { headers: FORWARDED });
        publisher.write(beginning());
      });
      assert.equal(shown(published), 'http-flv 192.0.2.7:0 192.0.2.7');
      const player = RawClient.open(port);
      const played = await sessionOf(() =>
        player.send(
          'GET /live/a.flv HTTP/1.1',
          'Host: a',
          'X-Forwarded-For: [2001:db8::7]:99',
          'X-Forwarded-For: 10.0.0.1',
        ),
      );
      assert.equal(shown(played), 'http-flv [2001:db8::7]:99 2001:db8::7');
      player.socket.destroy();
      publisher!.request.destroy();
      await until(
        () =>
          running.lines.some(({ fields, message }) => message === 'session ended' && fields['ip'] === '192.0.2.7:0'),
        'the log',
      );
    });

    test('names the client of a WebSocket', async () => {
      const sockets: WebSocket[] = [];
      const open = (protocols: string[]) => {
        const socket = new WebSocket(`ws://127.0.0.1:${running.port('http')}/live/b`, protocols, {
          headers: FORWARDED,
        });
        socket.on('error', () => {});
        sockets.push(socket);
      };
      assert.equal(shown(await sessionOf(() => open([]))), 'ws-flv 192.0.2.7:0 192.0.2.7');
      assert.equal(shown(await sessionOf(() => open(['publisher']))), 'ws-flv 192.0.2.7:0 192.0.2.7');
      for (const socket of sockets) socket.terminate();
    });

    test('names the client of each HTTP/2 request', async () => {
      const client = connectHttp2(`https://127.0.0.1:${running.port('https')}`, { rejectUnauthorized: false });
      client.on('error', () => {});
      const open = (from: string) => {
        client.request({ ':path': '/live/c.flv', 'x-forwarded-for': from }).on('error', () => {});
      };
      assert.equal(shown(await sessionOf(() => open('192.0.2.7'))), 'https-flv 192.0.2.7:0 192.0.2.7');
      assert.equal(shown(await sessionOf(() => open('192.0.2.8:5'))), 'https-flv 192.0.2.8:5 192.0.2.8');
      client.destroy();
    });

    test('is shown by the API, and tells apart who tries to sign in', async () => {
      const port = running.port('http');
      const player = RawClient.open(port);
      const played = await sessionOf(() =>
        player.send('GET /live/d.flv HTTP/1.1', 'Host: a', 'X-Forwarded-For: 192.0.2.9'),
      );
      const { token } = JSON.parse((await signIn(port, '192.0.2.1')).text).data;
      const reply = await ask(port, '/api/v1/sessions', { headers: { Authorization: `Bearer ${token}` } });
      const { sessions } = JSON.parse(reply.text).data as { sessions: { id: string; ip: string }[] };
      assert.equal(sessions.find(({ id }) => id === played.id)?.ip, '192.0.2.9:0');
      player.socket.destroy();

      const wrong = [];
      for (let i = 0; i < 7; i++)
        wrong.push((await signIn(port, `203.0.113.${i}, 192.0.2.2:${i + 1}`, 'wrong')).status);
      assert.deepEqual(wrong, [401, 401, 401, 401, 401, 429, 429]);
      assert.equal((await signIn(port, '192.0.2.2')).status, 429);
      assert.equal((await signIn(port, '192.0.2.3')).status, 200);
      const logged = running.lines.filter(({ message }) => message.startsWith('API: INVALID_CREDENTIALS'));
      assert.deepEqual([...new Set(logged.map(({ fields }) => fields['ip']))], ['192.0.2.2']);
    });

    test('tells apart who tries to sign in over HTTP/2', async () => {
      const client = connectHttp2(`https://127.0.0.1:${running.port('https')}`, { rejectUnauthorized: false });
      const statusOf = (from: string) =>
        new Promise<number>((resolve, reject) => {
          const headers = { 'content-type': 'application/json', 'x-forwarded-for': from };
          const request = client.request({ ':method': 'POST', ':path': '/api/v1/login', ...headers });
          request.on('response', (answer) => resolve(Number(answer[':status'])));
          request.on('error', reject);
          request.end(JSON.stringify({ username: 'admin', password: 'wrong' }));
        });
      const answers = [];
      for (let i = 0; i < 6; i++) answers.push(await statusOf('198.51.100.1'));
      assert.deepEqual(answers, [401, 401, 401, 401, 401, 429]);
      assert.equal(await statusOf('198.51.100.2'), 401);
      client.destroy();
    });
  });
}

describe('X-Forwarded-For from anybody else', () => {
  test('changes nothing: not the session, not whose attempts to sign in are counted', async () => {
    await using house = await startWeb({ auth, trustedProxies: ['10.0.0.0/8', '::1'] });
    const player = RawClient.open(
      house.port,
      'GET /live/a.flv HTTP/1.1',
      'Host: a',
      'X-Forwarded-For: 10.0.0.1, 192.0.2.7',
    );
    await until(() => house.context.sessions.size === 1, 'the session');
    const [session] = house.context.sessions.values();
    assert.equal(session?.address, '127.0.0.1');
    assert.equal(session?.ip, `127.0.0.1:${player.socket.localPort}`);
    player.socket.destroy();
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push((await signIn(house.port, `192.0.2.${i}`, 'wrong')).status);
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429]);
  });

  test('a peer without an address, on a local socket, is served as nobody in particular', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nms-local-'));
    const path = join(folder, 'http.sock');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await using house = await startWeb({ http: { server }, trustedProxies: ['0.0.0.0/0', '::/0'] });
    const client = new WebSocket(`ws+unix://${path}:/live/a.flv`, { headers: FORWARDED });
    client.on('error', () => {});
    await until(() => house.context.sessions.size === 1, 'the session');
    const [session] = house.context.sessions.values();
    assert.deepEqual([session?.address, session?.ip], ['', ':0']);
    client.terminate();
    await house.server.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });
});
