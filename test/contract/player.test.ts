import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Session } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { type Client, type PlayerSessionKind, playerSessions } from './player-kinds.ts';

const PATH = '/live/a';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'nms-contract-'));
});
after(() => rmSync(folder, { recursive: true }));

/** A house, a publisher in it, and clients of one kind. */
class Scene implements AsyncDisposable {
  readonly kind: PlayerSessionKind;
  readonly running: RunningServer;
  readonly donePlays: Session[] = [];
  readonly #clients: Client[] = [];
  readonly #publishers: RtmpPeer[] = [];

  constructor(kind: PlayerSessionKind, running: RunningServer) {
    this.kind = kind;
    this.running = running;
    running.server.on('donePlay', (session) => void this.donePlays.push(session));
  }

  static async open(kind: PlayerSessionKind): Promise<Scene> {
    return new Scene(kind, await startServer({ https: { port: 0 }, play: { waitMs: -1 } }, folder));
  }

  get context() {
    return this.running.server.context;
  }

  get players(): Session[] {
    return [...this.context.sessions.values()].filter((session) => !session.isPublisher);
  }

  async publish(): Promise<RtmpPeer> {
    const publisher = new RtmpPeer('publish', PATH, { port: this.running.port('rtmp') });
    this.#publishers.push(publisher);
    await publisher.started();
    assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
    return publisher;
  }

  play(): Client {
    const client = this.kind.open(this.running, PATH);
    this.#clients.push(client);
    return client;
  }

