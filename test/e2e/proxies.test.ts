import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import type { NodeMediaServerConfig } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { connectProxied, textHeader } from '../support/proxy.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { eventually, missing, within } from '../support/tools.ts';
import { openLab } from '../support/tools-lab.ts';
import { ask, RawClient } from '../support/web.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/4-operate/addresses-and-proxies.md'), 'utf8');

/** The first block of code of the page that holds `word`. */
function block(language: string, word: string): string {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))];
  const found = blocks.map(([, text]) => text!).find((text) => text.includes(word));
  assert.ok(found !== undefined, `a block with ${word}`);
  return found;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

describe('the page about addresses and proxies', () => {
  test('its configuration does what the page says of it', async () => {
    const config = JSON.parse(block('json', 'access')) as NodeMediaServerConfig;
    // The test stands where the first proxy of the page does.
    const trustedProxies = [...config.trustedProxies!, '127.0.0.1'];
    await using running = await startServer({ ...config, trustedProxies });
    const port = running.port('rtmp');
    const codeOf = async (mode: 'publish' | 'play', path: string, address: string) => {
      const socket = await connectProxied({ port, header: textHeader(address, 1) });
      const peer = await new RtmpPeer(mode, path, { port, socket }).started();
      socket.destroy();
      return peer.codes[0];
    };
    const may = async (path: string, address: string) =>
      (await codeOf('publish', path, address)) === 'NetStream.Publish.Start';
    assert.equal(await may('/live/a', '10.1.2.3'), true);
    assert.equal(await may('/live/b', '10.0.0.66'), false);
    assert.equal(await may('/live/c', '2001:db8:5::1'), true);
    assert.equal(await may('/live/d', '192.0.2.7'), false);
    assert.equal(await may('/studio/a', '192.0.2.7'), true);
    assert.equal(await may('/studio/b', '10.1.2.3'), false);
    assert.equal(await may('/open/a', '203.0.113.1'), true);
    assert.equal(await codeOf('play', '/live/a', '203.0.113.1'), 'NetStream.Play.Failed');
    assert.equal(await codeOf('play', '/studio/a', '198.51.100.1'), 'NetStream.Play.Failed');
    const refusal = await ask(running.port('http'), '/live/a.flv', { headers: { 'X-Forwarded-For': '203.0.113.1' } });
    assert.equal(refusal.status, 403);
  });

  test('nginx as the page sets it up names the client of streams, WebSockets and the API', {
    skip: missing('nginx'),
  }, async () => {
    const auth = { jwt: { secret: 'a secret of the test', users: [{ username: 'admin', password: 'right' }] } };
    await using lab = await openLab({ trustedProxies: ['127.0.0.1'], auth });
    const origin = new URL(lab.url('http-flv', '/live/a')).host;
    const port = await freePort();
    const configFile = join(lab.folder, 'nginx.conf');
    const location = block('nginx', 'location').replace('10.0.0.10:8000', origin);
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${lab.folder}/${name};`,
    );
    writeFileSync(
      configFile,
      `daemon off; master_process off; pid ${lab.folder}/nginx.pid; error_log stderr; events {}
       http { access_log off; ${paths.join(' ')} ${block('nginx', 'map')}
       server { listen 127.0.0.1:${port}; ${location} } }`,
    );
    const nginx = lab.programs.start('nginx', ['-e', 'stderr', '-c', configFile, '-p', lab.folder]);
    const answers = () =>
      ask(port, '/api/v1/health').then(
        ({ status }) => status === 200,
        () => false,
      );
    let isUp = false;
    const deadline = performance.now() + 10_000;
    while (!isUp && !nginx.isOver && performance.now() < deadline) isUp = await answers();
    assert.equal(isUp, true, nginx.stderr);

    const rtmpPort = Number(new URL(lab.url('rtmp', '/live/a')).port);
    const publisher = await new RtmpPeer('publish', '/live/a', { port: rtmpPort }).started();
    publisher.send('video', 0, bodies.avcConfig);
    publisher.send('video', 0, bodies.key());
    // From another address of this machine, so that it cannot be the proxy's own.
    const head = ['GET /live/a.flv HTTP/1.1', 'Host: a', 'X-Forwarded-For: 203.0.113.1'];
    const player = new RawClient(connect({ port, host: '127.0.0.1', localAddress: '127.0.0.7' }));
    player.send(...head);
    await eventually(() => player.received.includes('FLV\x01'), 'the stream');
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live/a.flv`, { localAddress: '127.0.0.8' } as object);
    socket.on('error', () => {});
    await within(once(socket, 'open'), 'the WebSocket', 10_000);
    const addresses = () => [...lab.context.sessions.values()].map(({ protocol, ip }) => `${protocol} ${ip}`).sort();
    await eventually(() => addresses().length === 3, 'the sessions');
    assert.deepEqual(addresses().slice(0, 1), ['http-flv 127.0.0.7:0']);
    assert.ok(addresses().includes('ws-flv 127.0.0.8:0'), addresses().join());

    const visitor = new RawClient(connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' }));
    const wrong = JSON.stringify({ username: 'admin', password: 'wrong' });
    visitor.send(
      ...['POST /api/v1/login HTTP/1.1', 'Host: a', 'X-Forwarded-For: 203.0.113.1', 'Connection: close'],
      ...['Content-Type: application/json', `Content-Length: ${wrong.length}`],
    );
    visitor.socket.write(wrong);
    await visitor.closed();
    assert.equal(visitor.status, 401);
    const logged = lab.lines.find(({ message }) => message.startsWith('API: INVALID_CREDENTIALS'));
    assert.equal(logged?.fields['ip'], '127.0.0.9');
    player.socket.destroy();
    socket.terminate();
    publisher.leave();
  });

  test('curl says who it is with the PROXY protocol', { skip: missing('curl') }, async () => {
    await using lab = await openLab({ trustedProxies: ['127.0.0.0/8'] });
    const port = new URL(lab.url('http-flv', '/live/a')).port;
    const url = `http://127.0.0.1:${port}/api/v1/nothing`;
    const curl = lab.programs.start('curl', [
      '-sS',
      '--haproxy-protocol',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      url,
    ]);
    assert.equal(await curl.finish(10_000), '404');
    const without = lab.programs.start('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', url]);
    assert.equal(await without.finish(10_000), '404');
  });
});
