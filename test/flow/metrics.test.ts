import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { listMetrics } from '../../src/core/metric-table.ts';
import { bodies } from '../support/media.ts';
import { assertGrown, type PrometheusFamily, readPrometheus, valueOf } from '../support/prometheus.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { ask, RawClient } from '../support/web.ts';

const assets = resolve(import.meta.dirname, '../../assets');
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

async function scrape(running: RunningServer): Promise<Map<string, PrometheusFamily>> {
  const reply = await ask(running.port('http'), '/metrics');
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.headers['content-type'], CONTENT_TYPE);
  return readPrometheus(reply.text);
}

describe('the metrics of a server', () => {
  let running: RunningServer;
  let publisher: RtmpPeer;
  let first: Map<string, PrometheusFamily>;
  const port = () => running.port('rtmp');

  before(async () => {
    running = await startServer({ metrics: { token: '' } });
    publisher = await new RtmpPeer('publish', '/live/a', { port: port() }).started();
    publisher.send('data', 0, bodies.metadata);
    publisher.send('audio', 0, bodies.aacConfig);
    publisher.send('video', 0, bodies.avcConfig);
    publisher.send('video', 0, bodies.key());
    for (let ms = 20; ms <= 400; ms += 20) publisher.send('audio', ms, bodies.aac());
    const player = await new RtmpPeer('play', '/live/a', { port: port() }).started();
    const viewer = RawClient.open(running.port('http'), 'GET /live/a.flv HTTP/1.1', 'Host: x');
    await viewer.answered();
    publisher.send('video', 420, bodies.inter('live'));
    await until(() => player.packets.some(({ data }) => data.includes('live')), 'live media');
    await until(
      () => running.server.context.streams.get('/live/a')?.statistics?.tracks[0]?.packets === 2,
      'statistics',
    );
    const refused = await new RtmpPeer('publish', '/live/a', { port: port() }).started();
    await until(() => refused.isClosed || refused.has('failed'), 'the refusal');
    refused.socket.destroy();
    viewer.socket.destroy();
    const { sessions } = running.server.context;
    await until(() => sessions.size === 2, 'two have left');
    first = await scrape(running);
  });

  after(() => running[Symbol.asyncDispose]());

  test('are what has happened', () => {
    const value = (name: string, labels = {}) => valueOf(first, name, labels);
    assert.equal(value('nms_streams', { status: 'publishing' }), 1);
    assert.equal(value('nms_sessions', { protocol: 'rtmp', role: 'publisher' }), 1);
    assert.equal(value('nms_sessions', { protocol: 'rtmp', role: 'player' }), 1);
    assert.equal(value('nms_sessions', { protocol: 'http-flv' }), 0);
    assert.equal(value('nms_sessions_started_total', { protocol: 'rtmp' }), 3);
    assert.equal(value('nms_sessions_started_total', { protocol: 'http-flv' }), 1);
    assert.equal(value('nms_publishes_started_total', { protocol: 'rtmp' }), 1);
    assert.equal(value('nms_plays_started_total'), 2);
    assert.equal(value('nms_publish_refusals_total', { code: 'NMS_BUSY' }), 1);
    assert.equal(value('nms_publish_refusals_total'), 1);
    assert.equal(value('nms_sessions_ended_total'), 2);
    assert.equal(value('nms_media_packets_total', { kind: 'video' }), 2);
    assert.equal(value('nms_media_packets_total', { kind: 'audio' }), 20);
    assert.equal(value('nms_media_bytes_total', { kind: 'audio' }), 20);
    assert.ok(value('nms_bytes_sent_total', { protocol: 'http-flv' }) > 100);
    assert.ok(value('nms_bytes_received_total', { protocol: 'rtmp' }) > 3000);
    assert.equal(value('nms_ready'), 1);
    assert.equal(value('nms_workers'), 0);
    assert.ok(value('nms_gop_bytes', { worker: 'primary' }) > 0);
    assert.equal(value('nms_feeds'), 1);
    assert.ok(value('nms_flush_pass_seconds_count', { worker: 'primary' }) > 0);
    assert.equal(value('nms_flush_pass_seconds_count'), value('nms_flush_delay_seconds_count'));
    assert.ok(value('nms_process_memory_bytes', { kind: 'rss' }) > 10_000_000);
    assert.ok(value('nms_process_cpu_seconds_total') > 0);
  });

  test('never fall from one scrape to the next, also when sessions end', async () => {
    publisher.send('video', 440, bodies.inter());
    const leaver = await new RtmpPeer('play', '/live/a', { port: port() }).started();
    leaver.leave();
    await until(() => running.server.context.sessions.size === 2, 'he has left');
    const second = await scrape(running);
    assertGrown(first, second);
    assert.equal(valueOf(second, 'nms_sessions_ended_total'), 3);
  });

  test('name no stream, no session and no address', async () => {
    const { text } = await ask(running.port('http'), '/metrics');
    assert.doesNotMatch(text, /\/live|127\.0\.0\.1/);
    for (const { id } of running.server.context.sessions.values()) assert.equal(text.includes(id), false);
  });

  test('answer GET and HEAD at their address and nothing else', async () => {
    const http = running.port('http');
    for (const path of ['/metrics', '/health', '/ready']) {
      const got = await ask(http, path);
      const head = await ask(http, path, { method: 'HEAD' });
      assert.deepEqual([got.status, head.status, head.text], [200, 200, ''], path);
      assert.equal(got.headers['cache-control'], 'no-store');
      assert.equal((await ask(http, `${path}?a=1`)).status, 200);
      const posted = await ask(http, path, { method: 'POST' });
      assert.deepEqual([posted.status, posted.headers.allow], [405, 'GET, HEAD']);
      assert.equal((await ask(http, `${path}/more`)).status, 404);
    }
  });

  test('leave streams of an app of the same name alone', async () => {
    const other = await new RtmpPeer('publish', '/metrics/a', { port: port() }).started();
    other.send('video', 0, bodies.avcConfig);
    other.send('video', 0, bodies.key());
    const viewer = await RawClient.open(running.port('http'), 'GET /metrics/a.flv HTTP/1.1', 'Host: x').answered();
    assert.equal(viewer.status, 200);
    assert.equal(viewer.header('content-type'), 'video/x-flv');
    viewer.socket.destroy();
    other.leave();
  });

  test('say that a stream is alive and the server ready', async () => {
    const http = running.port('http');
    assert.deepEqual(JSON.parse((await ask(http, '/health')).text), { status: 'ok' });
    assert.deepEqual(JSON.parse((await ask(http, '/ready')).text), { status: 'ready' });
    running.server.context.obstacles.push(() => ['a test is in the way']);
    const reply = await ask(http, '/ready');
    running.server.context.obstacles.pop();
    assert.equal(reply.status, 503);
    assert.deepEqual(JSON.parse(reply.text), { status: 'not ready', reasons: ['a test is in the way'] });
  });

  describe('and what is made for them', () => {
    const known = () => new Map(listMetrics().map((metric) => [metric.name, metric]));
    const check = (expr: string) => {
      const names = [...expr.matchAll(/\bnms_[a-z0-9_]+/g)].map(([name]) => name);
      assert.ok(names.length > 0 || expr.includes('up{'), expr);
      const labels = new Set(['instance', 'job', 'le']);
      for (const name of names) {
        const metric = known().get(name) ?? known().get(name.replace(/_bucket$/, ''));
        assert.ok(metric !== undefined && first.has(metric.name), `${name} of ${expr}`);
        if (metric.type === 'counter') assert.match(expr, /rate\(|increase\(/, expr);
        for (const label of Object.keys(metric.labels)) labels.add(label);
      }
      for (const [, list] of expr.matchAll(/by \(([^)]*)\)/g)) {
        for (const label of list!.split(',')) assert.ok(labels.has(label.trim()), `${label} of ${expr}`);
      }
      for (const [, label] of expr.matchAll(/[{,]\s*([a-z_]+)(?:=~|=|!=)"/g)) {
        assert.ok(labels.has(label!), `${label} of ${expr}`);
      }
      assert.equal(expr.split('(').length, expr.split(')').length, expr);
      return labels;
    };

    test('the dashboard asks for nothing that is not there', () => {
      const dashboard = JSON.parse(readFileSync(join(assets, 'grafana/node-media-server.json'), 'utf8'));
      assert.ok(dashboard.schemaVersion >= 38);
      const variables = dashboard.templating.list.map(({ name }: { name: string }) => name);
      assert.deepEqual(variables, ['datasource', 'instance']);
      const panels = dashboard.panels.filter(({ type }: { type: string }) => type !== 'row');
      assert.ok(panels.length > 30);
      const ids = dashboard.panels.map(({ id }: { id: number }) => id);
      assert.equal(new Set(ids).size, ids.length);
      for (const { targets, datasource } of panels) {
        assert.deepEqual(datasource, { type: 'prometheus', uid: '${datasource}' });
        for (const { expr, legendFormat } of targets) {
          assert.match(expr, /instance=~"\$instance"/);
          const labels = check(expr);
          for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) assert.ok(labels.has(label), legendFormat);
        }
      }
    });

    test('the panels lie beside each other', () => {
      const { panels } = JSON.parse(readFileSync(join(assets, 'grafana/node-media-server.json'), 'utf8'));
      const taken = new Set<string>();
      for (const { title, gridPos } of panels) {
        assert.ok(gridPos.x + gridPos.w <= 24, title);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            assert.equal(taken.has(`${x} ${y}`), false, `${title} lies on another`);
            taken.add(`${x} ${y}`);
          }
        }
      }
    });

    test('the alerts ask for nothing that is not there', () => {
      const { groups } = parse(readFileSync(join(assets, 'prometheus/alerts.yml'), 'utf8'));
      const rules = groups.flatMap((group: { rules: object[] }) => group.rules);
      assert.ok(rules.length > 10);
      for (const { alert, expr, annotations, labels } of rules) {
        assert.match(alert, /^Nms[A-Z]\w+$/);
        assert.match(labels.severity, /^(warning|critical)$/);
        assert.ok(annotations.summary.length > 10);
        check(expr);
      }
    });
  });
});

