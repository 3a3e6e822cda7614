import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { BroadcastServer } from '../../../../src/core/broadcast-server.ts';
import { Buckets } from '../../../../src/core/buckets.ts';
import type { Context } from '../../../../src/core/context.ts';
import { counterTable, listMetrics, measuredTable } from '../../../../src/core/metric-table.ts';
import type { Recording } from '../../../../src/core/recorder.ts';
import type { Advice } from '../../../../src/core/stream-statistics.ts';
import { EndError } from '../../../../src/errors.ts';
import { MetricsPage } from '../../../../src/servers/metrics/metrics-page.ts';
import { counterSamples, stateSamples } from '../../../../src/servers/metrics/samples.ts';
import { FakeSession, makeContext } from '../../../support/house.ts';
import { assertGrown, readPrometheus, valueOf } from '../../../support/prometheus.ts';

const NOTHING = { samples: [], distributions: [] };
const root = resolve(import.meta.dirname, '../../../../src');

describe('the page of metrics', () => {
  test('has every metric of the table, once, with its help', async () => {
    const families = readPrometheus(await new MetricsPage().write(NOTHING));
    const metrics = listMetrics();
    assert.ok(metrics.length > 40);
    assert.deepEqual(
      [...families.values()].map(({ name, type }) => `${name} ${type}`),
      metrics.map(({ name, type }) => `${name} ${type}`),
    );
    for (const { help } of families.values()) assert.doesNotMatch(help, /[`\]]/);
  });

  test('escapes what a label may hold', async () => {
    const value = 'a "quoted" \\ text\nof two lines';
    const samples = [{ name: 'nms_build_info', labels: { version: value, node: '1' }, value: 1 }];
    const families = readPrometheus(await new MetricsPage().write({ samples, distributions: [] }));
    assert.equal(valueOf(families, 'nms_build_info', { version: value }), 1);
  });

  test('adds buckets up and says times in seconds', async () => {
    const buckets = new Buckets([1, 250]);
    for (const ms of [0.5, 100, 200, 5000]) buckets.add(ms);
    const distributions = [{ name: 'nms_flush_pass_seconds', labels: { worker: '1' }, buckets: buckets.read() }];
    const families = readPrometheus(await new MetricsPage().write({ samples: [], distributions }));
    const at = (le: string) => valueOf(families, 'nms_flush_pass_seconds_bucket', { le });
    assert.deepEqual(['0.001', '0.25', '+Inf'].map(at), [1, 3, 4]);
    assert.equal(valueOf(families, 'nms_flush_pass_seconds_sum'), 5.3005);
  });

  test('refuses a value that the table does not know', () => {
    const samples = [{ name: 'nms_other', labels: {}, value: 1 }];
    assert.throws(() => new MetricsPage().write({ samples, distributions: [] }), /nms_other is not in the table/);
  });
});

describe('what is counted', () => {
  const write = async (context: ReturnType<typeof makeContext>) => {
    const samples = [...counterSamples(context), ...stateSamples(context, true)];
    return readPrometheus(await new MetricsPage().write({ samples, distributions: [] }));
  };

  test('is there from the start where its values are known', async () => {
    const families = await write(makeContext());
    assert.equal(valueOf(families, 'nms_worker_deaths_total'), 0);
    for (const cause of ['behind', 'early', 'limits', 'unknown']) {
      assert.equal(valueOf(families, 'nms_frames_dropped_total', { cause }), 0);
    }
    assert.equal(families.get('nms_bytes_sent_total')?.samples.length, 6);
    assert.equal(families.get('nms_sessions')?.samples.length, 18);
  });

  test('holds the bytes of sessions that are open, and never falls when they end', async () => {
    const context = makeContext();
    const session = new FakeSession(context);
    session.inBytes = 700;
    session.outBytes = 30;
    session.droppedFrames = 2;
    const before = await write(context);
    assert.equal(valueOf(before, 'nms_bytes_received_total', { protocol: 'rtmp' }), 700);
    assert.equal(valueOf(before, 'nms_bytes_sent_total'), 30);
    assert.equal(valueOf(before, 'nms_frames_dropped_total', { cause: 'behind' }), 2);
    assert.equal(valueOf(before, 'nms_sessions', { protocol: 'rtmp', role: 'idle' }), 1);
    context.counters.count('bytes_received', 'rtmp', 700);
    context.counters.count('bytes_sent', 'rtmp', 30);
    context.counters.count('frames_dropped', 'behind', 2);
    session.close();
    const after = await write(context);
    assertGrown(before, after);
    assert.equal(valueOf(after, 'nms_bytes_received_total'), 700);
    assert.equal(valueOf(after, 'nms_sessions'), 0);
  });

  test('shows recordings, advice by its worst, and what others measure', async () => {
    const context = makeContext();
    for (const path of ['/live/a', '/live/b'] as const) {
      await BroadcastServer.of(context, path).postPublish(new FakeSession(context, path));
    }
    const recording = { size: 1234 } as Recording;
    context.recorder = {
      current: (streamPath: string) => (streamPath === '/live/a' ? recording : null),
    } as Context['recorder'];
    const advice = (severity: Advice['severity']) => ({ code: 'a', severity, message: '', since: 0 });
    context.advice.set('/live/a', [advice('info'), advice('problem'), advice('warning')]);
    context.advice.set('/live/b', [advice('info')]);
    context.gauges.set('webhook_outbox_calls', () => 7);
    const families = await write(context);
    assert.equal(valueOf(families, 'nms_streams', { status: 'publishing' }), 2);
    assert.equal(valueOf(families, 'nms_recordings'), 1);
    assert.equal(valueOf(families, 'nms_recording_bytes'), 1234);
    assert.equal(valueOf(families, 'nms_webhook_outbox_calls'), 7);
    const advised = ['info', 'warning', 'problem'].map((severity) => {
      return valueOf(families, 'nms_streams_advised', { severity });
    });
    assert.deepEqual(advised, [1, 0, 1]);
    for (const broadcast of context.broadcasts.values()) broadcast.publisher?.close(new EndError('over'));
  });

  test('stays readable when something is counted that the table does not have', async () => {
    const context = makeContext();
    context.counters.count('of_an_embedder');
    assert.equal((await write(context)).has('nms_of_an_embedder_total'), false);
  });
});

describe('the table of metrics', () => {
  const sources = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  const matches = (pattern: RegExp) =>
    new Set(sources.flatMap((source) => [...source.matchAll(pattern)].map(([, name]) => name!)));

  test('has everything that is counted, and nothing else', () => {
    const counted = matches(/counters\.count\(\s*'([a-z_]+)'/g);
    // Named where they are handed on.
    for (const name of matches(/#admitted\(\w+, '([a-z_]+)'/g)) counted.add(name);
    assert.deepEqual([...counted].sort(), Object.keys(counterTable).sort());
  });

  test('has everything that is measured when it is asked for, and nothing else', () => {
    assert.deepEqual([...matches(/gauges\.set\('([a-z_]+)'/g)].sort(), Object.keys(measuredTable).sort());
  });

  test('has bounded labels: none names a stream, a session or an address', () => {
    const labels = new Set(listMetrics().flatMap((metric) => Object.keys(metric.labels)));
    const allowed = ['version', 'node', 'status', 'severity', 'protocol', 'role', 'worker', 'gear', 'stat', 'kind'];
    assert.deepEqual([...labels].sort(), [...allowed, 'code', 'cause', 'reason', 'result'].sort());
  });
});