  /** The client's session is there, and nothing but the stream is missing. */
  async waiting(): Promise<void> {
    await until(() => this.players.some(({ streamPath }) => streamPath === PATH), 'a player that waits');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.vanish();
    for (const publisher of this.#publishers) publisher.socket.destroy();
    await this.running.server.stop();
  }
}

function begin(publisher: RtmpPeer, ms: number): void {
  publisher.send('data', ms, bodies.metadata);
  publisher.send('video', ms, bodies.avcConfig);
  publisher.send('audio', ms, bodies.aacConfig);
  publisher.send('video', ms, bodies.key());
}

const told = (client: Client) => client.packets.map(({ type, track, dts }) => `${track.kind} ${type} ${dts / 1000}`);

const opening = ['data metadata 0', 'audio config 1000', 'video config 1000', 'video key 1000'];

for (const kind of playerSessions) {
  describe(`a player over ${kind.name}`, () => {
    test('gets the headers first, then the group of pictures, then what is live, all in order and untouched', async () => {
      await using scene = await Scene.open(kind);
      const publisher = await scene.publish();
      begin(publisher, 1000);
      publisher.send('video', 1040, bodies.inter('cached'));
      await until(() => scene.context.broadcasts.get(PATH as never)?.gop.size === 2, 'a cached group');
      const client = scene.play();
      await until(() => client.packets.length === 5, 'the cached group');
      const live = Array.from({ length: 200 }, (_, index) => 1080 + index * 10);
      for (const ms of live) publisher.send(ms % 40 === 0 ? 'video' : 'audio', ms, frameAt(ms));
      await until(() => client.packets.length === 5 + live.length, 'live media');
      const kindAt = (ms: number) => (ms % 40 === 0 ? 'video' : 'audio');
      const frames = live.map((ms) => `${kindAt(ms)} frame ${ms}`);
      assert.deepEqual(told(client), [...opening, 'video frame 1040', ...frames]);
      const sent = [bodies.aacConfig, bodies.avcConfig, bodies.key(), bodies.inter('cached'), ...live.map(frameAt)];
      assert.deepEqual(
        client.packets.slice(1).map(({ origin }) => origin!.toString('hex')),
        sent.map((body) => body.toString('hex')),
      );
    });

    test('waits for a stream that is not there, and gets it from its first keyframe on', async () => {
      await using scene = await Scene.open(kind);
      const client = scene.play();
      await scene.waiting();
      assert.deepEqual(client.packets, []);
      const publisher = await scene.publish();
      begin(publisher, 1000);
      await until(() => client.packets.length === 4, 'the beginning');
      assert.deepEqual(told(client), opening);
    });

    test(`is told of the end of the stream by ${kind.end}, after all media`, async () => {
      await using scene = await Scene.open(kind);
      const client = scene.play();
      await scene.waiting();
      const publisher = await scene.publish();
      begin(publisher, 1000);
      for (let ms = 1040; ms <= 3000; ms += 40) publisher.send('video', ms, bodies.inter(`at ${ms}`));
      publisher.leave();
      await until(() => client.end !== null, 'the end');
      assert.equal(client.end, kind.end);
      assert.equal(told(client).at(-1), 'video frame 3000');
      assert.equal(client.packets.length, 4 + 50);
      await until(() => scene.players.length === (kind.staysAtEnd ? 1 : 0), 'what stays');
      assert.equal(client.isClosed && kind.staysAtEnd, false);
      assert.equal(scene.donePlays.length, kind.staysAtEnd ? 0 : 1);
    });

    test('is not told of a dropped publisher, and goes on when he is back', async () => {
      await using scene = await Scene.open(kind);
      const client = scene.play();
      await scene.waiting();
      const first = await scene.publish();
      begin(first, 1000);
      await until(() => client.packets.length === 4, 'media');
      first.crash();
      await until(() => scene.context.broadcasts.get(PATH as never)?.status === 'reconnecting', 'the place is kept');
      const second = await scene.publish();
      begin(second, 0);
      await until(() => client.packets.length === 8, 'media again');
      assert.equal(client.end, null);
      assert.deepEqual(told(client).slice(4), [
        'data metadata 0',
        'audio config 1040',
        'video config 1040',
        'video key 1040',
      ]);
      assert.equal(scene.donePlays.length, 0);
    });

    test('is freed when its connection breaks: once, and with its feed', async () => {
      await using scene = await Scene.open(kind);
      const publisher = await scene.publish();
      begin(publisher, 1000);
      const client = scene.play();
      await until(() => client.packets.length === 4, 'media');
      const [session] = scene.players;
      client.vanish();
      await until(() => scene.players.length === 0, 'the session is gone');
      const broadcast = scene.context.broadcasts.get(PATH as never);
      assert.equal(broadcast?.playerCount, 0);
      assert.deepEqual([...(broadcast?.feeds ?? [])], []);
      await until(() => scene.context.connections.total === 1, 'only the publisher is connected');
      publisher.send('video', 1040, bodies.inter());
      assert.deepEqual(
        scene.donePlays.map(({ id }) => id),
        [session!.id],
      );
    });

    test('is freed when its connection breaks while it waits', async () => {
      await using scene = await Scene.open(kind);
      const client = scene.play();
      await scene.waiting();
      client.vanish();
      await until(() => scene.context.sessions.size === 0, 'the session is gone');
      assert.equal(scene.context.broadcasts.size, 0);
      await until(() => scene.context.connections.total === 0, 'nobody is connected');
      assert.deepEqual(scene.donePlays, []);
    });

    test('is gone when the server closes its session, once', async () => {
      await using scene = await Scene.open(kind);
      const publisher = await scene.publish();
      begin(publisher, 1000);
      const client = scene.play();
      await until(() => client.packets.length === 4, 'media');
      const [session] = scene.players;
      session!.close();
      session!.close();
      await until(() => client.isClosed, 'the connection is closed');
      await until(() => scene.players.length === 0 && scene.donePlays.length === 1, 'the session is gone');
      assert.equal(publisher.isClosed, false);
    });
  });
}

function frameAt(ms: number): Buffer {
  return ms % 40 === 0 ? bodies.inter(`picture ${ms}`) : bodies.aac(`sound ${ms}`);
}
