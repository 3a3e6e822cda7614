import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const LIMIT = 1024 * 1024;
const FRAME = 100_000;

test('players that never read cost a bounded amount, are closed with a reason, and disturb no one', async () => {
  await using running = await startServer({
    play: { maxBacklogBytes: LIMIT, maxBacklogMs: 60_000, slowTimeoutMs: 100 },
  });
  const { context } = running.server;
  const rtmpPort = running.port('rtmp');
  const publisher = await new RtmpPeer('publish', '/live/a', { port: rtmpPort }).started();
  publisher.send('video', 0, bodies.avcConfig);
  publisher.send('audio', 0, bodies.aacConfig);
  publisher.send('video', 0, bodies.key());

  const healthy = await new RtmpPeer('play', '/live/a', { port: rtmpPort }).started();
  const stalled = await new RtmpPeer('play', '/live/a', { port: rtmpPort }).started();
  stalled.socket.pause();
  const stalledHttp = connect(running.port('http'), '127.0.0.1');
  stalledHttp.on('error', () => undefined);
  stalledHttp.pause();
  stalledHttp.write('GET /live/a.flv HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => context.broadcasts.get('/live/a')?.playerCount === 3, 'all three play');

  let highest = 0;
  let sent = 0;
  const isClosed = () => running.lines.filter((line) => line.fields['code'] === 'NMS_SLOW').length === 2;
  while (!isClosed()) {
    assert.ok(sent < 5000, 'the stalled players are closed at last');
    const count = healthy.packets.length;
    sent++;
    publisher.send('video', sent * 40, bodies.inter('x'.repeat(FRAME)));
    await until(() => healthy.packets.length > count, 'the healthy player has the frame');
    for (const session of context.sessions.values()) highest = Math.max(highest, session.backlogBytes);
  }
  assert.ok(highest > LIMIT, 'they were behind');
  assert.ok(highest <= LIMIT * 1.25 + 2 * FRAME, `${highest} bytes waited`);
  const reason = running.lines.find((line) => line.fields['code'] === 'NMS_SLOW')?.fields['reason'];
  assert.match(String(reason), /behind for .*play\.slowTimeoutMs is 100/);
  assert.equal(healthy.packets.filter((one) => one.type === 'frame').length, sent);
  assert.equal(context.broadcasts.get('/live/a')?.playerCount, 1);
  for (const peer of [publisher, healthy, stalled]) peer.socket.destroy();
  stalledHttp.destroy();
});
