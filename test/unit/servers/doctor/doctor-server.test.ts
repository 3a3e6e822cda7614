import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BroadcastServer } from '../../../../src/core/broadcast-server.ts';
import type { Advice, StreamStatistics } from '../../../../src/core/stream-statistics.ts';
import { EndError } from '../../../../src/errors.ts';
import { doctorSection } from '../../../../src/servers/doctor/config.ts';
import { DoctorServer } from '../../../../src/servers/doctor/doctor-server.ts';
import { FakeSession, type LogLine, makeContext } from '../../../support/house.ts';

function statistics(at: number, keyframeIntervalMs: number): StreamStatistics {
  const track = { id: 0, packets: 10, bytes: 10, bitrate: 1, frameRate: 30, maxReorderMs: 0, silentMs: 0 };
  return {
    at,
    tracks: [
      { ...track, kind: 'video', keyframes: 5, keyframeIntervalMs, sinceKeyframeMs: 0 },
      { ...track, kind: 'audio', keyframes: 0, keyframeIntervalMs: 0, sinceKeyframeMs: 0 },
    ],
    avSkewMs: 0,
    timestampJumps: 0,
    mediaPerSecond: 1000,
    gopBytes: 0,
  };
}

/** A doctor on a clock of its own, and a stream of which the test says what was measured. */
async function scene(config: Parameters<typeof doctorSection.parse>[0] = {}) {
  const lines: LogLine[] = [];
  const context = makeContext({}, lines);
  const doctor = new DoctorServer(context, doctorSection.parse(config));
  await doctor.run();
  const told: string[] = [];
  context.eventEmitter.on('streamHealth', (session, advice: Advice, state) => {
    told.push(`${session.streamPath} ${advice.code} ${state}`);
  });
  const publish = async () => {
    const session = new FakeSession(context);
    await BroadcastServer.of(context, '/live/a' as never).postPublish(session);
    return session;
  };
  let now = 0;
  const examine = (seconds: number, keyframeIntervalMs: number) => {
    for (let i = 0; i < seconds; i++) {
      now += 1000;
      const broadcast = context.broadcasts.get('/live/a' as never);
      if (broadcast !== undefined) {
        Object.defineProperty(broadcast, 'statistics', {
          value: statistics(now, keyframeIntervalMs),
          configurable: true,
        });
      }
      doctor.examine(now, Date.now() + 60_000);
    }
  };
  const advice = () => context.advice.get('/live/a' as never)?.map(({ code }) => code) ?? [];
  const said = () => lines.filter(({ fields }) => fields['advice'] !== undefined);
  return { context, doctor, told, publish, examine, advice, said };
}

describe('the doctor on his round', () => {
  test('puts advice where the API reads it, tells it and logs it once', async () => {
    const { context, told, publish, examine, advice, said } = await scene();
    await publish();
    examine(3, 10_000);
    assert.deepEqual(advice(), []);
    examine(1, 10_000);
    assert.deepEqual(advice(), ['keyframe-interval']);
    examine(20, 2000);
    assert.deepEqual(advice(), []);
    examine(5, 10_000);
    assert.deepEqual(told, [
      '/live/a keyframe-interval raised',
      '/live/a keyframe-interval cleared',
      '/live/a keyframe-interval raised',
    ]);
    assert.equal(said().length, 1);
    assert.equal(said()[0]?.level, 'warn');
    assert.equal(context.counters.get('stream_advice', 'keyframe-interval'), 2);
  });

  test('forgets a stream at its end, at once', async () => {
    const { told, publish, examine, advice } = await scene();
    const session = await publish();
    examine(5, 10_000);
    assert.equal(advice().length, 1);
    session.close(new EndError('over'));
    assert.deepEqual(advice(), []);
    examine(30, 10_000);
    assert.deepEqual(told, ['/live/a keyframe-interval raised']);
  });

  test('says it again to the next publisher', async () => {
    const { publish, examine, said, told } = await scene();
    const session = await publish();
    examine(5, 10_000);
    session.close(new EndError('over'));
    await publish();
    examine(3, 10_000);
    assert.equal(said().length, 1);
    examine(1, 10_000);
    assert.equal(said().length, 2);
    assert.equal(told.length, 2);
  });

  test('does nothing when it is switched off, and stops with the server', async () => {
    const off = await scene({ enable: false });
    await off.publish();
    off.examine(10, 10_000);
    assert.deepEqual(off.advice(), []);
    const on = await scene();
    await on.publish();
    on.examine(5, 10_000);
    await on.doctor.stop();
    await on.doctor.stop();
    assert.deepEqual(on.advice(), []);
  });

  test('takes up another configuration while it works', async () => {
    const { context, doctor, publish, examine, advice } = await scene();
    await publish();
    examine(5, 10_000);
    const config = doctorSection.parse({ maxKeyframeIntervalMs: 20_000, clearMs: 0 });
    const change = await doctor.prepare({ doctor: config } as never);
    assert.deepEqual(advice(), ['keyframe-interval']);
    await change?.commit();
    examine(1, 10_000);
    assert.deepEqual(advice(), []);
    assert.equal(context.advice.size, 0);
  });
});
