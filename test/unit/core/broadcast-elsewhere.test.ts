import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { BroadcastServer } from '../../../src/core/broadcast-server.ts';
import type { CoreConfigInput } from '../../../src/core/config.ts';
import type { Context } from '../../../src/core/context.ts';
import { type Player, Session } from '../../../src/core/session.ts';
import { parseStreamUrlPath } from '../../../src/core/stream-path.ts';
import { AbsentError, BusyError, ClosedError, ConnectionError, EndError } from '../../../src/errors.ts';
import { packets } from '../../../src/media/format.ts';
import type { AVPacket } from '../../../src/media/packet.ts';
import { FakeSession, type LogLine, makeContext, settle, TextFormat } from '../../support/house.ts';
import { frame, key, packet } from '../../support/packets.ts';

/** A session of our own, which brings a stream or takes it away. */
class InternalSession extends Session implements Player<AVPacket> {
  readonly format = packets;
  moves = 0;
  renewals = 0;

  send(): void {}
  onStreamEnd(): void {}
  onStreamStart(): void {}

  onStreamMove(): void {
    this.moves++;
  }

  onStreamRenew(): void {
    this.renewals++;
  }

  protected release(): void {}
}

const contexts: Context[] = [];

afterEach(() => {
  for (const context of contexts.splice(0)) {
    for (const broadcast of [...context.broadcasts.values()]) broadcast.endGrace(new ClosedError('the test is over'));
    for (const session of [...context.sessions.values()]) session.close(new ClosedError('the test is over'));
  }
});

function house(config: CoreConfigInput = {}) {
  const lines: LogLine[] = [];
  const context = makeContext(config, lines);
  contexts.push(context);
  const calls: string[] = [];
  const events: string[] = [];
  for (const name of ['prePublish', 'postPublish', 'donePublish', 'prePlay', 'postPlay', 'donePlay'] as const) {
    context.eventEmitter.on(name, () => void events.push(name));
  }
  const registry = {
    answer: (): Promise<void> => Promise.resolve(),
    claim: (path: string): Promise<void> => {
      calls.push(`claim ${path}`);
      return registry.answer();
    },
    announce: (path: string) => void calls.push(`announce ${path}`),
    release: (path: string) => void calls.push(`release ${path}`),
  };
  context.registry = registry;
  const broadcast = () => BroadcastServer.of(context, '/live/a');
  const internal = () => {
    const session = new InternalSession(context, { protocol: 'internal', ip: 'worker', address: 'worker' });
    session.setTarget({ address: parseStreamUrlPath('/live/a'), host: '', query: {} });
    return session;
  };
  const publish = async () => {
    const session = new FakeSession(context);
    await broadcast().postPublish(session);
    return session;
  };
  const play = async () => {
    const session = new FakeSession(context);
    (await broadcast().postPlay(session)).start();
    return session;
  };
  return { context, broadcast, calls, events, registry, internal, publish, play, lines };
}

const claimed = 'claim /live/a';
const announced = 'announce /live/a';
const released = 'release /live/a';

