import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import type { NodeMediaServerConfig } from '../../src/index.ts';
import { beginStream, Cluster } from '../support/cluster.ts';
import { FakeSession, makeContext } from '../support/house.ts';
import { bodies } from '../support/media.ts';
import type { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';

const MANY = 10_000;

/** One process, with all that was told. */
async function start(config: NodeMediaServerConfig = {}) {
  const house = await Cluster.start({ workers: 1, ...config });
  const told: string[] = [];
  for (const name of ['sessionStart', 'sessionEnd', 'postPublish', 'donePublish', 'postPlay', 'donePlay'] as const) {
    house.running.server.on(name, ({ ip, role }) => void told.push(`${name} ${ip.split(':').at(-1)} ${role}`));
  }
  const linesOf = (message: string) => house.running.lines.filter((line) => line.message === message);
  return Object.assign(house, { events: told, linesOf });
}

describe('the life of a session, as diagram 8 draws it', () => {
  test('S8.1: it has an id that no other has, and is in the Map of sessions', () => {
    const context = makeContext();
    const sessions = Array.from({ length: MANY }, () => new FakeSession(context));
    assert.equal(new Set(sessions.map(({ id }) => id)).size, MANY);
    assert.ok(sessions.every((session) => context.sessions.get(session.id) === session));
  });

  test('S8.2: its creation is logged, with who it is', async () => {
    await using house = await start();
    const peer = await house.publish();
    const { id, ip, protocol } = house.sessionOf(peer);
    const { session, ip: loggedIp, protocol: loggedProtocol } = house.linesOf('session created')[0]!.fields;
    assert.deepEqual([session, loggedIp, loggedProtocol], [id, ip, protocol]);
  });

  test('S8.3: its beginning is told before anything else of it, its end after everything', async () => {
    await using house = await start();
    const peer = await house.publish();
    const port = peer.socket.localPort;
    peer.leave();
    await until(() => house.sessions.length === 0, 'the end');
    const expected = [
      `sessionStart ${port} idle`,
      `postPublish ${port} publisher`,
      `donePublish ${port} publisher`,
      `sessionEnd ${port} publisher`,
    ];
    assert.deepEqual(house.events, expected);
  });

  test('S8.4: while it runs it is connected to a broadcast', async () => {
    await using house = await start();
    const publisher = await house.publish();
    const player = await house.play();
    const broadcast = house.context.broadcasts.get('/live/a')!;
    assert.equal(broadcast.publisher, house.sessionOf(publisher));
    assert.deepEqual([...broadcast.players], [house.sessionOf(player)]);
  });

  test('S8.5: it counts what comes and what goes', async () => {
    await using house = await start();
    const publisher = await house.publish();
    const player = await house.play();
    const [source, sink] = [house.sessionOf(publisher), house.sessionOf(player)];
    beginStream(publisher);
    await until(() => sink.outBytes > 0, 'the first bytes');
    const before = { in: source.inBytes, out: sink.outBytes };
    publisher.send('video', 40, bodies.inter('x'.repeat(1000)));
    await until(() => source.inBytes >= before.in + 1000 && sink.outBytes >= before.out + 1000, 'a thousand more');
  });

  test('S8.6: its state is logged again and again', async () => {
    await using house = await start({ log: { sessionIntervalMs: 100 } });
    const { id } = house.sessionOf(await house.publish());
    await until(() => house.linesOf('session state').length >= 2, 'two lines of state');
    const { session, role, inBytes } = house.linesOf('session state')[0]!.fields;
    assert.deepEqual([session, role, typeof inBytes], [id, 'publisher', 'number']);
  });

  const ends: readonly [string, NodeMediaServerConfig, (peer: RtmpPeer) => void, RegExp][] = [
    ['in its own words', {}, (peer) => peer.leave(), /^NMS_END$/],
    ['by closing', {}, (peer) => peer.socket.end(), /^NMS_CONNECTION$/],
    ['by a reset', {}, (peer) => peer.crash(), /^NMS_CONNECTION$/],
    ['by silence', { publish: { idleTimeoutMs: 500 } }, () => {}, /^NMS_TIMEOUT$/],
  ];
  for (const [how, config, end, code] of ends) {
    test(`S8.7: that a peer ends ${how} is noticed`, async () => {
      await using house = await start(config);
      const peer = await house.publish();
      end(peer);
      await until(() => house.linesOf('session ended').length === 1, 'the end');
      assert.match(String(house.linesOf('session ended')[0]!.fields['code']), code);
    });
  }

  test('S8.7: that a connection says nothing at all is noticed', async () => {
    await using house = await start({ limits: { handshakeTimeoutMs: 50 } });
    const socket = connect(house.port('rtmp'), '127.0.0.1');
    socket.on('error', () => undefined);
    await until(() => socket.closed, 'the end');
    assert.equal(house.linesOf('session ended')[0]!.fields['code'], 'NMS_TIMEOUT');
  });

  test('S8.8: its broadcast lets it go', async () => {
    await using house = await start();
    const publisher = await house.publish();
    const player = await house.play();
    player.leave();
    await until(() => house.context.broadcasts.get('/live/a')!.playerCount === 0, 'the player has left');
    publisher.leave();
    await until(() => house.context.broadcasts.size === 0, 'the broadcast has gone');
  });

  test('S8.9: done… is told once, and only of who really published or played', async () => {
    await using house = await start({ play: { waitMs: 0 } });
    const scan = connect(house.port('rtmp'), '127.0.0.1');
    scan.on('error', () => undefined);
    await until(() => house.sessions.length === 1, 'the port scan');
    scan.destroy();
    await house.play('/live/nothing');
    const publisher = await house.publish();
    const player = await house.play();
    const session = house.sessionOf(player);
    session.close();
    session.close();
    publisher.leave();
    await until(() => house.sessions.length === 0, 'all have left');
    assert.deepEqual(
      house.events.filter((event) => event.startsWith('done')),
      [`donePlay ${player.socket.localPort ?? session.ip.split(':')[1]} player`, house.events.at(-2)],
    );
    assert.match(house.events.at(-2)!, /^donePublish \d+ publisher$/);
  });

  test('S8.10: it leaves the Map of sessions', async () => {
    await using house = await start();
    const peer = await house.publish();
    const { id } = house.sessionOf(peer);
    peer.crash();
    await until(() => !house.context.sessions.has(id), 'the end');
  });

  test('S8.11: its end is logged, with its length, its bytes and the reason', async () => {
    await using house = await start();
    const peer = await house.publish();
    const session = house.sessionOf(peer);
    beginStream(peer);
    peer.leave();
    await until(() => house.linesOf('session ended').length === 1, 'the end');
    const { session: id, seconds, inBytes, outBytes, reason } = house.linesOf('session ended')[0]!.fields;
    assert.deepEqual([id, inBytes, outBytes], [session.id, session.inBytes, session.outBytes]);
    assert.equal(typeof seconds, 'number');
    assert.match(String(reason), /^the peer said /);
  });

  test('S8.12: timers, listeners and sockets are given back', async () => {
    await using house = await start();
    const resources = () =>
      process
        .getActiveResourcesInfo()
        .filter((name) => name !== 'TTYWrap')
        .sort();
    const warm = await house.publish();
    warm.leave();
    await until(() => house.sessions.length === 0 && warm.isClosed, 'the first one has left');
    await until(() => !resources().includes('TCPSocketWrap'), 'its sockets are gone');
    const before = resources();
    const publisher = await house.publish();
    const players = [await house.play(), await house.play()];
    for (const peer of [publisher, ...players]) peer.leave();
    await until(() => house.sessions.length === 0 && house.context.connections.total === 0, 'all have left');
    await until(() => resources().join() === before.join(), `what was there before: ${before.join()}`);
  });
});
