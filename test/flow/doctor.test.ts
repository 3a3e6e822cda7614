import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Advice, NodeMediaServer, Session } from '../../src/index.ts';
import { Cluster } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { temporaryFolder } from './cli-process.ts';
import { Receiver } from './notify-receiver.ts';

/** At once, for tests. */
const hasty = { graceMs: 0, raiseMs: 0, clearMs: 0 };

function codesOf(server: NodeMediaServer, path = '/live/a'): string[] {
  return (server.context.advice.get(path as `/${string}/${string}`) ?? []).map(({ code }) => code);
}

function follow(server: NodeMediaServer): string[] {
  const told: string[] = [];
  server.on('streamHealth', (session: Session, advice: Advice, state) => {
    told.push(`${session.streamPath} ${advice.code} ${state}`);
  });
  return told;
}

/** Picture and sound whose keyframes are `gopMs` apart on the clock of the media, all at once. */
function sendGroups(publisher: RtmpPeer, gopMs: number, from = 0): number {
  publisher.send('data', from, bodies.metadata);
  publisher.send('audio', from, bodies.aacConfig);
  publisher.send('video', from, bodies.avcConfig);
  for (let ms = from; ms <= from + gopMs * 2; ms += 500) {
    publisher.send('audio', ms, bodies.aac());
    publisher.send('video', ms, (ms - from) % gopMs === 0 ? bodies.key() : bodies.inter());
  }
  return from + gopMs * 2;
}