describe('a broadcast and the registry', () => {
  test('a path is claimed after permission, announced once the place is taken, released at the end', async () => {
    const { context, calls, publish } = house();
    context.eventEmitter.on('prePublish', () => void calls.push('prePublish'));
    context.eventEmitter.on('postPublish', () => void calls.push('postPublish'));
    context.eventEmitter.on('donePublish', () => void calls.push('donePublish'));
    const publisher = await publish();
    publisher.close(new EndError('deleteStream'));
    assert.deepEqual(calls, ['prePublish', claimed, 'postPublish', announced, released, 'donePublish']);
  });

  test('it is kept during the grace, announced again by whoever takes the place, and released after it', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { calls, publish, broadcast } = house({ publish: { graceMs: 1000 } });
    const first = await publish();
    first.close(new ConnectionError('reset'));
    const second = await publish();
    second.close(new ConnectionError('reset'));
    assert.deepEqual(calls, [claimed, announced, claimed, announced]);
    assert.equal(broadcast().isOrigin, true);
    t.mock.timers.tick(1001);
    assert.deepEqual(calls.slice(4), [released]);
  });

  test('who is refused by the registry publishes nothing and leaves no claim', async () => {
    const { context, calls, events, publish, registry } = house();
    registry.answer = () => Promise.reject(new BusyError('published elsewhere'));
    await assert.rejects(publish(), /published elsewhere/);
    assert.deepEqual([calls, events, context.broadcasts.size], [[claimed], ['prePublish'], 0]);
  });

  test('a claim is given back when the session ended or the place was lost meanwhile, but not while another has it', async () => {
    const { context, calls, publish, registry, broadcast } = house();
    const held = Promise.withResolvers<void>();
    registry.answer = () => held.promise;
    const late = new FakeSession(context);
    const slow = broadcast().postPublish(late);
    await settle();
    registry.answer = () => Promise.resolve();
    const quick = await publish();
    held.resolve();
    await assert.rejects(slow, BusyError);
    assert.deepEqual(calls, [claimed, claimed, announced]);
    quick.close(new EndError('deleteStream'));
    assert.deepEqual(calls.slice(3), [released]);

    const answered = Promise.withResolvers<void>();
    registry.answer = () => answered.promise;
    const gone = new FakeSession(context);
    const closing = broadcast().postPublish(gone);
    await settle();
    gone.close(new ConnectionError('gone'));
    answered.resolve();
    await assert.rejects(closing, /gone/);
    assert.deepEqual(calls.slice(4), [claimed, released]);
  });

  test('a stream that ends while another publisher asks keeps its claim for him, and he may lose it', async () => {
    const { context, calls, publish, registry, broadcast } = house({ publish: { takeover: true } });
    const first = await publish();
    const held = Promise.withResolvers<void>();
    registry.answer = () => held.promise;
    const second = broadcast().postPublish(new FakeSession(context));
    await settle();
    first.close(new EndError('deleteStream'));
    assert.equal(calls.includes(released), false);
    held.reject(new BusyError('no'));
    await assert.rejects(second, BusyError);
    assert.equal(calls.at(-1), released);
  });

  test('our own sessions claim nothing, are not told of, and never take a place that is held here', async () => {
    const { calls, events, internal, publish, broadcast } = house();
    await broadcast().postPublish(internal());
    assert.deepEqual([calls, events], [[], []]);
    assert.equal(broadcast().isOrigin, false);
    const publisher = await publish();
    assert.equal(broadcast().publisher, publisher, 'what comes from elsewhere is not defended here');
    await assert.rejects(broadcast().postPublish(internal()), BusyError);
    publisher.close(new ConnectionError('reset'));
    await assert.rejects(broadcast().postPublish(internal()), BusyError);
    assert.deepEqual(events, ['prePublish', 'postPublish']);
  });

  test('one internal session replaces another without a word to the players', async () => {
    const { internal, broadcast, play } = house();
    const first = internal();
    await broadcast().postPublish(first);
    const player = await play();
    const second = internal();
    await broadcast().postPublish(second);
    assert.match(first.closeReason!.message, /replaced by worker/);
    assert.deepEqual([player.ends.length, player.returned], [0, 0]);
    broadcast().broadcastMessage(first, key(0));
    broadcast().broadcastMessage(second, key(0, 'second'));
    await settle();
    assert.equal(player.take(), '[begin 0]<second>');
  });
});

