import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { BroadcastServer } from '../../../src/core/broadcast-server.ts';
import type { CoreConfigInput } from '../../../src/core/config.ts';
import { Intake } from '../../../src/core/intake.ts';
import { Rest } from '../../../src/core/rest.ts';
import { type Player, Session } from '../../../src/core/session.ts';
import { parseStreamUrlPath } from '../../../src/core/stream-path.ts';
import { EndError } from '../../../src/errors.ts';
import { type Format, packets } from '../../../src/media/format.ts';
import type { AVPacket } from '../../../src/media/packet.ts';
import { FakeSession, makeContext, TextFormat } from '../../support/house.ts';
import { frame, key } from '../../support/packets.ts';

function publisher(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
  let now = 0;
  const intake = new Intake({ pause: () => {}, resume: () => {} });
  const rest = new Rest(intake, () => now);
  const isResting = () => intake.has('rest');
  /** What is read `ms` after the last, of a stream that may go unread for `restMs`; then the event loop turns. */
  const read = (ms: number, bytes: number, restMs: number) => {
    now += ms;
    t.mock.timers.tick(ms);
    rest.take(bytes, { restMs });
    t.mock.timers.tick(0);
    return isResting();
  };
  return { intake, read, isResting, pass: (ms: number) => t.mock.timers.tick(ms) };
}

describe('a publisher rests', () => {
  test('until shortly before what came is written', (t) => {
    const { read, isResting, pass } = publisher(t);
    assert.equal(read(100, 5000, 100), true);
    pass(94);
    assert.equal(isResting(), true);
    pass(1);
    assert.equal(isResting(), false);
  });

  test('not while somebody waits for what it sends', (t) => {
    const { read } = publisher(t);
    assert.equal(read(100, 5000, 0), false);
    assert.equal(read(100, 5000, 20), false);
  });

  test('never for longer than 100 ms, whatever the players would wait', (t) => {
    const { read, isResting, pass } = publisher(t);
    assert.equal(read(100, 5000, 60_000), true);
    pass(100);
    assert.equal(isResting(), false);
  });

  test('not while it sends more than may wait with the system', (t) => {
    const { read } = publisher(t);
    assert.equal(read(100, 80_000, 100), false);
    assert.equal(read(50, 40_000, 100), false);
    assert.equal(read(50, 20_000, 100), true);
  });

  test('not in the middle of its turn', (t) => {
    const { intake, read } = publisher(t);
    intake.hold('turn');
    assert.equal(read(100, 5000, 100), false);
    intake.release('turn');
    assert.equal(read(100, 5000, 100), true);
  });

  test('after all that is read in one turn of the event loop', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout', 'setImmediate'] });
    let now = 0;
    const intake = new Intake({ pause: () => {}, resume: () => {} });
    const rest = new Rest(intake, () => now);
    now = 100;
    for (const bytes of [30_000, 30_000, 30_000]) rest.take(bytes, { restMs: 100 });
    t.mock.timers.tick(0);
    assert.equal(intake.has('rest'), false, '90 kB in 100 ms are too many, as 30 kB are not');
  });
});

/** A recorder. */
class InternalPlayer extends Session implements Player<AVPacket> {
  readonly format = packets;

  send(): void {}
  onStreamEnd(): void {}
  onStreamStart(): void {}
  protected release(): void {}
}

describe('the publisher of a stream may go unread', () => {
  const MAX_MS = 600_000;

  async function house(config: CoreConfigInput = { play: { relaxed: true, maxBatchDelayMs: MAX_MS } }) {
    const context = makeContext(config);
    const broadcast = BroadcastServer.of(context, '/live/a');
    const publisher = new FakeSession(context);
    await broadcast.postPublish(publisher);
    const join = async <Unit>(player: Player<Unit>) => {
      const subscription = await broadcast.postPlay(player);
      subscription.start();
    };
    return {
      broadcast,
      join,
      watch: (format?: Format) => join(new FakeSession(context, '/live/a', format === undefined ? {} : { format })),
      record: async () => {
        const recorder = new InternalPlayer(context, { protocol: 'internal', ip: '', address: '' });
        recorder.setTarget({ address: parseStreamUrlPath('/live/a'), host: '', query: {} });
        await join(recorder);
      },
      send: (...media: AVPacket[]) => {
        for (const one of media) broadcast.broadcastMessage(publisher, one);
      },
      [Symbol.dispose]: () => publisher.close(new EndError('over')),
    };
  }

  test('while its players wait for what has come, until that is written', async () => {
    using relaxed = await house();
    await relaxed.watch();
    assert.equal(relaxed.broadcast.restMs, 0, 'nothing waits');
    relaxed.send(key(0));
    const { restMs } = relaxed.broadcast;
    assert.ok(restMs > 0 && restMs <= MAX_MS, `${restMs}`);
    for (const feed of relaxed.broadcast.feeds) feed.flush();
    assert.equal(relaxed.broadcast.restMs, 0, 'all is written');
  });

  test('not where media is written as it comes', async () => {
    using prompt = await house({});
    await prompt.watch();
    prompt.send(key(0));
    assert.equal(prompt.broadcast.restMs, 0);
  });

  test('not while another process plays it, which has players of its own', async () => {
    using relaxed = await house();
    await relaxed.watch();
    await relaxed.watch(Object.assign(new TextFormat(), { name: 'prompt', isPrompt: true }));
    relaxed.send(key(0));
    assert.equal(relaxed.broadcast.restMs, 0);
  });

  test('whatever a recorder does; but not for a recorder alone', async () => {
    using relaxed = await house();
    await relaxed.record();
    relaxed.send(key(0));
    assert.equal(relaxed.broadcast.restMs, 0);
    await relaxed.watch();
    relaxed.send(frame(40));
    assert.ok(relaxed.broadcast.restMs > 0);
  });
});