describe('the ingest doctor', () => {
  test('says how far keyframes are apart, and takes it back', async () => {
    await using running = await startServer({ doctor: hasty });
    const { server } = running;
    const told = follow(server);
    const publisher = await new RtmpPeer('publish', '/live/a', { port: running.port('rtmp') }).started();
    const end = sendGroups(publisher, 10_000);
    await until(() => codesOf(server).includes('keyframe-interval'), 'advice');
    const [advice] = server.context.advice.get('/live/a') ?? [];
    assert.match(advice?.message ?? '', /^Keyframes come every 10 s: /);
    assert.equal(advice?.severity, 'problem');
    sendGroups(publisher, 2000, end + 2000);
    await until(() => told.includes('/live/a keyframe-interval cleared'), 'it is well again');
    assert.deepEqual(codesOf(server), []);
    assert.deepEqual(told, ['/live/a keyframe-interval raised', '/live/a keyframe-interval cleared']);
    const lines = running.lines.filter(({ fields }) => fields['advice'] === 'keyframe-interval');
    assert.deepEqual(
      lines.map(({ level, fields }) => [level, fields['stream'], fields['severity']]),
      [['warn', '/live/a', 'problem']],
    );
    publisher.leave();
  });

  test('sees jumps of the clock, video without sound, and B-frames', async () => {
    await using running = await startServer({ doctor: hasty });
    const { server } = running;
    const publisher = await new RtmpPeer('publish', '/live/a', { port: running.port('rtmp') }).started();
    publisher.send('video', 0, bodies.avcConfig);
    publisher.send('video', 0, bodies.key());
    const reordered = Buffer.from(bodies.inter());
    reordered.writeUIntBE(80, 2, 3);
    for (const ms of [40, 80, 3_600_000, 3_600_040]) publisher.send('video', ms, reordered);
    await until(() => codesOf(server).length >= 3, 'advice');
    assert.deepEqual(codesOf(server).sort(), ['b-frames', 'no-audio', 'timestamp-jumps']);
    const messages = (server.context.advice.get('/live/a') ?? []).map(({ message }) => message).join('\n');
    assert.match(messages, /they add 80 ms of delay/);
    assert.match(messages, /jumped once in the last 60 s/);
    publisher.leave();
    await until(() => server.context.advice.size === 0, 'the stream’s end');
  });

  test('says which of sound and picture is ahead', async () => {
    await using running = await startServer({ doctor: { ...hasty, minSpeed: 0 } });
    const { server } = running;
    const publisher = await new RtmpPeer('publish', '/live/a', { port: running.port('rtmp') }).started();
    publisher.send('audio', 0, bodies.aacConfig);
    publisher.send('video', 0, bodies.avcConfig);
    for (let ms = 0; ms < 4000; ms += 40) {
      publisher.send('video', ms, ms % 2000 === 0 ? bodies.key() : bodies.inter());
      publisher.send('audio', ms + 800, bodies.aac());
    }
    await until(() => codesOf(server).includes('av-skew'), 'advice');
    const [advice] = server.context.advice.get('/live/a') ?? [];
    assert.match(advice?.message ?? '', /^Sound comes 800 ms ahead of the picture: /);
    assert.equal(advice?.severity, 'warning');
    publisher.leave();
  });

  test('leaves sound without video alone, and a stream that is well', async () => {
    await using running = await startServer({ doctor: { ...hasty, minSpeed: 0, maxGapMs: 60_000 } });
    const { server } = running;
    const told = follow(server);
    const port = running.port('rtmp');
    const radio = await new RtmpPeer('publish', '/live/radio', { port }).started();
    radio.send('audio', 0, bodies.aacConfig);
    for (let ms = 0; ms < 3000; ms += 20) radio.send('audio', ms, bodies.aac());
    const well = await new RtmpPeer('publish', '/live/well', { port }).started();
    sendGroups(well, 2000);
    const measured = (path: `/${string}/${string}`) => server.context.streams.get(path)?.statistics?.tracks.length;
    await until(() => measured('/live/radio') === 1 && measured('/live/well') === 2, 'they are measured');
    const seen = server.context.streams.get('/live/well')?.statistics?.at ?? 0;
    await until(() => (server.context.streams.get('/live/well')?.statistics?.at ?? 0) > seen, 'a further round');
    assert.deepEqual(told, []);
    radio.leave();
    well.leave();
  });

  test('finds a sequence header that never came', async () => {
    await using running = await startServer({ doctor: { ...hasty, minSpeed: 0 } });
    const publisher = await new RtmpPeer('publish', '/live/a', { port: running.port('rtmp') }).started();
    publisher.send('audio', 0, bodies.aacConfig);
    for (let ms = 0; ms < 400; ms += 40) {
      publisher.send('video', ms, ms === 0 ? bodies.key() : bodies.inter());
      publisher.send('audio', ms, bodies.aac());
    }
    await until(() => codesOf(running.server).includes('sequence-header'), 'advice');
    publisher.leave();
  });

  test('tells webhooks that ask for it, with all it has to say', async (t) => {
    await using receiver = await Receiver.open();
    const target = { url: receiver.url, events: ['streamHealth' as const, 'postPublish' as const] };
    await using running = await startServer({ doctor: hasty, notify: { targets: [target] } }, temporaryFolder(t));
    const publisher = await new RtmpPeer('publish', '/live/a', { port: running.port('rtmp') }).started();
    sendGroups(publisher, 10_000);
    const [call] = await receiver.received('streamHealth');
    const { since, message, ...health } = call!.body['health'] as Record<string, unknown>;
    assert.deepEqual(health, { state: 'raised', code: 'keyframe-interval', severity: 'problem' });
    assert.match(String(message), /^Keyframes come every 10 s: /);
    assert.ok(Math.abs(Date.now() - Number(since)) < 60_000);
    assert.equal((await receiver.received('postPublish'))[0]!.body['health'], null);
    publisher.leave();
  });

  test('looks after streams of workers too', async () => {
    await using cluster = await Cluster.start({ doctor: hasty });
    const { server } = cluster.running;
    const told = follow(server);
    const publisher = await cluster.publish();
    sendGroups(publisher, 10_000);
    await until(() => codesOf(server).includes('keyframe-interval'), 'advice');
    assert.ok(told.includes('/live/a keyframe-interval raised'));
    const line = cluster.running.lines.find(({ fields }) => fields['advice'] === 'keyframe-interval');
    assert.equal(line?.fields['worker'], cluster.workerOfPeer(publisher));
    publisher.leave();
    await until(() => server.context.advice.size === 0, 'the stream’s end');
    assert.equal(told.includes('/live/a keyframe-interval cleared'), false);
  });
});
