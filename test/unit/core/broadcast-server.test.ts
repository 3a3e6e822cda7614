import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BroadcastServer } from '../../../src/core/broadcast-server.ts';
import type { CoreConfigInput } from '../../../src/core/config.ts';
import {
  AbsentError,
  BusyError,
  ClosedError,
  ConnectionError,
  DeniedError,
  EndError,
  SlowError,
  TimeoutError,
} from '../../../src/errors.ts';
import { FakeSession, type LogLine, makeContext, settle, TextFormat } from '../../support/house.ts';
import { audio, frame, key, packet } from '../../support/packets.ts';
import { until } from '../../support/wait.ts';

function house(config: CoreConfigInput = {}) {
  const lines: LogLine[] = [];
  const context = makeContext(config, lines);
  const events: string[] = [];
  for (const name of ['prePublish', 'postPublish', 'donePublish', 'prePlay', 'postPlay', 'donePlay'] as const) {
    context.eventEmitter.on(name, (session) => void events.push(`${name} ${session.ip.split(':')[1]}`));
  }
  const broadcast = () => BroadcastServer.of(context, '/live/a');
  const publish = async (options: ConstructorParameters<typeof FakeSession>[2] = {}) => {
    const session = new FakeSession(context, '/live/a', options);
    await broadcast().postPublish(session);
    return session;
  };
  const play = async (options: ConstructorParameters<typeof FakeSession>[2] = {}) => {
    const session = new FakeSession(context, '/live/a', options);
    const subscription = await broadcast().postPlay(session);
    subscription.start();
    return Object.assign(session, { subscription });
  };
  return { context, broadcast, publish, play, events, lines };
}

const configs = [packet('config', 'video', 0, 'vc'), packet('config', 'audio', 0, 'ac')];

