import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { type AVPacket, DeniedError } from '../../src/index.ts';
import { encodeFlvHeader } from '../../src/protocols/flv/flv-tag.ts';
import { playerSessions } from '../contract/player-kinds.ts';
import { beginStream, Cluster } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import type { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';
import { HttpPublisherClient, tag } from '../support/web.ts';

const PATH = '/live/a';

const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const media = (packets: readonly AVPacket[]) => packets.filter(({ track }) => track.kind !== 'data');
const hashes = (packets: readonly AVPacket[]) => media(packets).map(({ origin }) => hash(origin!));
const times = (packets: readonly AVPacket[]) => media(packets).map(({ dts }) => dts / 1000);

function goOn(publisher: RtmpPeer, ms: number, label: string): Buffer[] {
  const inter = bodies.inter(label.repeat(5000));
  const sound = bodies.aac(label);
  publisher.send('video', ms, inter);
  publisher.send('audio', ms, sound);
  return [inter, sound];
}

describe('several workers', () => {
  test('each connection goes to the worker with the fewest, the lowest number among equals', async () => {
    await using cluster = await Cluster.start({ workers: 3 });
    const first = [];
    for (let i = 0; i < 4; i++) first.push((await cluster.arrival(() => cluster.playLater())).session);
    assert.deepEqual(
      first.map((session) => cluster.workerOf(session)),
      [1, 2, 3, 1],
    );
  });

  for (const kind of playerSessions) {
    test(`what is published in one plays in another over ${kind.name}, bit for bit`, async () => {
      await using cluster = await Cluster.start({ https: { port: 0 } });
      const publisher = await cluster.publish();
      const sent = beginStream(publisher);
      const { result: client, session } = await cluster.arrival(() => kind.open(cluster.running, PATH));
      assert.equal(cluster.workerOfPeer(publisher), 1);
      assert.equal(cluster.workerOf(session), 2);
      await until(() => media(client.packets).length === sent.length, 'the cached group');
      for (let i = 1; i <= 20; i++) sent.push(...goOn(publisher, i * 40, `frame ${i}`));
      await until(() => media(client.packets).length === sent.length, 'every packet');
      assert.deepEqual(hashes(client.packets), sent.map(hash));
      assert.deepEqual(times(client.packets).slice(-2), [800, 800]);
      publisher.leave();
      await until(() => client.end !== null, 'the end');
      assert.equal(client.end, kind.end);
      client.vanish();
    });
  }

  test('what is published over HTTP in one plays over RTMP in both', async () => {
    await using cluster = await Cluster.start();
    const publisher = new HttpPublisherClient(cluster.port('http'), '/live/a.flv');
    const config = [bodies.avcConfig, bodies.aacConfig];
    const key = bodies.key('of http');
    await cluster.arrival(() =>
      publisher.write(
        encodeFlvHeader({ hasAudio: true, hasVideo: true }),
        tag('video', 0, config[0]!),
        tag('audio', 0, config[1]!),
        tag('video', 0, key),
      ),
    );
    const players = [await cluster.play(), await cluster.play()];
    assert.deepEqual(
      players.map((player) => cluster.workerOfPeer(player)),
      [2, 1],
    );
    for (const player of players) {
      await until(() => media(player.packets).length === 3, 'the group');
      assert.deepEqual(hashes(player.packets).slice(-1), [hash(key)]);
    }
    assert.equal((await publisher.end()).status, 200);
    for (const player of players) await until(() => player.has('end'), 'the end');
  });

  test('a player waits in one for a stream that begins in the other', async () => {
    await using cluster = await Cluster.start();
    await cluster.fill();
    const { result: player, session } = await cluster.arrival(() => cluster.playLater());
    assert.equal(cluster.workerOf(session), 2);
    await until(() => cluster.toldOf(session).length === 1, 'prePlay');
    const publisher = await cluster.publish();
    assert.equal(cluster.workerOfPeer(publisher), 1);
    const sent = beginStream(publisher);
    await until(() => player.packets.length === sent.length + 1, 'the stream');
    assert.deepEqual(hashes(player.packets), sent.map(hash));
    assert.deepEqual(cluster.toldOf(session), ['prePlay', 'postPlay']);
  });

  test('the Context of the primary shows sessions and streams of all, and no internal session', async () => {
    await using cluster = await Cluster.start();
    const publisher = await cluster.publish();
    beginStream(publisher);
    const players = [await cluster.play(), await cluster.play()];
    const shown = cluster.sessions.map((session) => [session.protocol, session.role, session.streamPath]);
    assert.deepEqual(shown, [
      ['rtmp', 'publisher', PATH],
      ['rtmp', 'player', PATH],
      ['rtmp', 'player', PATH],
    ]);
    const stream = cluster.context.streams.get(PATH)!;
    assert.deepEqual([stream.status, stream.playerCount], ['publishing', 2]);
    assert.equal(stream.publisher, cluster.sessionOf(publisher));
    await until(() => stream.tracks.length === 2, 'what is known of the tracks');
    assert.equal(stream.metadata?.['width'], 320);
    const player = cluster.sessionOf(players[0]!);
    await until(() => player.outBytes > 0 && cluster.sessionOf(publisher).inBytes > 0, 'the statistics');
    for (const peer of players) peer.leave();
    publisher.leave();
    await until(() => cluster.sessions.length === 0, 'all have left');
    assert.equal(cluster.context.streams.size, 0);
  });

  test('a listener that is awaited delays and denies, in whichever worker', async () => {
    await using cluster = await Cluster.start({ play: { waitMs: 0 } });
    const held = Promise.withResolvers<void>();
    cluster.running.server.once('prePublish', () => held.promise);
    cluster.running.server.on('prePlay', (session) => {
      if (session.streamQuery['token'] !== 'good') throw new DeniedError(`no entry for ${session.streamName}`);
    });
    const { session } = await cluster.arrival(() => void cluster.publish());
    await until(() => cluster.toldOf(session).includes('prePublish'), 'the question');
    const refused = await cluster.play('/live/a?token=bad');
    assert.equal(cluster.workerOfPeer(refused), 2);
    assert.deepEqual(refused.codes, ['NetStream.Play.Failed']);
    const status = refused.events.find((event) => event.kind === 'status');
    assert.equal(status?.kind === 'status' && status.description, 'no entry for a');
    assert.deepEqual(cluster.toldOf(session), ['prePublish']);
    held.resolve();
    await until(() => session.role === 'publisher', 'the publisher is let in');
    assert.deepEqual((await cluster.play('/live/a?token=good')).codes.slice(-1), ['NetStream.Play.Start']);
  });

  test('a session that a listener closes is refused', async () => {
    await using cluster = await Cluster.start();
    cluster.running.server.once('prePublish', (session) => session.close());
    const publisher = await cluster.publish();
    assert.deepEqual(publisher.codes, ['NetStream.Publish.BadName']);
    await until(() => publisher.isClosed && cluster.sessions.length === 0, 'the end');
    assert.deepEqual(
      cluster.told.map(({ name }) => name),
      ['prePublish'],
    );
  });

  test('a second publisher in another worker is refused before anybody is asked about him', async () => {
    await using cluster = await Cluster.start();
    beginStream(await cluster.publish());
    const second = await cluster.publish();
    assert.deepEqual(second.codes, ['NetStream.Publish.BadName']);
    assert.deepEqual(
      cluster.told.map(({ name }) => name),
      ['prePublish', 'postPublish'],
    );
  });

  test('two who publish the same at the same moment in two workers: one has it', async () => {
    await using cluster = await Cluster.start();
    const peers = await Promise.all([cluster.publish(), cluster.publish()]);
    assert.deepEqual(peers.flatMap(({ codes }) => codes).sort(), [
      'NetStream.Publish.BadName',
      'NetStream.Publish.Start',
    ]);
    assert.equal(cluster.told.filter(({ name }) => name === 'postPublish').length, 1);
  });

  test('a takeover from another worker: players of both go on, donePublish once and first', async () => {
    await using cluster = await Cluster.start({ publish: { takeover: true } });
    const first = await cluster.publish();
    beginStream(first);
    const players = [await cluster.play(), await cluster.play()];
    const second = await cluster.publish();
    assert.deepEqual(
      [first, ...players, second].map((peer) => cluster.workerOfPeer(peer)),
      [1, 2, 1, 2],
    );
    assert.deepEqual(second.codes, ['NetStream.Publish.Start']);
    beginStream(second, 5000, 'second');
    const newest = hash(bodies.key('second key'));
    for (const player of players) {
      await until(() => hashes(player.packets).includes(newest), 'the second stream');
      assert.equal(player.has('end'), false);
    }
    const publishes = cluster.told.filter(({ name }) => name.endsWith('Publish'));
    assert.deepEqual(
      publishes.map(({ name, session }) => [name, session.ip]),
      [
        ['prePublish', cluster.sessionOf(first).ip],
        ['postPublish', cluster.sessionOf(first).ip],
        ['prePublish', cluster.sessionOf(second).ip],
        ['donePublish', cluster.sessionOf(first).ip],
        ['postPublish', cluster.sessionOf(second).ip],
      ],
    );
    assert.equal(cluster.context.streams.get(PATH)?.publisher, cluster.sessionOf(second));
    assert.equal(cluster.told.filter(({ name }) => name === 'donePlay').length, 0);
  });

  test('a publisher who returns to the other worker within the grace: players of both go on', async () => {
    await using cluster = await Cluster.start();
    const first = await cluster.publish();
    beginStream(first);
    const players = [await cluster.play(), await cluster.play()];
    first.crash();
    const stream = cluster.context.streams.get(PATH)!;
    await until(() => stream.status === 'reconnecting', 'the place is kept');
    assert.equal(stream.publisher, null);
    await until(() => cluster.context.connections.total === 2, 'his connection is gone');
    await cluster.fill();
    const second = await cluster.publish();
    assert.deepEqual(second.codes, ['NetStream.Publish.Start']);
    assert.equal(cluster.workerOfPeer(second), 2);
    beginStream(second, 0, 'second');
    const newest = hash(bodies.key('second key'));
    for (const player of players) {
      await until(() => hashes(player.packets).includes(newest), 'the stream goes on');
      assert.equal(player.has('end'), false);
      const dts = times(player.packets);
      assert.deepEqual(
        dts,
        [...dts].sort((a, b) => a - b),
        'one clock',
      );
    }
    const done = cluster.told.filter(({ name }) => name.startsWith('done'));
    assert.deepEqual(
      done.map(({ name, session }) => [name, session.ip]),
      [['donePublish', cluster.sessionOf(first).ip]],
    );
    assert.deepEqual([stream.status, stream.playerCount], ['publishing', 2]);
  });

  test('a publisher who does not return: after the grace everybody in both is told once', async () => {
    await using cluster = await Cluster.start({ publish: { graceMs: 300 } });
    const publisher = await cluster.publish();
    beginStream(publisher);
    const players = [await cluster.play(), await cluster.play()];
    const session = cluster.sessionOf(publisher);
    publisher.crash();
    for (const player of players) await until(() => player.has('end'), 'the end');
    assert.deepEqual(cluster.toldOf(session), ['prePublish', 'postPublish', 'donePublish']);
    assert.ok(session.closeReason !== null && session.endTime > 0);
    for (const player of players) {
      assert.equal(player.codes.filter((code) => code === 'NetStream.Play.UnpublishNotify').length, 1);
    }
  });

  test('a publisher who ends and comes back, here or there: players of both play on', async () => {
    await using cluster = await Cluster.start();
    const first = await cluster.publish();
    beginStream(first);
    const players = [await cluster.play(), await cluster.play()];
    first.leave();
    for (const player of players) await until(() => player.has('end'), 'the end');
    await until(() => cluster.context.connections.total === 2, 'his connection is gone');
    const workers: number[] = [];
    for (const label of ['second', 'third']) {
      const publisher = await cluster.publish();
      workers.push(cluster.workerOfPeer(publisher));
      beginStream(publisher, 0, label);
      const newest = hash(bodies.key(`${label} key`));
      for (const player of players) await until(() => hashes(player.packets).includes(newest), `the ${label} stream`);
      publisher.leave();
      // Two players, and whoever filled a place before.
      await until(() => cluster.context.connections.total === 1 + workers.length, 'his connection is gone');
      await cluster.fill();
    }
    assert.deepEqual(workers, [1, 2]);
    assert.equal(cluster.told.filter(({ name }) => name === 'donePlay').length, 0);
  });

  test('closing a session in the primary ends it in its worker, and tells donePlay once', async () => {
    await using cluster = await Cluster.start();
    beginStream(await cluster.publish());
    const player = await cluster.play();
    const session = cluster.sessionOf(player);
    session.close();
    assert.equal(cluster.context.sessions.has(session.id), false);
    await until(() => player.isClosed, 'the end of the connection');
    await until(() => cluster.toldOf(session).includes('donePlay'), 'donePlay');
    assert.deepEqual(cluster.toldOf(session), ['prePlay', 'postPlay', 'donePlay']);
    assert.equal(session.signal.aborted, true);
  });
});
