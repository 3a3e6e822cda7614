import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { GopCache, type GopLimits, PACKET_OVERHEAD_BYTES } from '../../../src/core/gop-cache.ts';
import { PacketRow } from '../../../src/core/packet-row.ts';
import { AVPacket } from '../../../src/media/packet.ts';
import { fromMillis } from '../../../src/media/time.ts';
import { audio, audioTrack, frame, key, videoTrack } from '../../support/packets.ts';

const usual: GopLimits = { enabled: true, maxBytes: 1_000_000, maxMs: 10_000, audioMs: 1000 };

function labels(packets: readonly AVPacket[]): string[] {
  return packets.map(({ data }) => String(data));
}

describe('the cached group', () => {
  test('begins with the newest keyframe', () => {
    const cache = new GopCache(usual);
    assert.deepEqual({ ...cache.push(frame(0), true) }, { reset: false, kept: false, trimmed: 0 });
    assert.deepEqual({ ...cache.push(key(40), true) }, { reset: true, kept: true, trimmed: 0 });
    cache.push(audio(50), true);
    cache.push(frame(80), true);
    assert.deepEqual(labels(cache.read()), ['<video key 40>', '<audio frame 50>', '<video frame 80>']);
    assert.deepEqual([cache.firstDts, cache.lastDts, cache.size], [40_000, 80_000, 3]);
    cache.push(key(120), true);
    assert.deepEqual(labels(cache.read()), ['<video key 120>']);
  });

  test('is dropped whole when it grows beyond its bytes or its time, until the next keyframe', () => {
    const room = 3 * (PACKET_OVERHEAD_BYTES + 20);
    const small = new GopCache({ ...usual, maxBytes: room });
    for (const packet of [key(0), frame(1), frame(2)]) assert.ok(small.push(packet, true).kept);
    assert.ok(small.bytes <= room);
    assert.deepEqual({ ...small.push(frame(3), true) }, { reset: true, kept: false, trimmed: 0 });
    assert.deepEqual({ ...small.push(frame(4), true) }, { reset: false, kept: false, trimmed: 0 });
    assert.deepEqual([small.size, small.bytes, small.firstDts], [0, 0, -1]);
    assert.ok(small.push(key(5), true).kept);

    const short = new GopCache({ ...usual, maxMs: 100 });
    short.push(key(0), true);
    assert.ok(short.push(frame(100), true).kept);
    assert.ok(short.push(frame(101), true).reset);
  });

  test('of a stream without video is its last moment', () => {
    const cache = new GopCache({ ...usual, audioMs: 100 });
    for (let ms = 0; ms < 5000; ms += 20) cache.push(audio(ms), false);
    assert.deepEqual(
      cache.read().map(({ dts }) => dts / 1000),
      [4880, 4900, 4920, 4940, 4960, 4980],
    );
    assert.deepEqual({ ...cache.push(audio(5000), false) }, { reset: false, kept: true, trimmed: 1 });
    assert.equal(
      cache.bytes,
      cache.read().reduce((sum, { data }) => sum + data.length + PACKET_OVERHEAD_BYTES, 0),
    );
  });

  test('begins anew when the stream turns out to have video', () => {
    const cache = new GopCache(usual);
    cache.push(audio(0), false);
    assert.ok(cache.push(audio(20), true).reset);
    assert.equal(cache.size, 0);
  });

  test('copies: what came in may be used again, what was read stays', () => {
    const bytes = Buffer.from('first');
    const packet = new AVPacket(videoTrack, 'key', fromMillis(0), fromMillis(0), bytes.subarray(1), bytes);
    const cache = new GopCache(usual);
    cache.push(packet, true);
    bytes.fill(0);
    const [read] = cache.read();
    assert.deepEqual([String(read!.data), String(read!.origin)], ['irst', 'first']);
    cache.push(key(40, 'second'), true);
    assert.equal(String(read!.origin), 'first');
  });
});

describe('a row of packets', () => {
  test('gives back what was pushed, whatever was pushed and shifted', () => {
    const message = fc.uint8Array({ maxLength: 3000 });
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ message, tracks: fc.integer({ min: 1, max: 3 }), hasOrigin: fc.boolean() }) },
      { weight: 4, arbitrary: fc.constant('shift' as const) },
      { weight: 1, arbitrary: fc.constant('clear' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const row = new PacketRow();
        let expected: AVPacket[] = [];
        let ms = 0;
        for (const one of steps) {
          if (one === 'shift') {
            row.shift();
            expected.shift();
          } else if (one === 'clear') {
            row.clear();
            expected = [];
          } else {
            const origin = Buffer.from(one.message);
            for (let track = 0; track < (one.hasOrigin ? one.tracks : 1); track++) {
              const data = origin.subarray(Math.floor((origin.length * track) / 4));
              const at = fromMillis(ms++);
              const packet = new AVPacket(audioTrack, 'frame', at, at, data, one.hasOrigin ? origin : null);
              row.push(packet);
              expected.push(packet);
            }
          }
        }
        assert.deepEqual(row.read(), expected);
        assert.equal(row.size, expected.length);
        assert.equal(row.firstDts, expected[0]?.dts ?? -1);
        assert.equal(row.lastDts, expected.at(-1)?.dts ?? -1);
      }),
      { numRuns: 200 },
    );
  });

  test('packets of one message share it, in the row and when read', () => {
    const origin = Buffer.from('shared message');
    const part = (from: number) =>
      new AVPacket(videoTrack, 'frame', fromMillis(0), fromMillis(0), origin.subarray(from), origin);
    const row = new PacketRow();
    for (const from of [0, 7]) row.push(part(from));
    assert.equal(row.bytes, origin.length);
    const [first, second] = row.read();
    assert.equal(first!.origin, second!.origin);
    assert.equal(String(second!.data), 'message');
  });

  test('of a steady stream needs no more memory after an hour than after a second', () => {
    const row = new PacketRow();
    const packet = audio(0, 'x'.repeat(300));
    for (let i = 0; i < 50; i++) row.push(packet);
    const before = row.capacity;
    for (let i = 0; i < 100_000; i++) {
      row.push(packet);
      row.shift();
    }
    assert.equal(row.capacity, before);
  });
});
