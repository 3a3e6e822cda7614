import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { describe, test } from 'node:test';
import { defineServer, NodeMediaServer, servers } from '../../src/index.ts';
import { CapsEx } from '../../src/protocols/rtmp/peer-capabilities.ts';
import { beginStream, Cluster } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';
import { RawClient, readChunks } from '../support/web.ts';

const ASKED = 'NetConnection.Connect.ReconnectRequest';
const SHUTDOWN = 'NetConnection.Connect.AppShutdown';
const UNPUBLISHED = 'NetStream.Play.UnpublishNotify';
const reconnects = { capsEx: CapsEx.reconnect };

const told = (peer: RtmpPeer) =>
  peer.codes.filter((code) => !/(Start|Reset|Notify)$/.test(code) || code === UNPUBLISHED);
const has = (peer: RtmpPeer, label: string) => peer.packets.some(({ data }) => data.includes(label));

async function enter(cluster: Cluster, mode: 'publish' | 'play', options: { capsEx?: number } = {}) {
  const peer = new RtmpPeer(mode, '/live/a', { port: cluster.port('rtmp'), ...options });
  const { session } = await cluster.arrival(() => peer);
  await peer.started();
  return { peer, session };
}

describe('several workers that stop', () => {
  test('tell peers in their words, and bring what was sent last to players in other workers', async () => {
    await using cluster = await Cluster.start();
    const publisher = await cluster.publish();
    beginStream(publisher);
    const players = [await cluster.play(), await cluster.play()];
    const web = RawClient.open(cluster.port('http'), 'GET /live/a.flv HTTP/1.1', 'Host: a');
    await until(() => players.every((player) => player.packets.length > 2) && web.body.length > 200, 'media');
    assert.deepEqual(
      [publisher, ...players].map((peer) => cluster.workerOfPeer(peer)),
      [1, 2, 1],
    );
    for (let i = 1; i <= 200; i++) publisher.send('video', 40 * i, bodies.inter(`label${i}.`));
    await until(() => has(players[1]!, 'label200.'), 'all of it is in the worker of the publisher');
    await cluster.running.server.stop();
    await until(() => publisher.isClosed && players.every(({ isClosed }) => isClosed), 'everybody is out');
    await web.closed();
    assert.deepEqual(told(publisher), [SHUTDOWN]);
    for (const player of players) {
      assert.deepEqual(told(player), [UNPUBLISHED, SHUTDOWN]);
      assert.ok(has(player, 'label200.'));
    }
    const { chunks, isComplete } = readChunks(web.body);
    assert.deepEqual([isComplete, Buffer.concat(chunks).includes('label200.')], [true, true]);
  });

  test('serve those who announced Reconnect until they leave, from one worker to the other', async () => {
    await using cluster = await Cluster.start();
    const publisher = await enter(cluster, 'publish', reconnects);
    beginStream(publisher.peer);
    const player = await enter(cluster, 'play', reconnects);
    const plain = await enter(cluster, 'play');
    await until(() => [player, plain].every(({ peer }) => peer.packets.length > 2), 'media');
    assert.deepEqual(
      [publisher, player, plain].map(({ session }) => cluster.workerOf(session)),
      [1, 2, 1],
    );
    const stopping = cluster.running.server.stop({ timeoutMs: 60_000 });
    await until(() => plain.peer.isClosed, 'the other player is out');
    await until(() => player.peer.codes.includes(ASKED), 'the player is asked');
    publisher.peer.send('video', 40, bodies.key('still here'));
    await until(() => has(player.peer, 'still here'), 'media from the other worker');
    assert.equal(cluster.running.server.state, 'stopping');
    publisher.peer.leave();
    await stopping;
    await until(() => player.peer.isClosed, 'the player is out');
    assert.deepEqual(
      [told(publisher.peer)[0], told(player.peer), told(plain.peer)],
      [ASKED, [ASKED, UNPUBLISHED], [UNPUBLISHED, SHUTDOWN]],
    );
    assert.deepEqual(cluster.toldOf(publisher.session).slice(-1), ['donePublish']);
  });

  test('close those who stay when the time is over', async () => {
    await using cluster = await Cluster.start({ drainTimeoutMs: 100 });
    const { peer, session } = await enter(cluster, 'publish', reconnects);
    await cluster.running.server.stop();
    await until(() => peer.isClosed, 'it is closed');
    assert.deepEqual(told(peer), [ASKED]);
    assert.deepEqual(cluster.toldOf(session).slice(-1), ['donePublish']);
    const warnings = cluster.running.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    assert.deepEqual(warnings, ['peers that were asked to leave are cut: 1']);
  });

  test('that have not begun to serve are ended at once when the server stops while it starts', async () => {
    const server = new NodeMediaServer({ bind: '127.0.0.1', rtmp: { port: 0 }, workers: 2 });
    const running = server.run();
    await until(() => server.listeners.length === 1, 'the door is open, the workers start');
    await server.stop();
    await assert.rejects(running, { code: 'NMS_CLOSED', message: 'the server was stopped while it started' });
    assert.equal(server.listeners.length, 0);
  });

  test('answer requests that the primary is answering, and refuse what waits for a decision', async (t) => {
    const slow = Promise.withResolvers<void>();
    let asked = 0;
    const part = defineServer({
      name: 'slow',
      sections: {},
      create: (context) => {
        const handler: RequestListener = (_request, response) => {
          asked++;
          void slow.promise.then(() => response.end('in the end'));
        };
        context.routes.push({ path: '/slow', handler });
        return { run: async () => {}, stop: async () => {} };
      },
    });
    const server = new NodeMediaServer(
      { bind: '127.0.0.1', http: { port: 0 }, workers: 2 },
      { servers: [part, ...servers.filter(({ name }) => name === 'flv' || name === 'http')] },
    );
    t.after(() => server.stop());
    await server.run();
    server.on('prePlay', () => new Promise(() => {}));
    const port = server.listeners[0]!.port;
    const asking = RawClient.open(port, 'GET /slow HTTP/1.1', 'Host: a');
    const playing = RawClient.open(port, 'GET /live/a.flv HTTP/1.1', 'Host: a');
    await until(() => asked === 1, 'the request');
    await until(() => [...server.context.sessions.values()].some(({ streamPath }) => streamPath !== ''), 'the player');
    const stopping = server.stop({ timeoutMs: 60_000 });
    await playing.closed();
    assert.equal(playing.status, 503);
    assert.deepEqual([server.state, asking.hasHead], ['stopping', false]);
    slow.resolve();
    await stopping;
    await asking.closed();
    assert.deepEqual([asking.status, asking.header('Connection')], [200, 'close']);
    assert.match(asking.body.toString(), /in the end/);
  });
});
