import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Counters } from '../../../src/core/counters.ts';
import { StreamMeter } from '../../../src/core/stream-meter.ts';
import type { TrackStatistics } from '../../../src/core/stream-statistics.ts';
import { AVPacket, type Track } from '../../../src/media/packet.ts';
import { fromMillis, type Micros } from '../../../src/media/time.ts';
import { audioTrack, videoTrack } from '../../support/packets.ts';

const NOTHING = { timestampJumps: 0, gopBytes: 0 };

/** A meter on a clock of its own that samples once a second, as the ticker does. */
class Lab {
  readonly counters = new Counters();
  readonly meter = new StreamMeter(this.counters);
  now = 50_000;
  #nextSample = 51_000;

  /** Lets the time go on to `at`, with a sample each second on the way. */
  goTo(at: number): void {
    while (this.#nextSample <= at) {
      this.meter.sample(this.#nextSample, 1_000_000 + this.#nextSample, NOTHING);
      this.#nextSample += 1000;
    }
    this.now = at;
  }

  put(track: Track, type: 'key' | 'frame', dts: number, options: { bytes?: number; reorder?: number } = {}): void {
    const { bytes = 100, reorder = 0 } = options;
    const at = fromMillis(dts);
    const data = Buffer.alloc(bytes);
    this.meter.add(new AVPacket(track, type, at, (at + fromMillis(reorder)) as Micros, data, data), this.now);
  }

  /** Video of 25 frames a second and audio of 50 packets; `arrive` says when what was made at a time comes. */
  run(seconds: number, options: { gopMs?: number; skewMs?: number; arrive?: (ms: number) => number } = {}): void {
    const { gopMs = 2000, skewMs = 0, arrive = (ms: number) => ms } = options;
    for (let ms = 0; ms < seconds * 1000; ms += 20) {
      this.goTo(50_000 + arrive(ms));
      this.put(audioTrack, 'frame', ms + skewMs, { bytes: 50 });
      if (ms % 40 === 0) this.put(videoTrack, ms % gopMs === 0 ? 'key' : 'frame', ms, { bytes: 1000 });
    }
    this.goTo(this.now + 1000);
  }

  track(kind: 'video' | 'audio', id = 0): TrackStatistics {
    const found = this.meter.statistics?.tracks.find((track) => track.kind === kind && track.id === id);
    assert.ok(found, `no statistics of ${kind} ${id}`);
    return found;
  }
}

describe('the statistics of a stream', () => {
  test('nothing is known before the first sample, and of a stream without media there is nothing to tell', () => {
    const lab = new Lab();
    assert.equal(lab.meter.statistics, null);
    lab.goTo(51_000);
    assert.deepEqual(lab.meter.statistics, {
      at: 1_051_000,
      tracks: [],
      avSkewMs: 0,
      timestampJumps: 0,
      mediaPerSecond: 0,
      gopBytes: 0,
    });
  });

  test('packets, bytes, bitrate and frame rate are those of the last seconds', () => {
    const lab = new Lab();
    lab.run(10);
    const video = lab.track('video');
    assert.equal(video.packets, 250);
    assert.equal(video.bytes, 250_000);
    assert.ok(Math.abs(video.bitrate - 200_000) <= 4_000, `${video.bitrate} bit/s`);
    assert.ok(Math.abs(video.frameRate - 25) <= 0.5, `${video.frameRate} frames/s`);
    const audio = lab.track('audio');
    assert.equal(audio.packets, 500);
    assert.ok(Math.abs(audio.bitrate - 20_000) <= 400, `${audio.bitrate} bit/s`);
    assert.equal(audio.keyframes, 0);
  });

  test('rates go to 0 when nothing comes any more, and the silence grows', () => {
    const lab = new Lab();
    lab.run(10);
    lab.goTo(lab.now + 6_000);
    const video = lab.track('video');
    assert.equal(video.bitrate, 0);
    assert.equal(video.frameRate, 0);
    assert.ok(video.silentMs >= 6_000 && video.silentMs <= 7_100, `${video.silentMs} ms`);
    assert.equal(lab.meter.statistics?.mediaPerSecond, 0);
  });

  test('the keyframe interval is that of the last two, on the clock of the media', () => {
    const lab = new Lab();
    lab.run(1);
    assert.equal(lab.track('video').keyframeIntervalMs, 0);
    assert.equal(lab.track('video').keyframes, 1);
    assert.equal(lab.track('video').sinceKeyframeMs, 960);
    const longer = new Lab();
    longer.run(25, { gopMs: 10_000, arrive: (ms) => ms * 2 });
    assert.equal(longer.track('video').keyframeIntervalMs, 10_000);
    assert.equal(longer.track('video').sinceKeyframeMs, 4_960);
    assert.equal(longer.track('video').keyframes, 3);
  });

  test('before the first keyframe the time since the first frame counts', () => {
    const lab = new Lab();
    for (let ms = 0; ms <= 3000; ms += 40) {
      lab.goTo(50_000 + ms);
      lab.put(videoTrack, 'frame', ms);
    }
    lab.goTo(54_000);
    assert.equal(lab.track('video').keyframes, 0);
    assert.equal(lab.track('video').sinceKeyframeMs, 3000);
  });

  test('the largest reorder is forgotten with its window', () => {
    const lab = new Lab();
    lab.put(videoTrack, 'key', 0, { reorder: 80 });
    lab.goTo(51_000);
    assert.equal(lab.track('video').maxReorderMs, 80);
    for (let second = 1; second <= 4; second++) {
      lab.put(videoTrack, 'frame', second * 1000, { reorder: 40 });
      lab.goTo(51_000 + second * 1000);
    }
    assert.equal(lab.track('video').maxReorderMs, 80);
    lab.put(videoTrack, 'frame', 5000, { reorder: 40 });
    lab.goTo(56_000);
    assert.equal(lab.track('video').maxReorderMs, 40);
  });

  test('sound that is ahead in its timestamps shows as skew, and picture that is ahead as a negative one', () => {
    for (const skewMs of [700, -450, 0]) {
      const lab = new Lab();
      lab.run(10, { skewMs });
      assert.equal(lab.meter.statistics?.avSkewMs, skewMs);
    }
  });

  test('a network that delivers in bursts makes no skew', () => {
    const lab = new Lab();
    lab.run(12, { arrive: (ms) => Math.ceil(ms / 800) * 800 });
    assert.equal(lab.meter.statistics?.avSkewMs, 0);
  });

  test('sound that an encoder holds back until the next of few pictures is no skew', () => {
    const lab = new Lab();
    for (let second = 0; second < 10; second++) {
      lab.goTo(50_000 + second * 1000);
      for (let ms = 980; ms >= 0; ms -= 20) lab.put(audioTrack, 'frame', second * 1000 - ms);
      lab.put(videoTrack, 'key', second * 1000);
    }
    lab.goTo(60_000);
    assert.equal(lab.meter.statistics?.avSkewMs, 0);
  });

  test('a stream without sound has no skew', () => {
    const lab = new Lab();
    lab.put(videoTrack, 'key', 0);
    lab.goTo(52_000);
    assert.equal(lab.meter.statistics?.avSkewMs, 0);
  });

  test('media per second is 1000 in real time and less when it comes slower', () => {
    const real = new Lab();
    real.run(10);
    assert.ok(Math.abs((real.meter.statistics?.mediaPerSecond ?? 0) - 1000) <= 5);
    const slow = new Lab();
    slow.run(6, { arrive: (ms) => ms * 2 });
    assert.ok(Math.abs((slow.meter.statistics?.mediaPerSecond ?? 0) - 500) <= 5);
  });

  test('one frame a second is real time, wherever the samples fall', () => {
    const lab = new Lab();
    for (let ms = 0; ms < 60_000; ms += 1000) {
      lab.goTo(50_000 + ms * 1.0005);
      lab.put(videoTrack, 'key', ms);
      if (ms < 8000) continue;
      const found = lab.meter.statistics?.mediaPerSecond ?? 0;
      assert.ok(Math.abs(found - 1000) <= 5, `${found} after ${ms} ms`);
    }
  });

  test('several tracks of a kind are counted apart, and a new header is no new track', () => {
    const lab = new Lab();
    lab.put(videoTrack, 'key', 0);
    lab.put({ ...videoTrack, id: 1 }, 'key', 0, { bytes: 7 });
    lab.put({ ...videoTrack, config: Buffer.from('new') }, 'key', 40);
    lab.goTo(51_000);
    assert.equal(lab.track('video').packets, 2);
    assert.equal(lab.track('video', 1).bytes, 7);
    assert.equal(lab.meter.statistics?.tracks.length, 2);
  });

  test('the counters are told of every packet once, the last ones at the end', () => {
    const lab = new Lab();
    lab.put(videoTrack, 'key', 0, { bytes: 10 });
    lab.put({ ...videoTrack, id: 1 }, 'key', 0, { bytes: 5 });
    lab.goTo(51_000);
    lab.goTo(53_000);
    assert.equal(lab.counters.get('media_packets', 'video'), 2);
    lab.put(audioTrack, 'frame', 0, { bytes: 3 });
    lab.meter.end();
    assert.equal(lab.counters.get('media_packets', 'video'), 2);
    assert.equal(lab.counters.get('media_bytes', 'video'), 15);
    assert.equal(lab.counters.get('media_packets', 'audio'), 1);
    assert.equal(lab.counters.get('media_bytes', 'audio'), 3);
  });
});
