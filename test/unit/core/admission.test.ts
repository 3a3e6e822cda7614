import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import type { Guard } from '../../../src/core/admission.ts';
import { BroadcastServer } from '../../../src/core/broadcast-server.ts';
import type { CoreConfigInput } from '../../../src/core/config.ts';
import { deny, limits, redirect } from '../../../src/core/decision.ts';
import { LifeEvents } from '../../../src/core/life-events.ts';
import { BITRATE_SECONDS } from '../../../src/core/session-limiter.ts';
import { BusyError, ConnectionError, DeniedError, EndError, LimitError } from '../../../src/errors.ts';
import { FakeSession, type LogLine, makeContext, settle } from '../../support/house.ts';
import { audio, frame, key, packet } from '../../support/packets.ts';

function house(config: CoreConfigInput = {}, guards: readonly Guard[] = []) {
  const lines: LogLine[] = [];
  const context = makeContext(config, lines);
  context.observer = new LifeEvents(context);
  context.guards.push(...guards);
  const events: string[] = [];
  const names = [
    ...(['sessionStart', 'sessionEnd', 'prePublish', 'postPublish', 'streamStall', 'streamResume'] as const),
    ...(['donePublish', 'prePlay', 'postPlay', 'donePlay'] as const),
  ];
  for (const name of names)
    context.eventEmitter.on(name, (session) => void events.push(`${name} ${session.streamPath}`));
  const broadcast = (path: `/${string}/${string}` = '/live/a') => BroadcastServer.of(context, path);
  const publish = async (path: `/${string}/${string}` = '/live/a') => {
    const session = new FakeSession(context, path);
    return { session, broadcast: await broadcast(path).postPublish(session) };
  };
  return { context, broadcast, publish, events, lines };
}

describe('a decision', () => {
  test('of a guard or of a listener denies with its reason, and nothing is told', async () => {
    const byGuard = house({}, [() => deny('no account')]);
    await assert.rejects(byGuard.publish(), { name: 'DeniedError', message: 'no account' });
    assert.deepEqual(byGuard.events, ['sessionStart /live/a']);
    const byListener = house();
    byListener.context.eventEmitter.on('prePlay', () => deny('members only') as never);
    await assert.rejects(byListener.broadcast().postPlay(new FakeSession(byListener.context)), {
      message: 'members only',
    });
    assert.equal(byListener.context.broadcasts.size, 0);
  });

  test('of a guard that throws an error of its own, or rejects with anything, denies without its words', async () => {
    const secret = 'cannot connect to db://admin:pw@10.0.0.1';
    const guards: readonly Guard[] = [
      () => {
        throw new Error(secret);
      },
      () => Promise.reject(secret),
      () => ({ allow: true, limits: { codecs: 5 as never } }),
    ];
    for (const guard of guards) {
      const { publish, context, lines } = house({}, [guard]);
      await assert.rejects(publish(), { name: 'DeniedError', message: 'the decision failed' });
      assert.equal(lines.filter(({ message }) => message === 'a guard of publish failed').length, 1);
      assert.equal(context.broadcasts.size, 0, 'no place is left behind');
    }
  });

  test('sends a publisher to another stream; all that is told afterwards names that one', async () => {
    const { publish, events, context } = house({}, [() => redirect('/studio/one')]);
    const { session, broadcast } = await publish();
    assert.equal(broadcast.streamPath, '/studio/one');
    assert.equal(session.streamPath, '/studio/one');
    assert.deepEqual([...context.broadcasts.keys()], ['/studio/one']);
    session.close(new EndError('bye'));
    assert.deepEqual(events, [
      'sessionStart /live/a',
      'prePublish /live/a',
      'postPublish /studio/one',
      'donePublish /studio/one',
      'sessionEnd /studio/one',
    ]);
    assert.equal(context.broadcasts.size, 0);
  });

  test('to another stream meets the publisher who is there', async () => {
    const { publish } = house({}, [({ streamName }) => (streamName === 'b' ? redirect('/live/a') : undefined)]);
    await publish('/live/a');
    await assert.rejects(publish('/live/b'), BusyError);
  });

  test('sends a player to another stream', async () => {
    const { context, broadcast, publish } = house({}, [
      (_, action) => (action === 'play' ? redirect('/live/b') : undefined),
    ]);
    const { broadcast: source, session: publisher } = await publish('/live/b');
    for (const one of [packet('config', 'video', 0, 'vc'), packet('config', 'audio', 0, 'ac'), key(0)]) {
      source.broadcastMessage(publisher, one);
    }
    const player = new FakeSession(context);
    (await broadcast('/live/a').postPlay(player)).start();
    await settle();
    assert.match(player.take(), /<video key 0>/);
    assert.equal(player.streamPath, '/live/b');
    assert.deepEqual([...context.broadcasts.keys()], ['/live/b']);
  });

  test('to a stream that cannot be is a fault of the decision: refused, and logged', async () => {
    const { publish, lines } = house({}, [() => redirect('/no spaces/x')]);
    await assert.rejects(publish(), { name: 'DeniedError', message: 'the decision failed' });
    assert.equal(lines.filter(({ level }) => level === 'error').length, 1);
  });
});

