import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { NodeMediaServerConfig, Session } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { binaryHeader, connectProxied, type ProxiedOptions, textHeader } from '../support/proxy.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { splits } from '../support/splits.ts';
import { until } from '../support/wait.ts';
import { RawClient } from '../support/web.ts';

const CLIENT = { address: '192.0.2.7', port: 51234 };
const CLIENT6 = { address: '2001:db8::7', port: 7 };
const LOCAL = binaryHeader({ command: 0, family: 0, block: Buffer.alloc(0) });
const proxied = { bind: '127.0.0.1', trustedProxies: ['127.0.0.1'] };

interface Proxied extends AsyncDisposable {
  readonly running: RunningServer;
  readonly sessions: Session[];
  /** A publisher or player behind a proxy; its socket is cut at the end. */
  open(mode: 'publish' | 'play', path: string, options: Omit<ProxiedOptions, 'port'>): Promise<RtmpPeer>;
}

async function start(config: NodeMediaServerConfig): Promise<Proxied> {
  const folder = mkdtempSync(join(tmpdir(), 'nms-proxied-'));
  const running = await startServer({ ...proxied, ...config }, folder);
  const sockets: Socket[] = [];
  return {
    running,
    get sessions() {
      return [...running.server.context.sessions.values()];
    },
    open: async (mode, path, options) => {
      const port = running.port(options.secure ? 'rtmps' : 'rtmp');
      const socket = await connectProxied({ port, ...options });
      sockets.push(socket);
      return new RtmpPeer(mode, path, { port, socket });
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await running.server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

for (const workers of [1, 2]) {
  describe(`a proxy's word, with ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    let house: Proxied;
    before(async () => {
      house = await start({ workers, rtmps: { port: 0 }, https: { port: 0 } });
    });
    after(() => house[Symbol.asyncDispose]());

    const ipsOf = (path: string) =>
      house.sessions
        .filter(({ streamPath }) => streamPath === path)
        .map(({ ip, address, protocol }) => `${protocol} ${ip} ${address}`);

    test('RTMP: the session, its events and the log know the client; what it sent arrives whole', async () => {
      const told: string[] = [];
      const note = (session: Session) => void told.push(session.ip);
      house.running.server.on('prePublish', note).on('postPublish', note);
      const publisher = await (
        await house.open('publish', '/live/a', { header: textHeader('192.0.2.7', 51234) })
      ).started();
      const player = await (await house.open('play', '/live/a', { header: binaryHeader(CLIENT6) })).started();
      house.running.server.off('prePublish', note).off('postPublish', note);
      const large = bodies.key('x'.repeat(300_000));
      publisher.send('video', 0, bodies.avcConfig);
      publisher.send('video', 0, large);
      await until(() => player.packets.length === 2, 'media');
      assert.deepEqual(player.packets[1]!.origin, large);
      assert.deepEqual(ipsOf('/live/a'), ['rtmp 192.0.2.7:51234 192.0.2.7', 'rtmp [2001:db8::7]:7 2001:db8::7']);
      assert.deepEqual(told, ['192.0.2.7:51234', '192.0.2.7:51234']);
      const logged = house.running.lines
        .filter(({ message }) => message === 'session created')
        .map(({ fields }) => fields['ip']);
      assert.ok(logged.includes('192.0.2.7:51234') && logged.includes('[2001:db8::7]:7'));
      publisher.leave();
    });

    for (const secure of [false, true]) {
      const name = secure ? 'RTMPS' : 'RTMP';
      const protocol = name.toLowerCase();

      test(`${name}: the header may come with the first bytes, byte by byte, and for nobody`, async () => {
        let count = 0;
        for (const pace of ['first', 'together', 'bytes'] as const) {
          for (const [header, ip] of [
            [textHeader('192.0.2.7', 51234), '192.0.2.7:51234 192.0.2.7'],
            [binaryHeader({ ...CLIENT, extensions: Buffer.alloc(40, 4) }), '192.0.2.7:51234 192.0.2.7'],
            [Buffer.from('PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n'), '192.0.2.9:1 192.0.2.9'],
          ] as const) {
            const path = `/${protocol}/s${++count}`;
            const peer = await (await house.open('publish', path, { header, pace, secure })).started();
            assert.deepEqual(peer.codes, ['NetStream.Publish.Start'], `${pace} ${ip}`);
            assert.deepEqual(ipsOf(path), [`${protocol} ${ip}`]);
            peer.leave();
          }
          for (const header of [LOCAL, Buffer.from('PROXY UNKNOWN\r\n')]) {
            const path = `/${protocol}/s${++count}`;
            const peer = await (await house.open('publish', path, { header, pace, secure })).started();
            assert.deepEqual(peer.codes, ['NetStream.Publish.Start']);
            assert.match(ipsOf(path).join(), new RegExp(`^${protocol} 127\\.0\\.0\\.1:[1-9]\\d+ 127\\.0\\.0\\.1$`));
            peer.leave();
          }
        }
      });

      test(`${name}: without a header the proxy is the client`, async () => {
        const path = `/${protocol}/none`;
        for (const pace of ['first', 'bytes'] as const) {
          const peer = await (await house.open('publish', path, { header: Buffer.alloc(0), pace, secure })).started();
          assert.deepEqual(peer.codes, ['NetStream.Publish.Start']);
          assert.match(ipsOf(path).join(), /127\.0\.0\.1:[1-9]\d+ 127\.0\.0\.1$/);
          peer.leave();
          await until(() => ipsOf(path).length === 0, 'the end');
        }
      });
    }

    test('a header cut anywhere is the same header', async () => {
      const port = house.running.port('rtmp');
      let count = 0;
      for (const header of [textHeader('192.0.2.7', 51234), binaryHeader(CLIENT)]) {
        for (const { name, chunks } of splits(header, { random: 2 })) {
          const socket = connect({ port, host: '127.0.0.1', noDelay: true });
          for (const chunk of chunks.slice(0, -1)) {
            socket.write(chunk);
            await new Promise((resolve) => setImmediate(resolve));
          }
          socket.cork();
          socket.write(chunks.at(-1)!);
          const path = `/cut/s${++count}`;
          const peer = new RtmpPeer('publish', path, { port, socket });
          process.nextTick(() => socket.uncork());
          await peer.started();
          assert.deepEqual(ipsOf(path), ['rtmp 192.0.2.7:51234 192.0.2.7'], name);
          peer.crash();
        }
      }
      assert.ok(count > 60);
    });

    test('what begins like a header and is none ends that connection and no other', async () => {
      const publisher = await (
        await house.open('publish', '/live/b', { header: textHeader('192.0.2.8', 1) })
      ).started();
      for (const header of ['PROXY TCP9\r\n', `PROXY UNKNOWN ${'x'.repeat(200)}`, '\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0']) {
        const peer = await house.open('publish', '/live/c', { header: Buffer.from(header, 'latin1') });
        await until(() => peer.isClosed, 'the end of the connection');
        assert.deepEqual(peer.events, []);
      }
      assert.equal(publisher.isClosed, false);
      const refused = house.running.lines.filter(({ message }) => message.includes('a trusted proxy was refused'));
      assert.equal(refused.length, 3);
      for (const { fields } of refused) {
        assert.equal(fields['code'], 'NMS_PROTOCOL_PROXY');
        assert.match(String(fields['ip']), /^127\.0\.0\.1:\d+$/);
      }
      publisher.leave();
    });

    test('HTTP, HTTPS and HTTP/2 hear it too', async () => {
      const header = textHeader('192.0.2.7', 51234);
      const publisher = await (await house.open('publish', '/web/a', { header })).started();
      publisher.send('video', 0, bodies.avcConfig);
      publisher.send('video', 0, bodies.key());
      const request = ['GET /web/a.flv HTTP/1.1', 'Host: test'];
      for (const [secure, pace] of [
        [false, 'first'],
        [false, 'together'],
        [false, 'bytes'],
        [true, 'first'],
        [true, 'together'],
      ] as const) {
        const port = house.running.port(secure ? 'https' : 'http');
        const client = new RawClient(await connectProxied({ port, header: binaryHeader(CLIENT), secure, pace }));
        client.send(...request);
        await client.answered();
        assert.equal(client.status, 200);
        const scheme = secure ? 'https-flv' : 'http-flv';
        assert.ok(ipsOf('/web/a').includes(`${scheme} 192.0.2.7:51234 192.0.2.7`), ipsOf('/web/a').join());
        client.socket.destroy();
        await until(() => ipsOf('/web/a').length === 1, 'the end');
      }
      const port = house.running.port('https');
      const socket = await connectProxied({ port, header: binaryHeader(CLIENT6), secure: true, protocols: ['h2'] });
      const session = connectHttp2(`https://127.0.0.1:${port}`, { createConnection: () => socket });
      session.on('error', () => {});
      const stream = session.request({ ':path': '/web/a.flv' });
      stream.on('error', () => {});
      await new Promise((resolve) => stream.once('response', resolve));
      assert.ok(ipsOf('/web/a').includes('https-flv [2001:db8::7]:7 2001:db8::7'), ipsOf('/web/a').join());
      session.destroy();
      publisher.leave();
    });
  });

  describe(`limits behind a proxy, with ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    test('the client runs into the limit of an address, the proxy does not', async () => {
      await using house = await start({ workers, limits: { maxConnectionsPerAddress: 2 } });
      const open = (address: string, path: string) => house.open('publish', path, { header: textHeader(address, 1) });
      const peers: RtmpPeer[] = [];
      for (const [index, address] of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.3'].entries()) {
        peers.push(await (await open(address, `/live/s${index}`)).started());
      }
      for (const peer of peers) assert.deepEqual(peer.codes, ['NetStream.Publish.Start']);
      const third = await open('192.0.2.1', '/live/third');
      await until(() => third.isClosed, 'the refusal');
      assert.deepEqual(third.events, []);
      assert.equal(house.running.server.context.connections.total, 5);
      const reason = house.running.server.context.connections.takeRefused()?.reason;
      assert.match(reason ?? '', /^2 connections from 192\.0\.2\.1 are open/);
      peers[0]!.leave();
      await until(() => house.running.server.context.connections.total === 4, 'the end of the first');
      assert.deepEqual((await (await open('192.0.2.1', '/live/third')).started()).codes, ['NetStream.Publish.Start']);
      const silent = Array.from({ length: 4 }, () => connect(house.running.port('rtmp'), '127.0.0.1'));
      await until(() => house.running.server.context.connections.total === 9, 'four connections of the proxy itself');
      for (const socket of silent) socket.destroy();
      await until(() => house.running.server.context.connections.total === 5, 'nothing stays counted');
    });

    test('a peer that is not trusted says nothing about its client', async () => {
      const limits = { handshakeTimeoutMs: 100 };
      await using house = await start({ workers, trustedProxies: ['192.0.2.0/24'], limits });
      for (const header of [textHeader('192.0.2.7', 51234), binaryHeader(CLIENT)]) {
        const peer = await house.open('publish', '/live/a', { header });
        await until(() => peer.isClosed, 'the end of the connection');
        assert.deepEqual(peer.events, []);
      }
      const ended = () => house.running.lines.filter(({ message }) => message === 'session ended');
      await until(() => ended().length === 2, 'both in the log');
      for (const { fields } of ended()) assert.match(String(fields['ip']), /^127\.0\.0\.1:\d+$/);
      const codes = ended().map(({ fields }) => String(fields['code']));
      // A first byte of 13 may be a later version of RTMP: that this is none is seen behind the handshake, if ever.
      assert.equal(codes[0], 'NMS_PROTOCOL_HANDSHAKE');
      assert.match(codes[1]!, /^NMS_(PROTOCOL_CHUNK|TIMEOUT)$/);
    });

    test('a header that never comes to its end is waited for as long as a handshake', async () => {
      await using house = await start({ workers, limits: { handshakeTimeoutMs: 50 } });
      for (const header of ['', 'PROXY TCP4 192.0', '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0']) {
        const client = RawClient.open(house.running.port('rtmp'));
        client.socket.write(header, 'latin1');
        await client.closed();
        assert.equal(client.received.length, 0);
      }
      const refused = house.running.lines.filter(({ fields }) => fields['code'] === 'NMS_TIMEOUT');
      await until(() => house.running.server.context.connections.total === 0, 'nothing is left');
      assert.equal(refused.length, 3);
    });

    test('stop does not wait for a header', async () => {
      const house = await start({ workers });
      const client = RawClient.open(house.running.port('rtmp'));
      client.socket.write('PROXY ');
      const web = RawClient.open(house.running.port('http'));
      web.socket.write('PROX');
      await until(() => house.running.server.context.connections.total === 2, 'the connections');
      await house[Symbol.asyncDispose]();
      await client.closed();
      await web.closed();
    });
  });
}