describe('a broadcast that yields its place', () => {
  test('defends it as within one process', async () => {
    const { broadcast, publish } = house();
    const publisher = await publish();
    assert.throws(() => broadcast().yieldPlace('192.0.2.1:5'), BusyError);
    assert.equal(publisher.isClosed, false);

    for (const config of [{ takeover: true }, { stallMs: 0 }]) {
      const easy = house({ publish: config });
      const replaced = await easy.publish();
      easy.broadcast().yieldPlace('192.0.2.1:5');
      assert.equal(replaced.closeReason?.message, 'replaced by 192.0.2.1:5');
      assert.ok(replaced.closeReason instanceof ClosedError);
    }
  });

  test('keeps the place and its players; an internal session goes on for them on one clock', async () => {
    const { broadcast, publish, play, internal, events, calls } = house({ publish: { takeover: true } });
    const first = await publish();
    const player = await play();
    for (const one of [key(1000), frame(1040)]) broadcast().broadcastMessage(first, one);
    await settle();
    player.take();
    broadcast().yieldPlace('another');
    assert.equal(broadcast().status, 'reconnecting');
    assert.equal(broadcast().isOrigin, false);
    const bringer = internal();
    await broadcast().postPublish(bringer);
    for (const one of [key(0, 'k'), frame(40, 'f')]) broadcast().broadcastMessage(bringer, one);
    await settle();
    assert.equal(player.take(), '<k><f>');
    assert.equal(broadcast().gop.firstDts, 1_080_000);
    assert.deepEqual([player.ends.length, player.returned], [0, 0]);
    assert.deepEqual(events.filter((event) => event === 'donePublish').length, 1);
    assert.deepEqual(calls, [claimed, announced], 'the path is another’s to release');
  });

  test('ends it once, and tells nobody twice, when no one comes', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    for (const [graceMs, kept] of [
      [0, 5000],
      [20_000, 20_000],
    ] as const) {
      const { broadcast, publish, play, events, calls } = house({ publish: { takeover: true, graceMs } });
      await publish();
      const player = await play();
      broadcast().yieldPlace('another');
      t.mock.timers.tick(kept - 1);
      assert.equal(player.ends.length, 0);
      t.mock.timers.tick(1);
      assert.match(player.ends[0]!.message, /replaced by another/);
      broadcast().endGrace(new ClosedError('again'));
      assert.equal(player.ends.length, 1);
      assert.deepEqual(events, ['prePublish', 'postPublish', 'prePlay', 'postPlay', 'donePublish']);
      assert.equal(calls.includes(released), false);
    }
  });

  test('gives up the place of one who is away, told once, and has nothing to give a second time', async () => {
    const { broadcast, publish, events, context } = house();
    const publisher = await publish();
    publisher.close(new ConnectionError('reset'));
    broadcast().yieldPlace('another');
    assert.equal(events.at(-1), 'donePublish');
    broadcast().yieldPlace('another');
    assert.equal(broadcast().status, 'reconnecting');
    broadcast().endGrace(new ClosedError('elsewhere'));
    assert.equal(events.filter((event) => event === 'donePublish').length, 1);
    assert.equal(context.broadcasts.size, 0);
    broadcast().yieldPlace('another');
    assert.equal(broadcast().status, 'idle');
  });

  test('says so to those who fetch the stream for others', async () => {
    const { broadcast, publish, internal } = house({ publish: { takeover: true } });
    await publish();
    const fetcher = internal();
    await broadcast().postPlay(fetcher);
    await publish();
    assert.deepEqual([fetcher.renewals, fetcher.moves], [1, 0]);
    broadcast().yieldPlace('another');
    assert.deepEqual([fetcher.renewals, fetcher.moves], [1, 1]);
  });

  test('takes the publisher back who returns here', async () => {
    const { broadcast, publish, play, calls } = house({ publish: { takeover: true } });
    await publish();
    const player = await play();
    broadcast().yieldPlace('another');
    const again = await publish();
    assert.equal(broadcast().publisher, again);
    assert.equal(broadcast().isOrigin, true);
    assert.deepEqual([player.ends.length, player.returned], [0, 0]);
    assert.deepEqual(calls, [claimed, announced, claimed, announced]);
  });
});