describe('who may ask for metrics', () => {
  test('with a token: who has it', async () => {
    await using running = await startServer({ metrics: { token: 'a-long-token' } });
    const http = running.port('http');
    const withToken = (authorization: string) => ask(http, '/metrics', { headers: { authorization } });
    const refused = await ask(http, '/metrics');
    assert.deepEqual([refused.status, refused.headers['www-authenticate']], [401, 'Bearer']);
    for (const wrong of [
      'Bearer a-long-toke',
      'Bearer a-long-token2',
      'Bearer',
      'Basic a-long-token',
      'a-long-token',
    ]) {
      assert.equal((await withToken(wrong)).status, 401, wrong);
    }
    assert.equal((await ask(http, '/metrics?token=a-long-token')).status, 401);
    assert.equal((await withToken('Bearer a-long-token')).status, 200);
    assert.equal((await withToken('bearer a-long-token')).status, 200);
    assert.equal((await ask(http, '/ready')).status, 200);
    assert.equal(
      running.lines.some(({ fields }) => JSON.stringify(fields).includes('a-long-token')),
      false,
    );
  });

  test('by address, behind a proxy of ours by that of its client', async () => {
    await using elsewhere = await startServer({ metrics: { allow: ['192.0.2.0/24'] } });
    const refused = await ask(elsewhere.port('http'), '/metrics');
    assert.equal(refused.status, 403);
    assert.doesNotMatch(refused.text, /nms_/);
    await using running = await startServer({ trustedProxies: ['127.0.0.1'] });
    const from = (client: string) => ask(running.port('http'), '/metrics', { headers: { 'x-forwarded-for': client } });
    assert.equal((await from('203.0.113.5')).status, 403);
    assert.equal((await from('10.1.2.3')).status, 200);
    assert.equal((await from('fd00::1')).status, 200);
    await using open = await startServer({ trustedProxies: ['127.0.0.1'], metrics: { allow: [] } });
    const reply = await ask(open.port('http'), '/metrics', { headers: { 'x-forwarded-for': '203.0.113.5' } });
    assert.equal(reply.status, 200);
  });

  test('switched off there are none; alive and ready it is all the same', async () => {
    await using running = await startServer({ metrics: { enable: false } });
    assert.equal((await ask(running.port('http'), '/metrics')).status, 404);
    assert.equal((await ask(running.port('http'), '/health')).status, 200);
    assert.equal((await ask(running.port('http'), '/ready')).status, 200);
  });

  test('other rules hold at once when the configuration changes, and nobody is shown the token', async () => {
    await using running = await startServer({ metrics: { token: 'first' } });
    const http = running.port('http');
    const withToken = (token: string) => ask(http, '/metrics', { headers: { authorization: `Bearer ${token}` } });
    assert.equal((await withToken('first')).status, 200);
    const { configuration } = running.server.context;
    const plan = await configuration?.apply({ metrics: { token: 'second' } }, 'a test');
    assert.deepEqual(plan?.changes, [{ key: 'metrics.token', from: null, to: null, effect: 'now' }]);
    assert.deepEqual([(await withToken('first')).status, (await withToken('second')).status], [401, 200]);
    await configuration?.apply({ metrics: { allow: ['192.0.2.1'] } }, 'a test');
    assert.equal((await withToken('second')).status, 403);
    await configuration?.apply({ metrics: { enable: false } }, 'a test');
    assert.equal((await withToken('second')).status, 404);
    assert.doesNotMatch(JSON.stringify(configuration?.describe()), /second/);
  });

  test('while it stops the server says so to who still asks', async () => {
    const running = await startServer();
    const client = await RawClient.open(running.port('http'), 'GET /ready HTTP/1.1', 'Host: x').answered();
    assert.equal(client.status, 200);
    running.server.context.isStopping = true;
    client.received = Buffer.alloc(0);
    client.send('GET /ready HTTP/1.1', 'Host: x');
    await client.answered();
    assert.equal(client.status, 503);
    assert.match(client.body.toString(), /"the server is stopping"/);
    await running.server.stop();
  });

  test('guesses, doors that are full and talk that is no RTMP are counted', async () => {
    const auth = { publish: true, streamKeys: { 'right-key-of-the-stream': '/live/a' } };
    await using running = await startServer({ auth, limits: { maxConnections: 2 } });
    const port = running.port('rtmp');
    const guess = await new RtmpPeer('publish', '/live/a?key=wrong-key-of-the-stream', { port }).started();
    assert.equal(guess.has('failed'), true);
    guess.socket.destroy();
    const { connections } = running.server.context;
    await until(() => connections.total === 0, 'he has left');
    const others = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
    await until(() => connections.total === 2, 'the house is full');
    const tooMany = connect(port, '127.0.0.1');
    await new Promise((resolve) => tooMany.once('close', resolve));
    others[0]!.write('GET / HTTP/1.1\r\n\r\n'.repeat(200));
    await until(() => connections.total < 2, 'the talker is cut');
    const families = await scrape(running);
    assert.equal(valueOf(families, 'nms_credential_failures_total'), 1);
    assert.equal(valueOf(families, 'nms_publish_refusals_total', { code: 'NMS_DENIED' }), 1);
    assert.equal(valueOf(families, 'nms_connections_refused_total', { cause: 'total' }), 1);
    assert.equal(valueOf(families, 'nms_protocol_errors_total', { code: 'NMS_PROTOCOL_HANDSHAKE' }), 1);
    for (const socket of others) socket.destroy();
  });

  test('two servers in one process count each for himself', async () => {
    await using one = await startServer();
    await using two = await startServer();
    await new RtmpPeer('publish', '/live/a', { port: one.port('rtmp') }).started();
    assert.equal(valueOf(await scrape(one), 'nms_publishes_started_total'), 1);
    assert.equal(valueOf(await scrape(two), 'nms_publishes_started_total'), 0);
  });
});