describe('the limits of a session', () => {
  test('end it when its time is over, with the reason', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { publish, events } = house({}, [() => limits({ maxDurationMs: 60_000 })]);
    const { session } = await publish();
    t.mock.timers.tick(59_999);
    assert.equal(session.isClosed, false);
    t.mock.timers.tick(1);
    assert.ok(session.closeReason instanceof LimitError);
    assert.equal(session.closeReason.message, 'maxDurationMs: 60000 ms are over');
    assert.equal(events.at(-2), 'donePublish /live/a', 'without a grace');
  });

  test('let nothing pass that is coded otherwise than granted', async () => {
    const { context, broadcast, publish } = house({}, [
      (_, action) => (action === 'publish' ? limits({ codecs: ['avc'] }) : undefined),
    ]);
    const { session } = await publish();
    const player = new FakeSession(context);
    (await broadcast().postPlay(player)).start();
    broadcast().broadcastMessage(session, packet('config', 'video', 0, 'vc'));
    broadcast().broadcastMessage(session, key(0));
    assert.equal(session.isClosed, false);
    broadcast().broadcastMessage(session, audio(10));
    await settle();
    assert.equal((session.closeReason as LimitError).limit, 'codecs');
    assert.match(session.closeReason!.message, /audio in aac; granted: avc/);
    assert.doesNotMatch(player.take(), /audio/);
  });

  test('of a time that is over already end the session, and Node has nothing to warn of', async (t) => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    t.after(() => process.off('warning', onWarning));
    const { publish } = house({}, [() => limits({ maxDurationMs: -60_000 })]);
    const { session } = await publish();
    await session.over();
    assert.equal((session.closeReason as LimitError).limit, 'maxDurationMs');
    await settle();
    assert.deepEqual(warnings, []);
  });

  test('judge the bitrate by some seconds, not by one frame', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
    let now = 0;
    mock.method(performance, 'now', () => now);
    t.after(() => mock.restoreAll());
    const { publish } = house({ publish: { idleTimeoutMs: 0 } }, [() => limits({ maxBitrate: 8_000 })]);
    const { session } = await publish();
    const second = (bytes: number) => {
      session.inBytes += bytes;
      now += 1000;
      t.mock.timers.tick(1000);
    };
    second(5_000);
    for (let i = 0; i < BITRATE_SECONDS - 1; i++) second(0);
    for (let i = 0; i < BITRATE_SECONDS; i++) second(1_000);
    assert.equal(session.isClosed, false, 'a burst, then exactly what is granted');
    second(1_100);
    assert.equal((session.closeReason as LimitError).limit, 'maxBitrate');
    assert.match(session.closeReason!.message, /8160 bit\/s; 8000 are granted/);
  });

  test('of a play are its own', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { context, broadcast, publish } = house({}, [
      (_, action) => (action === 'play' ? limits({ maxDurationMs: 10 }) : undefined),
    ]);
    const { session } = await publish();
    const player = new FakeSession(context);
    (await broadcast().postPlay(player)).start();
    t.mock.timers.tick(10);
    assert.ok(player.closeReason instanceof LimitError);
    assert.equal(session.isClosed, false);
  });
});

