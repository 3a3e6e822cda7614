import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { bodies } from '../support/media.ts';
import { connectProxied, textHeader } from '../support/proxy.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { ask, beginning, HttpPublisherClient, RawClient } from '../support/web.ts';

const STUDIO = '192.0.2.7';
const VIEWER = '198.51.100.1';
const BANNED = '198.51.100.66';

const access = {
  publish: { allow: ['192.0.2.0/24', '127.0.0.1'], deny: ['192.0.2.66'] },
  play: { deny: [BANNED, '2001:db8:bad::/48'] },
  apps: {
    open: { publish: { allow: ['0.0.0.0/0', '::/0'] } },
    'studio/a': { publish: { allow: ['192.0.2.7'] }, play: { allow: ['192.0.2.0/24'] } },
  },
};

for (const workers of [1, 2]) {
  describe(`lists of addresses, with ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    let running: RunningServer;
    let folder: string;
    const asked: string[] = [];
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'nms-access-'));
      const play = { waitMs: 0 };
      running = await startServer({ workers, access, trustedProxies: ['127.0.0.1'], https: { port: 0 }, play }, folder);
      running.server.on('prePublish', ({ address, streamPath }) => void asked.push(`publish ${address} ${streamPath}`));
      running.server.on('prePlay', ({ address, streamPath }) => void asked.push(`play ${address} ${streamPath}`));
    });
    after(async () => {
      await running.server.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    async function rtmp(mode: 'publish' | 'play', path: string, address: string): Promise<RtmpPeer> {
      const port = running.port('rtmp');
      const cut = path.lastIndexOf('/');
      const socket = await connectProxied({ port, header: textHeader(address, 1) });
      const peer = new RtmpPeer(mode, path, { port, socket, app: path.slice(1, cut), name: path.slice(cut + 1) });
      return peer.started();
    }

    async function mayPublish(path: string, address: string): Promise<boolean> {
      const peer = await rtmp('publish', path, address);
      const may = peer.codes[0] === 'NetStream.Publish.Start';
      assert.ok(may || peer.codes[0] === 'NetStream.Publish.BadName', peer.codes.join());
      peer.leave();
      await until(() => peer.isClosed, 'the end');
      return may;
    }

    test('say who may publish to which app', async () => {
      const answers: Record<string, boolean> = {};
      for (const [path, address] of [
        ['/live/s', STUDIO],
        ['/live/s', '192.0.2.66'],
        ['/live/s', VIEWER],
        ['/live/s', '2001:db8::1'],
        ['/live/s', '::ffff:192.0.2.8'],
        ['/open/s', VIEWER],
        ['/open/s', '2001:db8::1'],
        ['/studio/a/s', STUDIO],
        ['/studio/a/s', '192.0.2.8'],
        ['/studio/s', '192.0.2.8'],
      ] as const) {
        answers[`${path} ${address}`] = await mayPublish(path, address);
      }
      assert.deepEqual(answers, {
        '/live/s 192.0.2.7': true,
        '/live/s 192.0.2.66': false,
        '/live/s 198.51.100.1': false,
        '/live/s 2001:db8::1': false,
        '/live/s ::ffff:192.0.2.8': true,
        '/open/s 198.51.100.1': true,
        '/open/s 2001:db8::1': true,
        '/studio/a/s 192.0.2.7': true,
        '/studio/a/s 192.0.2.8': false,
        '/studio/s 192.0.2.8': true,
      });
      assert.deepEqual(
        asked.filter((line) => line.includes('192.0.2.66') || line === `publish ${VIEWER} /live/s`),
        [],
        'nobody is asked about who is refused',
      );
    });

    test('refuse in words of RTMP, without the lists', async () => {
      const publisher = await rtmp('publish', '/live/a', VIEWER);
      const [status] = publisher.events.filter(({ kind }) => kind === 'status');
      assert.deepEqual(publisher.codes, ['NetStream.Publish.BadName']);
      const text = JSON.stringify(status);
      assert.match(text, /your address, 198\.51\.100\.1, may not publish here/);
      assert.doesNotMatch(text, /192\.0\.2|\/24/);
      await until(() => publisher.isClosed, 'the end');

      const live = await rtmp('publish', '/live/a', STUDIO);
      live.send('video', 0, bodies.avcConfig);
      live.send('video', 0, bodies.key());
      const banned = await rtmp('play', '/live/a', BANNED);
      assert.deepEqual(banned.codes, ['NetStream.Play.Failed']);
      await until(() => banned.isClosed, 'the end');
      assert.deepEqual(banned.packets, []);
      const viewer = await rtmp('play', '/live/a', VIEWER);
      await until(() => viewer.packets.length === 2, 'media');
      viewer.leave();
      live.leave();
    });

    test('refuse with 403 over HTTP, WebSocket and HTTP/2, before the first byte of media', async () => {
      const port = running.port('http');
      const headers = { 'X-Forwarded-For': BANNED };
      const told = (action: string) => {
        const message = `your address, ${BANNED}, may not ${action} here`;
        return { success: false, code: 'NMS_DENIED', message, error: message };
      };
      for (const path of ['/live/b.flv', '/live/b.flv?sign=1-2']) {
        const reply = await ask(port, path, { headers });
        assert.equal(reply.status, 403);
        assert.equal(reply.headers['www-authenticate'], undefined);
        assert.deepEqual(JSON.parse(reply.text), told('play'));
      }
      assert.equal((await ask(port, '/live/b.flv', { method: 'HEAD', headers })).status, 403);

      const publisher = new HttpPublisherClient(port, '/live/b.flv', { headers });
      publisher.write(beginning());
      const refusal = await publisher.answer;
      assert.deepEqual([refusal.status, JSON.parse(refusal.text)], [403, told('publish')]);

      for (const protocols of [[], ['publisher']]) {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/live/b`, protocols, { headers });
        socket.on('error', () => {});
        const status = await new Promise((resolve) => {
          socket.on('unexpected-response', (_request, answer) => resolve(answer.statusCode));
          socket.on('open', () => resolve(101));
        });
        assert.equal(status, 403);
      }

      const client = connectHttp2(`https://127.0.0.1:${running.port('https')}`, { rejectUnauthorized: false });
      client.on('error', () => {});
      const stream = client.request({ ':path': '/live/b.flv', 'x-forwarded-for': BANNED });
      const status = await new Promise((resolve) => stream.on('response', (answer) => resolve(answer[':status'])));
      assert.equal(status, 403);
      client.destroy();
      assert.deepEqual(
        asked.filter((line) => line.includes(BANNED)),
        [],
      );
    });
  });
}

for (const workers of [1, 2]) {
  test(`an address is refused before anybody asks for a signature, with ${workers} ${workers === 1 ? 'process' : 'workers'}`, async () => {
    const auth = { play: true, publish: true, secret: 'a secret of the test' };
    const trustedProxies = ['127.0.0.1'];
    await using running = await startServer({ workers, auth, trustedProxies, access: { play: { allow: [VIEWER] } } });
    const statusOf = async (address: string) => {
      const client = RawClient.open(running.port('http'));
      client.send('GET /live/a.flv HTTP/1.1', 'Host: a', `X-Forwarded-For: ${address}`);
      await client.answered();
      return [client.status, client.header('WWW-Authenticate') !== undefined];
    };
    assert.deepEqual(await statusOf(STUDIO), [403, false]);
    assert.deepEqual(await statusOf(VIEWER), [401, true]);
  });
}
