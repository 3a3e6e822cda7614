import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { BroadcastServer } from '../../../src/core/broadcast-server.ts';
import type { CoreConfigInput } from '../../../src/core/config.ts';
import { Session } from '../../../src/core/session.ts';
import { parseStreamUrlPath } from '../../../src/core/stream-path.ts';
import { AbsentError, BusyError, ConnectionError, DeniedError, EndError } from '../../../src/errors.ts';
import type { AVPacket } from '../../../src/media/packet.ts';
import { FakeSession, makeContext, settle } from '../../support/house.ts';
import { audio, frame, key, packet } from '../../support/packets.ts';
import { until } from '../../support/wait.ts';

/** A session of our own, which brings a stream from elsewhere. */
class InternalSession extends Session {
  protected release(): void {}
}

/** A house whose seconds the test lets pass. */
function house(t: TestContext, config: CoreConfigInput = {}) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const context = makeContext(config);
  const broadcast = () => BroadcastServer.of(context, '/live/a');
  const publish = async () => {
    const session = new FakeSession(context);
    await broadcast().postPublish(session);
    return session;
  };
  const send = (publisher: Session, ...packets: AVPacket[]) => {
    for (const one of packets) broadcast().broadcastMessage(publisher, one);
  };
  const second = () => t.mock.timers.tick(1000);
  const measured = () => broadcast().statistics;
  return { context, broadcast, publish, send, second, measured };
}

describe('what a broadcast measures', () => {
  test('is there a second after the publish, with jumps and the bytes of the group', async (t) => {
    const { broadcast, publish, send, second, measured } = house(t);
    const publisher = await publish();
    send(publisher, packet('config', 'video', 0), key(0), frame(40), audio(50), frame(3_600_000), frame(3_600_040));
    assert.equal(measured(), null);
    second();
    const statistics = measured();
    assert.deepEqual(
      statistics?.tracks.map(({ kind, packets, keyframes }) => [kind, packets, keyframes]),
      [
        ['video', 4, 1],
        ['audio', 1, 0],
      ],
    );
    assert.equal(statistics?.timestampJumps, 1);
    assert.equal(statistics?.gopBytes, broadcast().gop.bytes);
    assert.ok((statistics?.gopBytes ?? 0) > 0);
  });

  test('jumps of sound and picture over the same gap are one', async (t) => {
    const { publish, send, second, measured } = house(t);
    const publisher = await publish();
    send(publisher, key(0), audio(0), frame(40), frame(60_000), audio(60_000), frame(60_040), audio(60_020));
    second();
    assert.equal(measured()?.timestampJumps, 1);
  });

  test('begins anew with the next publisher', async (t) => {
    const { context, publish, send, second, measured } = house(t, { publish: { takeover: true } });
    const first = await publish();
    send(first, key(0), frame(40), frame(60_000));
    second();
    assert.equal(measured()?.tracks[0]?.packets, 3);
    const next = await publish();
    assert.equal(measured(), null);
    send(next, key(5_000));
    second();
    assert.deepEqual([measured()?.tracks[0]?.packets, measured()?.timestampJumps], [1, 0]);
    assert.equal(context.counters.get('media_packets', 'video'), 4);
    next.close(new EndError('over'));
    assert.equal(context.broadcasts.size, 0);
  });

  test('counts what came in the last moment of a publish', async (t) => {
    const { context, publish, send } = house(t);
    const publisher = await publish();
    send(publisher, key(0), audio(0), audio(20));
    publisher.close(new EndError('over'));
    assert.equal(context.counters.get('media_packets', 'audio'), 2);
  });

  test('goes on while the publisher is away', async (t) => {
    const { broadcast, publish, send, second, measured } = house(t);
    const publisher = await publish();
    send(publisher, key(0), frame(40));
    publisher.close(new ConnectionError('reset'));
    second();
    assert.equal(measured()?.tracks[0]?.packets, 2);
    broadcast().endGrace(new EndError('over'));
  });

  test('is nothing of a stream from another process', async (t) => {
    const { context, broadcast, send, second, measured } = house(t);
    const inner = new InternalSession(context, { protocol: 'internal', ip: '', address: '' });
    inner.setTarget({ address: parseStreamUrlPath('/live/a'), host: '', query: {} });
    await broadcast().postPublish(inner);
    send(inner, key(0), frame(40));
    second();
    assert.equal(measured(), null);
    assert.equal(context.counters.get('media_packets', 'video'), 0);
  });
});

describe('what a broadcast counts', () => {
  test('refusals by their code, once each, and none of who left', async (t) => {
    const { context, broadcast, publish } = house(t, { play: { waitMs: 0 } });
    const { counters } = context;
    await assert.rejects(broadcast().postPlay(new FakeSession(context)), AbsentError);
    await publish();
    await assert.rejects(broadcast().postPublish(new FakeSession(context)), BusyError);
    context.guards.push(() => {
      throw new DeniedError('no');
    });
    await assert.rejects(broadcast().postPlay(new FakeSession(context)), DeniedError);
    const gone = new FakeSession(context);
    const asked = broadcast().postPlay(gone);
    gone.close(new EndError('left'));
    await assert.rejects(asked, EndError);
    assert.deepEqual(
      [...counters.rows()].filter(([name]) => name.endsWith('refusals')),
      [
        ['play_refusals', 'NMS_ABSENT', 1],
        ['play_refusals', 'NMS_DENIED', 1],
        ['publish_refusals', 'NMS_BUSY', 1],
      ],
    );
  });

  test('a refusal of a stream that another name led to is one', async (t) => {
    const { context, broadcast } = house(t, { play: { waitMs: 0 } });
    context.guards.push(() => ({ allow: true, redirect: '/live/b' }));
    await assert.rejects(broadcast().postPlay(new FakeSession(context)), AbsentError);
    assert.equal(context.counters.get('play_refusals', 'NMS_ABSENT'), 1);
  });

  test('messages that the operator does not want', async (t) => {
    const { context, publish, send } = house(t, { publish: { unknown: 'drop' } });
    const publisher = await publish();
    send(publisher, packet('other', 'video', 0), packet('other', 'video', 40));
    assert.equal(context.counters.get('frames_dropped', 'unknown'), 2);
  });

  test('every flush, and how long media waited for it', async (t) => {
    const { context, broadcast, publish, send } = house(t, { play: { relaxed: true, maxBatchDelayMs: 1 } });
    const publisher = await publish();
    const player = new FakeSession(context);
    (await broadcast().postPlay(player)).start();
    send(publisher, key(0));
    // A feed that is relaxed waits for its timer, or for a frame that comes after it.
    await until(() => player.writes > 0, 'the flush');
    const { passes, delays } = context.flushTimes;
    assert.equal(
      passes.read().counts.reduce((sum, count) => sum + count, 0),
      1,
    );
    assert.ok(delays.read().sum >= 0.5, `${delays.read().sum} ms`);
  });

  test('no waiting where nothing is held back', async (t) => {
    const { context, broadcast, publish, send } = house(t);
    const publisher = await publish();
    const player = new FakeSession(context);
    (await broadcast().postPlay(player)).start();
    send(publisher, key(0));
    await settle();
    send(publisher, frame(40));
    await settle();
    const { counts, sum } = context.flushTimes.delays.read();
    assert.deepEqual([counts[0], sum], [2, 0]);
  });
});
