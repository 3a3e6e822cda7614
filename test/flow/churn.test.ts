import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { get } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { WebSocket } from 'ws';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What a leak would show in: objects alive, descriptors, and whatever keeps the event loop busy. */
async function footprint() {
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const resources = process.getActiveResourcesInfo();
  return {
    heapMiB: process.memoryUsage().heapUsed / 2 ** 20,
    descriptors: readdirSync('/proc/self/fd').length,
    timers: resources.filter((name) => name === 'Timeout').length,
    sockets: resources.filter((name) => /TCP|TLS/.test(name)).length,
  };
}

const playHttp = (port: number) =>
  new Promise<void>((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/live/a.flv', agent: false }, (response) => {
      response.once('data', () => {
        request.destroy();
        resolve();
      });
    });
    request.on('error', (error) => {
      if (!request.destroyed) reject(error);
    });
  });

const playWebSocket = (port: number) =>
  new Promise<void>((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live/a.flv`);
    socket.on('error', reject);
    socket.once('message', () => {
      socket.close();
      socket.once('close', () => resolve());
    });
  });

const playRtmp = async (port: number, crashes: boolean) => {
  const peer = await new RtmpPeer('play', '/live/a', { port }).started();
  if (crashes) peer.crash();
  else peer.leave();
  await until(() => peer.isClosed, 'the player is gone');
};

test('ten thousand players come and go, and leave memory, descriptors, timers and Maps as before', async () => {
  await using running = await startServer({ log: { sessionIntervalMs: 0 }, publish: { idleTimeoutMs: 0 } });
  const { context } = running.server;
  const [rtmpPort, httpPort] = [running.port('rtmp'), running.port('http')];
  const publisher = await new RtmpPeer('publish', '/live/a', { port: rtmpPort }).started();
  publisher.send('video', 0, bodies.avcConfig);
  publisher.send('audio', 0, bodies.aacConfig);
  publisher.send('video', 0, bodies.key());
  const round = async () => {
    const players = Array.from({ length: 48 }, (_, i) => {
      if (i % 3 === 0) return playHttp(httpPort);
      return i % 3 === 1 ? playWebSocket(httpPort) : playRtmp(rtmpPort, i % 2 === 0);
    });
    await Promise.all(players);
    running.lines.length = 0;
  };
  const settled = () =>
    until(() => context.sessions.size === 1 && context.connections.total === 1, 'all players are gone');

  for (let i = 0; i < 40; i++) await round();
  await settled();
  const before = await footprint();
  for (let i = 0; i < 210; i++) await round();
  await settled();
  const after = await footprint();

  assert.equal(context.broadcasts.size, 1);
  assert.equal(context.broadcasts.get('/live/a')?.playerCount, 0);
  assert.equal([...(context.broadcasts.get('/live/a')?.feeds ?? [])].length, 0);
  assert.ok(after.descriptors <= before.descriptors, `descriptors: ${before.descriptors}, then ${after.descriptors}`);
  assert.ok(after.timers <= before.timers, `timers: ${before.timers}, then ${after.timers}`);
  assert.ok(after.sockets <= before.sockets, `sockets: ${before.sockets}, then ${after.sockets}`);
  assert.ok(after.heapMiB - before.heapMiB < 1, `heap: ${before.heapMiB} MiB, then ${after.heapMiB} MiB`);
  publisher.leave();
  await until(() => context.broadcasts.size === 0, 'the stream is gone');
});
