import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EndError } from '../../src/errors.ts';
import { type Clip, loadClip, testClip } from '../../src/tools/clip.ts';
import { Ending } from '../../src/tools/ending.ts';
import { feedClip } from '../../src/tools/feed.ts';
import type { Outlet } from '../../src/tools/outlet.ts';
import { PublishReport } from '../../src/tools/publish-report.ts';
import type { ToolOptions } from '../../src/tools/tool-options.ts';
import { readStamp } from '../../src/tools/wall-clock.ts';
import { until } from '../support/wait.ts';

/** Keeps what it is sent. */
class FakeOutlet implements Outlet {
  readonly ending = new Ending();
  readonly sent: { kind: string; timestampMs: number; body: Buffer }[] = [];
  waiting = 0;
  /** How often it was asked what waits. */
  asked = 0;

  get pending(): number {
    this.asked++;
    return this.waiting;
  }

  send(kind: string, timestampMs: number, body: Buffer): void {
    this.sent.push({ kind, timestampMs, body });
  }

  async finish(): Promise<void> {}
}

describe('the feed of a publisher', () => {
  const start = async (outlet: Outlet, more: Partial<ToolOptions> = {}) => {
    const clip = await loadClip(testClip);
    const controller = new AbortController();
    const options = { signal: controller.signal, print: () => {}, ...more };
    const done = feedClip(outlet, clip, options, new PublishReport(options));
    return { clip, done, controller };
  };
  const timeline = (clip: Clip, count: number) =>
    [...clip.headers, ...clip.media].slice(0, count).map(({ kind, timestampMs }) => [kind, timestampMs]);

  test('sends the clip in its order and stamps video frames, and nothing else', async () => {
    const outlet = new FakeOutlet();
    const { clip, done, controller } = await start(outlet);
    await until(() => outlet.sent.length >= 12, 'twelve bodies');
    controller.abort();
    await done;
    const { sent } = outlet;
    assert.deepEqual(
      sent.map(({ kind, timestampMs }) => [kind, timestampMs]),
      timeline(clip, sent.length),
    );
    for (const [index, { kind, body }] of sent.entries()) {
      const original = [...clip.headers, ...clip.media][index]!.body;
      const isFrame = kind === 'video' && index >= clip.headers.length;
      if (!isFrame) assert.deepEqual(body, original);
      else assert.ok(Math.abs(readStamp(body.subarray(5))! - Date.now()) < 60_000);
    }
  });

  test('waits for a slow network, and leaves nothing out', async () => {
    const outlet = new FakeOutlet();
    outlet.waiting = 2 * 1024 * 1024;
    const { clip, done, controller } = await start(outlet);
    await until(() => outlet.asked >= 6, 'a few looks');
    assert.equal(outlet.sent.length, 0);
    outlet.waiting = 0;
    await until(() => outlet.sent.length >= 8, 'eight bodies');
    controller.abort();
    await done;
    const { sent } = outlet;
    assert.deepEqual(
      sent.map(({ kind, timestampMs }) => [kind, timestampMs]),
      timeline(clip, sent.length),
    );
  });

  test('ends with its connection', async () => {
    const outlet = new FakeOutlet();
    const { done } = await start(outlet);
    await until(() => outlet.sent.length > 0, 'the first body');
    outlet.ending.because(new EndError('over'));
    await done;
    assert.equal(outlet.ending.reason?.message, 'over');
  });

  test('ends after its seconds', async () => {
    const outlet = new FakeOutlet();
    const { done } = await start(outlet, { seconds: 0.1 });
    await done;
    assert.ok(outlet.sent.every(({ timestampMs }) => timestampMs < 100));
    assert.ok(outlet.sent.length >= 3);
  });
});
