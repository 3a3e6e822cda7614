import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import WebSocket from 'ws';
import type { Context } from '../../src/core/context.ts';
import type { StreamPath } from '../../src/core/stream-path.ts';
import type { AVPacket } from '../../src/media/packet.ts';
import { type House, Street } from '../support/inner-house.ts';
import { bodies } from '../support/media.ts';
import { frame, key, packet } from '../support/packets.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { beginning, HttpPublisherClient, inter } from '../support/web.ts';

const PATH: StreamPath = '/live/a';
/** So long that only the test's own clock can end a wait. */
const config = { play: { relaxed: true, maxBatchDelayMs: 600_000 } };
/** A rest is looked for after this age of a connection, and ends after this time. */
const MIN_REST_MS = 20;
const MAX_REST_MS = 100;

const inBytes = (context: Context) => context.broadcasts.get(PATH)?.publisher?.inBytes ?? 0;

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** One who has got what there is of the stream. */
async function playerOf(running: RunningServer): Promise<RtmpPeer> {
  await until(() => (running.server.context.broadcasts.get(PATH)?.gop.size ?? 0) > 0, 'the stream');
  const player = await new RtmpPeer('play', PATH, { port: running.port('rtmp') }).started();
  await until(() => player.packets.some(({ type }) => type === 'key'), 'the group');
  return player;
}

/**
 * Sends a frame to a stream whose player waits for minutes, and then another, which lies unread until the rest is over.
 * @param send sends a frame stamped with so many milliseconds
 */
async function assertRests(t: TestContext, context: Context, send: (ms: number) => void): Promise<void> {
  const begunAt = performance.now();
  await until(() => performance.now() - begunAt > MIN_REST_MS, 'the age of the connection');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let before = inBytes(context);
  send(1000);
  await until(() => inBytes(context) > before, 'the first frame');
  await turns(3);
  before = inBytes(context);
  send(1040);
  await turns(100);
  assert.equal(inBytes(context), before, 'nothing is read');
  t.mock.timers.tick(MAX_REST_MS);
  await until(() => inBytes(context) > before, 'what lay there');
  t.mock.timers.reset();
}

describe('a publisher whose players all wait rests', () => {
  test('over RTMP', async (t) => {
    await using running = await startServer(config);
    const { context } = running.server;
    const publisher = await new RtmpPeer('publish', PATH, { port: running.port('rtmp') }).started();
    const send = (ms: number) => publisher.send('video', ms, bodies.inter(`frame ${ms}`));
    publisher.send('video', 0, bodies.avcConfig);
    publisher.send('video', 0, bodies.key());
    const player = await playerOf(running);
    await assertRests(t, context, send);
    publisher.leave();
    await until(() => player.codes.includes('NetStream.Play.UnpublishNotify'), 'the end of the stream');
    const frames = player.packets.filter(({ type }) => type === 'frame');
    assert.equal(frames.length, 2);
    player.socket.destroy();
  });

  test('over HTTP', async (t) => {
    await using running = await startServer(config);
    const publisher = new HttpPublisherClient(running.port('http'), `${PATH}.flv`);
    publisher.write(beginning());
    const player = await playerOf(running);
    await assertRests(t, running.server.context, (ms) => publisher.write(inter(ms)));
    assert.equal((await publisher.end()).status, 200);
    player.socket.destroy();
  });

  test('over a WebSocket', async (t) => {
    await using running = await startServer(config);
    const publisher = new WebSocket(`ws://127.0.0.1:${running.port('http')}${PATH}.flv`, 'publisher');
    publisher.on('open', () => publisher.send(beginning()));
    const player = await playerOf(running);
    await assertRests(t, running.server.context, (ms) => publisher.send(inter(ms)));
    publisher.terminate();
    player.socket.destroy();
  });

  test('in the process where its players are, and not in its own, from where it is fetched', async (t) => {
    await using street = await Street.of(['a', 'b'], { config });
    const [a, b] = street.houses as [House, House];
    const publisher = await a.publish();
    const send = (media: AVPacket) => a.broadcast().broadcastMessage(publisher, media);
    send(packet('config', 'video', 0, 'vc'));
    send(key(0));
    const near = await a.play();
    const far = await b.play();
    await until(() => near.received.length >= 2 && far.received.length >= 2, 'the group');
    await assertRests(t, b.context, (ms) => send(frame(ms)));
    assert.equal(a.broadcast().restMs, 0);
  });
});
