import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { beginStream, Cluster } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import { assertGrown, readPrometheus, valueOf } from '../support/prometheus.ts';
import { until } from '../support/wait.ts';
import { ask } from '../support/web.ts';

async function scrape(cluster: Cluster) {
  const reply = await ask(cluster.port('http'), '/metrics');
  assert.equal(reply.status, 200, reply.text);
  return readPrometheus(reply.text);
}

type Families = Awaited<ReturnType<typeof scrape>>;

/** Scrapes until the workers have said what the test waits for. */
async function scrapeUntil(cluster: Cluster, isSaid: (families: Families) => boolean, what: string): Promise<Families> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const families = await scrape(cluster);
    if (isSaid(families)) return families;
    const reports = [...cluster.context.workers.values()];
    await until(() => [...cluster.context.workers.values()].some((one, i) => one !== reports[i]), 'another report');
  }
  throw new Error(`never: ${what}`);
}

const packets = (families: Families, kind: string) => valueOf(families, 'nms_media_packets_total', { kind });

describe('the metrics of a server with workers', () => {
  test('count each session, each packet and each refusal once, and show every process', async () => {
    await using cluster = await Cluster.start();
    const publisher = await cluster.publish();
    beginStream(publisher);
    for (let ms = 20; ms <= 200; ms += 20) publisher.send('audio', ms, bodies.aac());
    const players = [await cluster.play(), await cluster.play(), await cluster.play()];
    const workers = new Set([publisher, ...players].map((peer) => cluster.workerOfPeer(peer)));
    assert.deepEqual(workers, new Set([1, 2]));
    const second = await cluster.publish();
    assert.deepEqual(second.codes, ['NetStream.Publish.BadName']);
    const absent = cluster.playLater('/live/nothing');
    await until(() => cluster.sessions.length >= 5, 'all are there');
    const families = await scrapeUntil(
      cluster,
      (now) =>
        packets(now, 'audio') === 10 &&
        valueOf(now, 'nms_workers') === 2 &&
        now.get('nms_publish_refusals_total')?.samples.length === 1,
      'what the workers counted',
    );
    const value = (name: string, labels = {}) => valueOf(families, name, labels);
    assert.equal(packets(families, 'video'), 1);
    assert.equal(value('nms_publishes_started_total'), 1);
    assert.equal(value('nms_plays_started_total'), 3);
    assert.equal(value('nms_publish_refusals_total', { code: 'NMS_BUSY' }), 1);
    assert.equal(value('nms_sessions_started_total'), 6);
    assert.equal(value('nms_workers'), 2);
    assert.equal(value('nms_ready'), 1);
    assert.equal(value('nms_streams', { status: 'publishing' }), 1);
    for (const worker of ['primary', '1', '2']) {
      assert.ok(value('nms_process_memory_bytes', { worker, kind: 'rss' }) > 10_000_000, worker);
      assert.ok(value('nms_process_start_time_seconds', { worker }) > 1.7e9, worker);
    }
    assert.ok(value('nms_gop_bytes', { worker: '1' }) > 0 && value('nms_gop_bytes', { worker: '2' }) > 0);
    assert.equal(value('nms_gop_bytes', { worker: 'primary' }), 0);
    assert.ok(value('nms_bytes_sent_total', { protocol: 'rtmp' }) > 0);
    absent.socket.destroy();
    for (const peer of players) peer.leave();
    await until(() => cluster.sessions.every(({ role }) => role !== 'player'), 'the players have left');
    const later = await scrapeUntil(cluster, (now) => valueOf(now, 'nms_sessions_ended_total') >= 4, 'their end');
    assertGrown(families, later);
  });

  test('statistics of a stream reach the primary within moments, and go with it', async () => {
    await using cluster = await Cluster.start();
    const publisher = await cluster.publish();
    beginStream(publisher);
    const stream = () => cluster.context.streams.get('/live/a');
    await until(() => stream()?.statistics?.tracks.length === 1, 'statistics');
    publisher.send('audio', 40, bodies.aac());
    publisher.send('video', 2000, bodies.key('second'));
    await until(() => stream()?.statistics?.tracks.length === 2, 'both tracks');
    const video = stream()?.statistics?.tracks.find(({ kind }) => kind === 'video');
    assert.deepEqual([video?.packets, video?.keyframes, video?.keyframeIntervalMs], [2, 2, 2000]);
    const age = Date.now() - (stream()?.statistics?.at ?? 0);
    assert.ok(age < 2_500, `${age} ms old`);
    publisher.leave();
    await until(() => stream() === undefined, 'the end');
  });

  test('what a dead worker has counted stays, and the server is not ready until another serves', async () => {
    await using cluster = await Cluster.start();
    const publisher = await cluster.publish();
    const worker = cluster.workerOfPeer(publisher);
    beginStream(publisher);
    const before = await scrapeUntil(cluster, (now) => packets(now, 'video') === 1, 'the first worker’s count');
    const pid = cluster.pidOf(worker);
    const serves = () => cluster.context.obstacles.flatMap((read) => read());
    assert.deepEqual(serves(), []);
    process.kill(pid, 'SIGKILL');
    await until(() => serves().length > 0, 'the death is known');
    assert.deepEqual(serves(), [`worker ${worker} does not serve`]);
    const ready = await ask(cluster.port('http'), '/ready');
    assert.deepEqual([ready.status, JSON.parse(ready.text).reasons], [503, [`worker ${worker} does not serve`]]);
    assert.equal((await ask(cluster.port('http'), '/health')).status, 200);
    await until(() => serves().length === 0, 'another serves');
    assert.equal((await ask(cluster.port('http'), '/ready')).status, 200);
    const again = await cluster.publish('/live/b');
    beginStream(again);
    const after = await scrapeUntil(cluster, (now) => packets(now, 'video') === 2, 'both counts');
    assert.equal(valueOf(after, 'nms_worker_deaths_total'), 1);
    assert.equal(valueOf(after, 'nms_sessions_ended_total', { code: 'NMS_CONNECTION' }), 1);
    for (const name of ['nms_media_bytes_total', 'nms_bytes_received_total', 'nms_sessions_started_total']) {
      assert.ok(valueOf(after, name) >= valueOf(before, name), name);
    }
  });
});