describe('a broadcast and its newcomers', () => {
  test('a newcomer gets headers, the group from its keyframe, then live, without a gap or a duplicate', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    const send = (...packets: ReturnType<typeof key>[]) => {
      for (const one of packets) broadcast().broadcastMessage(publisher, one);
    };
    send(packet('metadata', 'data', 0, 'meta'), ...configs, key(0), frame(40), key(80), audio(90), frame(120));
    await settle();
    const player = await play();
    assert.equal(player.take(), '[begin 80]<meta><ac><vc><video key 80><audio frame 90><video frame 120>');
    send(frame(160), audio(170));
    await settle();
    assert.equal(player.take(), '<video frame 160><audio frame 170>');
  });

  test('what waits for the flush when a newcomer joins reaches him once', async () => {
    const { context, broadcast, publish, play } = house();
    const publisher = await publish();
    await play();
    for (const one of [...configs, key(0), frame(40)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    broadcast().broadcastMessage(publisher, frame(80));
    const subscription = broadcast().postPlay(new FakeSession(context, '/live/a'));
    broadcast().broadcastMessage(publisher, frame(120));
    const second = await subscription;
    second.start();
    await settle();
    broadcast().broadcastMessage(publisher, frame(160));
    await settle();
    assert.equal(
      (second.player as FakeSession).take(),
      '[begin 0]<ac><vc><video key 0><video frame 40><video frame 80><video frame 120><video frame 160>',
    );
  });

  test('players who wait for a stream begin with its first keyframe', async () => {
    const { broadcast, publish, play } = house();
    const waiting = play();
    await settle();
    const publisher = await publish();
    const player = await waiting;
    for (const one of [...configs, frame(0), key(40), frame(80)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    assert.equal(player.take(), '[begin 40]<ac><vc><video key 40><video frame 80>');
  });

  test('a stream of sound alone starts from a bounded window', async () => {
    const { broadcast, publish, play } = house({ gop: { audioMs: 100 } });
    const publisher = await publish();
    broadcast().broadcastMessage(publisher, configs[1]!);
    for (let ms = 0; ms <= 1000; ms += 25) broadcast().broadcastMessage(publisher, audio(ms, `${ms}`));
    await settle();
    const player = await play();
    assert.equal(player.take(), '[begin 900]<ac><900><925><950><975><1000>');
    assert.equal(broadcast().gop.size, 5);
  });

  test('without the cache a newcomer begins at the next keyframe', async () => {
    const { broadcast, publish, play } = house({ gop: { enabled: false } });
    const publisher = await publish();
    for (const one of [...configs, key(0), frame(40)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    const player = await play();
    for (const one of [frame(80), audio(85), key(120), frame(160)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    assert.equal(player.take(), '[begin 120]<ac><vc><video key 120><video frame 160>');
  });

  test('a group beyond the limit of bytes is not kept', async () => {
    const { broadcast, publish } = house({ gop: { maxBytes: 400 } });
    const publisher = await publish();
    for (const one of [...configs, key(0), frame(40), frame(80), frame(120)])
      broadcast().broadcastMessage(publisher, one);
    assert.equal(broadcast().gop.size, 0);
    assert.equal(broadcast().gop.bytes, 0);
  });

  test('each packet is muxed once per format, however many players there are', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    const format = new TextFormat();
    const players = [];
    for (let i = 0; i < 20; i++) players.push(await play({ format }));
    for (const one of [...configs, key(0), frame(40)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    assert.equal(format.muxers.length, 1);
    for (const player of players) assert.equal(player.take(), '[begin 0]<ac><vc><video key 0><video frame 40>');
    const before = format.muxers[0]!.muxed;
    broadcast().broadcastMessage(publisher, frame(80));
    assert.equal(format.muxers[0]!.muxed, before + 1);
  });

  test('headers are muxed once for all newcomers of a group, and anew when they are others', async () => {
    const format = new TextFormat();
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    const send = (...packets: ReturnType<typeof key>[]) => {
      for (const one of packets) broadcast().broadcastMessage(publisher, one);
    };
    send(packet('metadata', 'data', 0, 'old'), ...configs, key(0));
    await settle();
    await play({ format });
    const before = format.muxers[0]!.muxed;
    assert.equal((await play({ format })).take(), '[begin 0]<old><ac><vc><video key 0>');
    assert.equal(format.muxers[0]!.muxed, before);
    send(packet('metadata', 'data', 10, 'new'));
    await settle();
    assert.match((await play({ format })).take(), /^\[begin 0\]<new><ac><vc><video key 0>/);
    send(key(40));
    await settle();
    assert.equal((await play({ format })).take(), '[begin 40]<new><ac><vc><video key 40>');
  });

  test('packets that came together are written together', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    const player = await play();
    for (const one of [...configs, key(0)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    const before = player.writes;
    for (const one of [audio(10), frame(40), audio(33)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    assert.equal(player.writes, before + 1);
  });

  test('a changed header reaches all, and newcomers get only the new one', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    for (const one of [...configs, key(0), frame(40)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    const player = await play();
    player.take();
    for (const one of [packet('config', 'video', 0, 'vc2'), key(80)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    assert.equal(player.take(), '<vc2><video key 80>');
    assert.equal((await play()).take(), '[begin 80]<ac><vc2><video key 80>');
  });

  test('an identical header is not sent again', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    for (const one of [...configs, key(0)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    const player = await play();
    player.take();
    for (const one of [...configs, frame(40)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    assert.equal(player.take(), '<video frame 40>');
  });

  test('an end of sequence and what is not understood are passed on and never kept', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    for (const one of [...configs, key(0)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    const player = await play();
    player.take();
    for (const one of [packet('end', 'video', 0, 'eos'), packet('other', 'video', 0, 'odd')])
      broadcast().broadcastMessage(publisher, one);
    await settle();
    assert.equal(player.take(), '<eos><odd>');
    assert.equal((await play()).take(), '[begin 0]<ac><vc><video key 0>');
  });

  test('unknown messages can be dropped by the operator’s choice', async () => {
    const { broadcast, publish, play } = house({ publish: { unknown: 'drop' } });
    const publisher = await publish();
    for (const one of [...configs, key(0)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    const player = await play();
    player.take();
    broadcast().broadcastMessage(publisher, packet('other', 'video', 0, 'odd'));
    await settle();
    assert.equal(player.take(), '');
  });

  test('a format that states its tracks waits until metadata and tracks agree', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    const player = await play({ format: new TextFormat({ needsTracks: true }) });
    broadcast().broadcastMessage(publisher, configs[0]!);
    broadcast().broadcastMessage(publisher, key(0));
    await settle();
    assert.equal(player.take(), '');
    broadcast().broadcastMessage(publisher, configs[1]!);
    await settle();
    assert.equal(player.take(), '[begin 0]<ac><vc><video key 0>');
  });

  test('a format that states its tracks waits for the other kind no longer than trackWaitMs', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { broadcast, publish, play } = house({ play: { trackWaitMs: 300 } });
    const publisher = await publish();
    const player = await play({ format: new TextFormat({ needsTracks: true }) });
    broadcast().broadcastMessage(publisher, configs[0]!);
    broadcast().broadcastMessage(publisher, key(0));
    await settle();
    t.mock.timers.tick(299);
    assert.equal(player.take(), '');
    t.mock.timers.tick(1);
    assert.equal(player.take(), '[begin 0]<vc><video key 0>');
  });
});

describe('a broadcast and its publishers', () => {
  test('events come in order, each once', async () => {
    const { broadcast, publish, play, events } = house();
    const publisher = await publish();
    const player = await play();
    player.close(new ConnectionError('gone'));
    publisher.close(new EndError('deleteStream'));
    const [p, q] = [publisher.ip.split(':')[1], player.ip.split(':')[1]];
    assert.deepEqual(events, [
      `prePublish ${p}`,
      `postPublish ${p}`,
      `prePlay ${q}`,
      `postPlay ${q}`,
      `donePlay ${q}`,
      `donePublish ${p}`,
    ]);
    void broadcast;
  });

  test('a second publisher is refused before any event fires', async () => {
    const { publish, events } = house();
    await publish();
    const before = events.length;
    await assert.rejects(publish(), BusyError);
    assert.equal(events.length, before);
  });

  test('a refused listener keeps the publisher out, and nothing is left behind', async () => {
    const { context, publish, events } = house();
    context.eventEmitter.on('prePublish', async () => {
      throw new DeniedError('not you');
    });
    await assert.rejects(publish(), /not you/);
    assert.equal(
      events.some((event) => event.startsWith('postPublish')),
      false,
    );
    assert.equal(context.broadcasts.size, 0);
  });

  test('a listener that fails is logged and refuses only its own session', async () => {
    const { context, publish, lines } = house();
    context.eventEmitter.once('prePublish', () => {
      throw new TypeError('a bug');
    });
    await assert.rejects(publish(), DeniedError);
    assert.ok(lines.some((line) => line.level === 'error' && line.message.includes('prePublish')));
    await publish();
  });

  test('a listener of post events that fails hurts nobody', async () => {
    const { context, publish, lines } = house();
    context.eventEmitter.on('postPublish', () => {
      throw new TypeError('a bug');
    });
    assert.equal((await publish()).isPublisher, true);
    assert.ok(lines.some((line) => line.level === 'error'));
  });

  test('guards are asked before listeners', async () => {
    const { context, publish, events } = house();
    context.guards.push(() => {
      throw new DeniedError('unsigned');
    });
    await assert.rejects(publish(), DeniedError);
    assert.deepEqual(events, []);
  });

  test('while a listener thinks the place may be lost to another', async () => {
    const { context, publish } = house();
    const held = Promise.withResolvers<void>();
    context.eventEmitter.once('prePublish', () => held.promise);
    const slow = publish();
    await settle();
    await publish();
    held.resolve();
    await assert.rejects(slow, BusyError);
  });

  test('an explicit end ends the stream at once and tells the players', async () => {
    const { context, broadcast, publish, play } = house();
    const publisher = await publish();
    const player = await play();
    for (const one of [...configs, key(0)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    publisher.close(new EndError('deleteStream'));
    assert.ok(player.ends[0] instanceof EndError);
    assert.equal(broadcast().status, 'idle');
    assert.equal(broadcast().gop.size, 0);
    player.close();
    assert.equal(context.broadcasts.size, 0);
  });

  test('players that stayed get the stream when it returns, on one continuous clock', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    const player = await play();
    for (const one of [...configs, key(1000), frame(1040)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    publisher.close(new EndError('deleteStream'));
    player.take();
    const again = await publish();
    assert.equal(player.returned, 1);
    for (const one of [...configs, key(0), frame(40)]) broadcast().broadcastMessage(again, one);
    await settle();
    assert.equal(player.take(), '<ac><vc><video key 0><video frame 40>');
    assert.equal(broadcast().gop.firstDts, 1_080_000);
  });

  test('a dropped publisher keeps his place; he resumes it, and players go on with headers and a keyframe', async () => {
    const { broadcast, publish, play, events } = house();
    const publisher = await publish();
    const player = await play();
    for (const one of [...configs, key(0), frame(40)]) broadcast().broadcastMessage(publisher, one);
    await settle();
    publisher.close(new ConnectionError('reset'));
    assert.equal(broadcast().status, 'reconnecting');
    assert.equal(
      events.some((event) => event.startsWith('donePublish')),
      false,
    );
    assert.equal((await play()).take(), '[begin 0]<ac><vc><video key 0><video frame 40>');
    player.take();
    const again = await publish();
    assert.deepEqual(
      events.slice(-2).map((event) => event.split(' ')[0]),
      ['donePublish', 'postPublish'],
    );
    for (const one of [...configs, frame(0), key(40)]) broadcast().broadcastMessage(again, one);
    await settle();
    assert.equal(player.take(), '<ac><vc><video key 40>');
    assert.equal(player.ends.length, 0);
    assert.equal(player.returned, 0);
  });

  test('what ffmpeg sends before its first keyframe makes no hole for players that stayed: the picture follows the last', async () => {
    const { broadcast, publish, play, context } = house();
    const publisher = await publish();
    const player = await play();
    const before = [...configs, key(0), audio(0), audio(23), frame(40)];
    for (const one of before) broadcast().broadcastMessage(publisher, one);
    await settle();
    publisher.close(new ConnectionError('reset'));
    player.take();
    const again = await publish();
    for (const one of [...configs, audio(0), key(23), audio(23), audio(46)]) broadcast().broadcastMessage(again, one);
    await settle();
    assert.equal(player.take(), '<ac><vc><video key 23><audio frame 23><audio frame 46>');
    assert.equal(broadcast().gop.firstDts, 80_000);
    assert.equal(context.counters.get('frames_dropped', 'early'), 1);
  });

  test('after the grace the stream ends as if the publisher had said so', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { broadcast, publish, play, events } = house({ publish: { graceMs: 5000 } });
    const publisher = await publish();
    const player = await play();
    publisher.close(new ConnectionError('reset'));
    t.mock.timers.tick(4000);
    assert.equal(player.ends.length, 0);
    t.mock.timers.tick(1001);
    assert.ok(player.ends[0] instanceof ConnectionError);
    assert.equal(events.filter((event) => event.startsWith('donePublish')).length, 1);
    assert.equal(broadcast().status, 'idle');
    assert.ok(publisher.endTime > 0 && publisher.endTime <= Date.now());
  });

  test('a kicked publisher gets no grace', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    const player = await play();
    publisher.close(new ClosedError('kicked'));
    assert.equal(broadcast().status, 'idle');
    assert.equal(player.ends.length, 1);
  });

  test('with takeover the second publisher replaces the first, and players stay', async () => {
    const { broadcast, publish, play, events } = house({ publish: { takeover: true } });
    const first = await publish();
    const player = await play();
    for (const one of [...configs, key(0)]) broadcast().broadcastMessage(first, one);
    await settle();
    const second = await publish();
    assert.ok(first.released instanceof ClosedError);
    assert.equal(broadcast().publisher, second);
    assert.equal(events.filter((event) => event.startsWith('donePublish')).length, 1);
    player.take();
    broadcast().broadcastMessage(first, key(40));
    await settle();
    assert.equal(player.take(), '', 'the replaced publisher can put nothing in any more');
    for (const one of [...configs, key(0)]) broadcast().broadcastMessage(second, one);
    await settle();
    assert.equal(player.take(), '<ac><vc><video key 0>');
  });

  test('a stalled publisher loses his place to the next', async () => {
    const { broadcast, publish } = house({ publish: { stallMs: 0 } });
    const first = await publish();
    const second = await publish();
    assert.ok(first.isClosed);
    assert.equal(broadcast().publisher, second);
  });
});

describe('a broadcast and those who wait', () => {
  test('an absent stream is waited for, then refused', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { context, play } = house({ play: { waitMs: 1000 } });
    const waiting = play();
    await settle();
    assert.equal(context.broadcasts.size, 1);
    t.mock.timers.tick(1000);
    await assert.rejects(waiting, AbsentError);
    assert.equal(context.broadcasts.size, 0);
  });

  test('waitMs 0 refuses at once', async () => {
    const { context, play } = house({ play: { waitMs: 0 } });
    await assert.rejects(play(), AbsentError);
    assert.equal(context.broadcasts.size, 0);
  });

  test('a player that leaves while it waits leaves nothing behind', async () => {
    const { context, broadcast, events } = house();
    const player = new FakeSession(context, '/live/a');
    const waiting = broadcast().postPlay(player);
    await settle();
    player.close(new ConnectionError('gone'));
    await assert.rejects(waiting, ConnectionError);
    assert.equal(context.broadcasts.size, 0);
    assert.equal(context.sessions.size, 0);
    assert.equal(
      events.some((event) => event.startsWith('donePlay')),
      false,
      'what never played is not done playing',
    );
  });
});

describe('a broadcast and slow players', () => {
  async function slowHouse(config: CoreConfigInput['play'] = {}) {
    const made = house({ play: { maxBacklogBytes: 1000, ...config } });
    const publisher = await made.publish();
    const slow = await made.play();
    const healthy = await made.play();
    const send = async (...packets: ReturnType<typeof key>[]) => {
      for (const one of packets) made.broadcast().broadcastMessage(publisher, one);
      await settle();
    };
    await send(...configs, key(0));
    slow.take();
    healthy.take();
    return { ...made, slow, healthy, send };
  }

  test('video is left out first, then audio; headers never; the picture returns at a keyframe', async () => {
    const { slow, healthy, send } = await slowHouse();
    slow.backlog = 1001;
    await send(frame(40, '1'));
    assert.equal(slow.take(), '<1>', 'what was sent when the backlog was noticed is sent whole');
    await send(frame(80, '2'), audio(85, '3'), packet('config', 'audio', 0, 'ac2'));
    assert.equal(slow.take(), '<3><ac2>');
    slow.backlog = 1300;
    await send(audio(90, '4'), packet('config', 'audio', 0, 'ac3'), key(120, '5'));
    assert.equal(slow.take(), '<ac3>');
    slow.backlog = 499;
    await send(frame(160, '6'), audio(165, '7'));
    assert.equal(slow.take(), '<7>');
    await send(key(200, '8'), frame(240, '9'));
    assert.equal(slow.take(), '<8><9>');
    assert.equal(slow.droppedFrames, 4);
    assert.equal(healthy.take(), '<1><2><3><ac2><4><ac3><5><6><7><8><9>');
    assert.equal(healthy.droppedFrames, 0);
  });

  test('a keyframe above the limit does not set back a player that takes it, but one that has not taken the last', async () => {
    const { slow, send } = await slowHouse();
    const big = (name: string) => name.repeat(1500);
    slow.backlog = big('a').length + '<>'.length;
    await send(key(40, big('a')));
    slow.backlog = 0;
    await send(frame(80, '1'));
    assert.equal(slow.take(), `<${big('a')}><1>`);
    slow.backlog = 2 * (big('b').length + '<>'.length);
    await send(key(120, big('b')), frame(160, '2'));
    await send(frame(200, '3'));
    assert.equal(slow.take(), `<${big('b')}><2>`);
    assert.equal(slow.droppedFrames, 1);
  });

  test('a player that is behind for too long is closed with the reason', async () => {
    const { context, slow, healthy, send } = await slowHouse({ slowTimeoutMs: 0 });
    slow.backlog = 1001;
    await send(frame(40));
    await send(frame(80));
    await send(frame(120));
    assert.ok(slow.closeReason instanceof SlowError);
    assert.match(slow.closeReason.message, /1001 bytes waiting; play.slowTimeoutMs is 0/);
    assert.equal(healthy.isClosed, false);
    assert.equal(context.sessions.has(slow.id), false);
  });

  test('the burst of the cached group does not make a newcomer slow', async () => {
    const { broadcast, play, send } = await slowHouse({ maxBacklogBytes: 30 });
    await send(frame(40), frame(80));
    const player = await play();
    player.backlog = player.outBytes;
    player.take();
    await send(frame(120, 'x'), frame(160, 'y'));
    assert.equal(player.take(), '<x><y>');
    assert.equal(player.droppedFrames, 0);
    void broadcast;
  });

  test('a silent publisher is closed and its place kept', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { publish } = house({ publish: { idleTimeoutMs: 1, graceMs: 0 } });
    const publisher = await publish();
    const until = performance.now() + 2;
    while (performance.now() < until);
    t.mock.timers.tick(1000);
    assert.ok(publisher.closeReason instanceof TimeoutError);
  });
});

describe('a player that pauses or switches tracks', () => {
  test('pause stops everything; resume brings headers and the group that began meanwhile', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    const player = await play();
    const send = async (...packets: ReturnType<typeof key>[]) => {
      for (const one of packets) broadcast().broadcastMessage(publisher, one);
      await settle();
    };
    await send(...configs, key(0), frame(40));
    player.take();
    player.subscription.pause();
    await send(frame(80), key(120), frame(160));
    assert.equal(player.take(), '');
    player.subscription.resume();
    assert.equal(player.take(), '<ac><vc><video key 120><video frame 160>');
    player.subscription.pause();
    player.subscription.resume();
    await send(frame(200), audio(205), key(240));
    assert.equal(player.take(), '<audio frame 205><ac><vc><video key 240>');
  });

  test('without video only sound flows; with it again the picture starts at a keyframe', async () => {
    const { broadcast, publish, play } = house();
    const publisher = await publish();
    const player = await play();
    const send = async (...packets: ReturnType<typeof key>[]) => {
      for (const one of packets) broadcast().broadcastMessage(publisher, one);
      await settle();
    };
    await send(...configs, key(0));
    player.take();
    player.subscription.setFormat(new TextFormat({ hasVideo: false }));
    await send(frame(40), audio(45));
    assert.equal(player.take(), '<audio frame 45>');
    player.subscription.setFormat(new TextFormat());
    await send(frame(80), audio(85), key(120), frame(160));
    assert.equal(player.take(), '<audio frame 85><ac><vc><video key 120><video frame 160>');
  });
});

test('a codec that needs a sequence header and has none is reported once', async () => {
  const { broadcast, publish, lines } = house();
  const publisher = await publish();
  for (const one of [key(0), audio(10), frame(40), audio(50)]) broadcast().broadcastMessage(publisher, one);
  const reports = lines.filter((line) => line.level === 'warn').map((line) => line.message);
  assert.equal(reports.length, 2);
  assert.match(reports[0]!, /no sequence header came for the video \(avc\)/);
});

test('a flood of empty packets at one time does not grow the cache beyond its bytes', async () => {
  const { broadcast, publish } = house({ gop: { maxBytes: 10_000 } });
  const publisher = await publish();
  broadcast().broadcastMessage(publisher, key(0));
  for (let i = 0; i < 1000; i++) {
    broadcast().broadcastMessage(publisher, frame(0, ''));
    assert.ok(broadcast().gop.bytes <= 10_000 && broadcast().gop.size < 100);
  }
});

describe('a newcomer of a large group', () => {
  const large = 'x'.repeat(40_000);

  /** A stream whose group is too large to be written at once, and a player who has its first picture. */
  async function opened() {
    const made = house();
    const publisher = await made.publish();
    const send = async (...packets: ReturnType<typeof key>[]) => {
      for (const one of packets) made.broadcast().broadcastMessage(publisher, one);
      await Promise.resolve();
    };
    await send(...configs, key(0, 'key'), frame(40, large), frame(80, '2'));
    await settle();
    const player = await made.play();
    assert.equal(player.take(), '[begin 0]<ac><vc><key>');
    return { ...made, publisher, send, player };
  }

  test('gets its first picture at once, and the rest before what comes later', async () => {
    const { send, player } = await opened();
    await send(frame(120, '3'), audio(121, '4'));
    await send(key(160, '5'));
    assert.equal(player.received, '');
    await until(() => player.received !== '', 'the rest of the group');
    assert.equal(player.take(), `<${large}><2><3><4><5>`);
    await send(frame(200, '6'));
    assert.equal(player.take(), '<6>');
  });

  test('lives through a flood of empty packets in one flush', async () => {
    const { broadcast, publisher, player } = await opened();
    const count = 200_000;
    const one = audio(81, 'a');
    for (let i = 0; i < count; i++) broadcast().broadcastMessage(publisher, one);
    await until(() => player.received !== '', 'the rest of the group');
    assert.equal(player.take().length, `<${large}><2>`.length + count * '<a>'.length);
  });

  test('is not held to be slow for it', async () => {
    const { send, player } = await opened();
    player.backlog = 8 * 1024 * 1024;
    await until(() => player.received !== '', 'the rest of the group');
    player.take();
    player.backlog = player.outBytes;
    await send(frame(120, '3'));
    assert.equal(player.take(), '<3>');
    assert.equal(player.droppedFrames, 0);
  });

  test('who pauses has got the rest before, and does not get the group a second time', async () => {
    const { send, player } = await opened();
    player.subscription.pause();
    assert.equal(player.take(), `<${large}><2>`);
    await send(frame(120, '3'));
    player.subscription.resume();
    await send(key(160, '4'));
    assert.equal(player.take(), '<ac><vc><4>');
  });

  test('who gives up the picture has got the rest before', async () => {
    const { send, player } = await opened();
    player.subscription.setFormat(new TextFormat({ hasVideo: false }));
    await send(frame(120, '3'), audio(121, '4'));
    assert.equal(player.take(), `<${large}><2><4>`);
  });

  test('has got the rest when the stream ends', async () => {
    const { publisher, player } = await opened();
    publisher.close(new EndError('done'));
    assert.equal(player.take(), `<${large}><2>`);
    assert.equal(player.ends.length, 1);
  });

  test('who leaves gets nothing more', async () => {
    const { context, send, player } = await opened();
    player.close();
    let isOver = false;
    context.turns.afterCrowd(() => (isOver = true));
    await until(() => isOver, 'the crowd is through');
    await send(frame(120, '3'));
    assert.equal(player.received, '');
  });
});
