import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Timeline } from '../../../src/core/timeline.ts';
import { fromMillis, toMillis } from '../../../src/media/time.ts';
import { audio, frame, key, packet } from '../../support/packets.ts';

const make = (timestamps: 'keep' | 'zero' = 'keep') => new Timeline({ maxJumpMs: 5000, timestamps });
const place = (timeline: Timeline, ...packets: Parameters<Timeline['place']>[0][]) =>
  packets.map((one) => toMillis(timeline.place(one)));

describe('the timeline of a stream', () => {
  test('keeps the publisher’s own timestamps', () => {
    assert.deepEqual(
      place(make(), key(20_000_000), audio(20_000_005), frame(20_000_040)),
      [20_000_000, 20_000_005, 20_000_040],
    );
  });

  test('starts at zero when asked to, with one offset for sound and picture', () => {
    assert.deepEqual(place(make('zero'), key(5000), audio(5013), frame(5040), audio(5036)), [0, 13, 40, 36]);
  });

  test('never steps backwards within a track', () => {
    assert.deepEqual(place(make(), key(100), frame(140), frame(120), frame(180)), [100, 140, 140, 180]);
  });

  test('puts headers with stale stamps where the media is', () => {
    const timeline = make();
    place(timeline, key(90_000), frame(90_040));
    assert.deepEqual(
      place(timeline, packet('config', 'video', 0), packet('end', 'video', 0), frame(90_080)),
      [90_040, 90_040, 90_080],
    );
  });

  test('goes on after a publisher who starts again at zero, sound and picture shifted alike', () => {
    const timeline = make();
    place(timeline, key(10_000), audio(10_000), frame(10_040), audio(10_023));
    timeline.renew();
    assert.deepEqual(place(timeline, key(0), audio(7), frame(40), audio(30)), [10_080, 10_087, 10_120, 10_110]);
  });

  test('goes on one frame behind the last of the same track, not behind the longest frame of all', () => {
    const timeline = make();
    place(timeline, key(0), audio(0), audio(23), frame(40), audio(46));
    timeline.renew();
    assert.deepEqual(place(timeline, audio(0), key(23)), [69, 92]);
    place(timeline, audio(23), frame(63), audio(46));
    timeline.renew();
    assert.deepEqual(place(timeline, key(5), audio(5)), [172, 172]);
  });

  test('goes on behind the track that is ahead, so that no track steps back', () => {
    const timeline = make();
    place(timeline, key(0), frame(40), audio(0), audio(400));
    timeline.renew();
    assert.deepEqual(place(timeline, key(0), audio(0)), [400, 400]);
  });

  test('tells what comes before the picture of a publisher who goes on, for ten seconds of his time', () => {
    const timeline = make();
    assert.equal(timeline.isEarly(audio(0), true), false, 'nobody saw anything yet');
    place(timeline, key(0), audio(0));
    assert.equal(timeline.isEarly(frame(40), true), false, 'he has begun');
    timeline.renew();
    assert.equal(timeline.isEarly(audio(70_000), false), false, 'a stream without a picture');
    assert.equal(timeline.isEarly(packet('config', 'video', 0), true), false, 'a header');
    assert.equal(timeline.isEarly(audio(70_000), true), true);
    assert.equal(timeline.isEarly(frame(80_000), true), true);
    assert.equal(timeline.isEarly(audio(80_001), true), false, 'ten seconds are over');
    assert.equal(timeline.isEarly(key(70_040), true), false);
    place(timeline, key(70_040));
    timeline.renew();
    assert.equal(timeline.isEarly(audio(5), true), true, 'the next begins anew');
  });

  test('leaves a publisher alone whose clock went on', () => {
    const timeline = make();
    place(timeline, key(10_000), frame(10_040));
    timeline.renew();
    assert.deepEqual(place(timeline, key(12_000), audio(12_010)), [12_000, 12_010]);
  });

  test('closes a forward jump up, for the other track too when it gets there', () => {
    const timeline = make();
    place(timeline, key(0), audio(0), frame(40), audio(20), frame(80), audio(60));
    const out = place(timeline, frame(100_120), audio(80), audio(100_100), frame(100_160), audio(100_120));
    assert.deepEqual(out, [120, 80, 100, 160, 120]);
  });

  test('goes on through a backward jump', () => {
    const timeline = make();
    place(timeline, key(60_000), audio(60_000), frame(60_040), audio(60_020));
    const out = place(timeline, frame(1000), audio(1001), frame(1040), audio(1022));
    assert.deepEqual(out, [60_080, 60_081, 60_120, 60_102]);
  });

  test('keeps sound and picture together when only one of them exceeds the limit of a jump', () => {
    const timeline = make();
    place(timeline, key(0), audio(0), frame(40), audio(23), frame(80), audio(70));
    place(timeline, frame(5200), audio(5070));
    const [video, sound] = place(timeline, frame(5280), audio(5200));
    assert.equal(video! - sound!, 5280 - 5200);
  });

  test('a pause of the picture alone is no jump', () => {
    const timeline = make();
    place(timeline, key(0), audio(0));
    for (let ms = 23; ms < 12_000; ms += 23) timeline.place(audio(ms));
    assert.deepEqual(place(timeline, frame(12_000), audio(12_003)), [12_000, 12_003]);
  });

  test('tracks on clocks of their own both go on', () => {
    const timeline = make();
    const video: number[] = [];
    const sound: number[] = [];
    for (let i = 0; i < 100; i++) {
      video.push(...place(timeline, frame(1_000_000 + i * 40)));
      sound.push(...place(timeline, audio(i * 40)));
    }
    assert.equal(video.at(-1)! - video[0]!, 99 * 40);
    assert.equal(sound.at(-1)! - sound[0]!, 99 * 40);
  });

  test('whatever the stamps are, each track only goes forward', () => {
    const steps = fc.array(
      fc.record({ kind: fc.constantFrom('v', 'a', 'renew'), ms: fc.integer({ min: -(2 ** 33), max: 2 ** 33 }) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (list) => {
        const timeline = make();
        const last = { v: -1, a: -1 };
        for (const { kind, ms } of list) {
          if (kind === 'renew') {
            timeline.renew();
            continue;
          }
          const track = kind as 'v' | 'a';
          const out = timeline.place(track === 'v' ? frame(ms) : audio(ms));
          assert.ok(out >= last[track] && out >= 0);
          last[track] = out;
        }
      }),
    );
  });

  test('a stream of honest stamps is never touched', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 40 }),
        fc.array(fc.integer({ min: 0, max: 4000 }), { maxLength: 100 }),
        (start, deltas) => {
          const timeline = make();
          let ms = start;
          for (const [i, delta] of deltas.entries()) {
            ms += delta;
            assert.equal(timeline.place(i % 2 === 0 ? frame(ms) : audio(ms)), fromMillis(ms));
          }
        },
      ),
    );
  });
});