describe('what is told', () => {
  test('every session begins and ends once, in order, whatever it does', async () => {
    const { context, events } = house();
    const session = new FakeSession(context);
    assert.deepEqual(events, []);
    await settle();
    assert.deepEqual(events, ['sessionStart /live/a']);
    session.close();
    session.close();
    const brief = new FakeSession(context, '/live/b');
    brief.close();
    await settle();
    assert.deepEqual(events.slice(1), ['sessionEnd /live/a', 'sessionStart /live/b', 'sessionEnd /live/b']);
  });

  test('a publisher who drops stalls the stream, and the next one resumes it with his first packet', async () => {
    const { broadcast, publish, events } = house();
    const { session: first } = await publish();
    broadcast().broadcastMessage(first, key(0));
    first.close(new ConnectionError('reset'));
    assert.deepEqual(events.slice(3), ['streamStall /live/a', 'sessionEnd /live/a']);
    const { session: second } = await publish();
    assert.equal(events.includes('streamResume /live/a'), false);
    broadcast().broadcastMessage(second, key(0));
    broadcast().broadcastMessage(second, frame(40));
    assert.deepEqual(
      events.slice(5).filter((event) => !event.startsWith('session')),
      ['prePublish /live/a', 'donePublish /live/a', 'postPublish /live/a', 'streamResume /live/a'],
    );
    second.close(new EndError('bye'));
    assert.equal(events.filter((event) => event.startsWith('streamStall')).length, 1);
  });

  test('a publisher who is silent stalls his stream once, and resumes it', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let now = 0;
    mock.method(performance, 'now', () => now);
    t.after(() => mock.restoreAll());
    const { broadcast, publish, events } = house({ publish: { stallMs: 3_000, idleTimeoutMs: 0 } });
    const { session } = await publish();
    const second = () => {
      now += 1000;
      t.mock.timers.tick(1000);
    };
    for (let i = 0; i < 2; i++) second();
    assert.equal(events.includes('streamStall /live/a'), false);
    for (let i = 0; i < 5; i++) second();
    broadcast().broadcastMessage(session, key(0));
    second();
    assert.deepEqual(events.slice(3), ['streamStall /live/a', 'streamResume /live/a']);
  });

  test('the end says why, also to one who was replaced', async () => {
    const { context, publish } = house({ publish: { takeover: true } });
    const reasons: string[] = [];
    context.eventEmitter.on('donePublish', (session) => void reasons.push(session.endReason!.message));
    await publish();
    const { session } = await publish();
    session.close('the show is over');
    assert.match(reasons[0]!, /^replaced by 127\.0\.0\.1:\d+$/);
    assert.equal(reasons[1], 'the show is over');
  });

  test('a text closes who publishes, and refuses who has only asked', async () => {
    const { context, publish } = house();
    context.eventEmitter.on('prePublish', (session) => {
      if (session.streamName === 'b') session.close('not b');
    });
    await assert.rejects(publish('/live/b'), { name: 'DeniedError', message: 'not b' });
    const { session } = await publish();
    session.reject('enough');
    assert.ok(session.closeReason instanceof DeniedError);
  });

  test('a publisher’s session knows his media and how often it was played', async () => {
    const { context, broadcast, publish } = house();
    const { session } = await publish();
    broadcast().broadcastMessage(session, packet('config', 'video', 0, 'vc'));
    broadcast().broadcastMessage(session, audio(10));
    assert.equal(session.videoCodec, 7);
    assert.equal(session.audioCodec, 10);
    await broadcast().postPlay(new FakeSession(context));
    await broadcast().postPlay(new FakeSession(context));
    assert.equal(session.playCount, 2);
  });
});