describe('a broadcast whose stream comes from elsewhere', () => {
  test('keeps the place as long as it is wanted', async () => {
    const { broadcast, internal, play, context } = house({ publish: { graceMs: 0 } });
    const first = internal();
    await broadcast().postPublish(first);
    const player = await play();
    first.close(new ConnectionError('reset'));
    assert.equal(broadcast().status, 'reconnecting', 'for as long as a publisher may need to appear elsewhere');
    assert.equal(player.ends.length, 0);
    const second = internal();
    await broadcast().postPublish(second);
    player.close();
    assert.equal(broadcast().isWanted, false);
    second.close(new ConnectionError('reset'));
    assert.equal(context.broadcasts.size, 0);
  });

  test('does not close it for silence: that is watched where it comes from', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { broadcast, internal } = house({ publish: { idleTimeoutMs: 1 } });
    const session = internal();
    await broadcast().postPublish(session);
    const until = performance.now() + 2;
    while (performance.now() < until);
    t.mock.timers.tick(1000);
    assert.equal(session.isClosed, false);
  });

  test('keeps its clock, whatever publish.timestamps says', async () => {
    const { broadcast, internal, play } = house({ publish: { timestamps: 'zero' } });
    const session = internal();
    await broadcast().postPublish(session);
    const player = await play();
    broadcast().broadcastMessage(session, key(7000));
    await settle();
    assert.equal(player.take(), '[begin 7000]<video key 7000>');
  });

  test('forgets the tracks of the publisher before when another’s media follows', async () => {
    const { broadcast, internal, play } = house();
    const session = internal();
    await broadcast().postPublish(session);
    const player = await play();
    for (const one of [packet('config', 'audio', 0, 'ac'), packet('config', 'video', 0, 'vc'), key(0)]) {
      broadcast().broadcastMessage(session, one);
    }
    broadcast().renewPublish(new FakeSession(house().context));
    assert.equal(broadcast().tracks.length, 2, 'the word of anybody else does not count');
    broadcast().renewPublish(session);
    assert.deepEqual([broadcast().tracks.length, broadcast().gop.size], [0, 0]);
    for (const one of [packet('config', 'video', 0, 'vc'), key(40)]) broadcast().broadcastMessage(session, one);
    await settle();
    assert.equal(player.take(), '[begin 0]<ac><vc><video key 0><vc><video key 40>');
    assert.equal((await play()).take(), '[begin 40]<vc><video key 40>');
  });
});

describe('a broadcast and its sources', () => {
  test('the first that has the stream brings it, for one who may not wait too', async () => {
    const { context, broadcast, play, internal, lines } = house({ play: { waitMs: 0 } });
    const asked: string[] = [];
    context.sources.push(
      {
        bring: (path) => {
          asked.push(`first ${path}`);
          return Promise.reject(new Error('a bug'));
        },
      },
      {
        bring: async (path) => {
          asked.push(`second ${path}`);
          await settle();
          await broadcast().postPublish(internal());
          return true;
        },
      },
      {
        bring: () => assert.fail('the stream is there'),
      },
    );
    await play();
    assert.deepEqual(asked, ['first /live/a', 'second /live/a']);
    assert.ok(lines.some(({ level, message }) => level === 'error' && message.includes('source')));
    await play();
    assert.equal(asked.length, 2);
  });

  test('nobody is asked for those who do not wait, and a source without the stream refuses nobody who does', async () => {
    const { context, broadcast, publish } = house();
    let asked = 0;
    context.sources.push({
      bring: async () => {
        asked++;
        return false;
      },
    });
    const eager = new FakeSession(context);
    await assert.rejects(broadcast().postPlay(eager, { mayWait: false }), AbsentError);
    assert.equal(asked, 0);
    const patient = broadcast().postPlay(new FakeSession(context));
    await settle();
    assert.equal(asked, 1);
    await publish();
    assert.equal((await patient).player.role, 'player');
  });
});

test('a prompt format is written at once, also where others are held back', async () => {
  const { broadcast, publish, context } = house({ play: { relaxed: true } });
  const publisher = await publish();
  const format = Object.assign(new TextFormat(), { name: 'prompt', isPrompt: true });
  const held = new FakeSession(context);
  const prompt = new FakeSession(context, '/live/a', { format });
  for (const player of [held, prompt]) (await broadcast().postPlay(player)).start();
  const send = async (...media: AVPacket[]) => {
    for (const one of media) broadcast().broadcastMessage(publisher, one);
    await settle();
  };
  await send(key(0), packet('frame', 'audio', 10));
  for (const player of [held, prompt]) assert.equal(player.take(), '[begin 0]<video key 0><audio frame 10>');
  await send(packet('frame', 'audio', 33), frame(40));
  assert.equal(prompt.take(), '<audio frame 33><video frame 40>');
  assert.equal(held.take(), '');
});
