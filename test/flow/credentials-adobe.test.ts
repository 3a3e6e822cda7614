import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import type { NodeMediaServerConfig } from '../../src/index.ts';
import { amfObject } from '../../src/protocols/amf/amf-value.ts';
import { adobeResponse } from '../../src/protocols/rtmp/adobe-auth.ts';
import { offerHandshake } from '../../src/protocols/rtmp/handshake.ts';
import { RtmpLink } from '../../src/protocols/rtmp/rtmp-link.ts';
import { Cluster } from '../support/cluster.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';

const auth: NonNullable<NodeMediaServerConfig['auth']> = {
  publish: true,
  play: true,
  publishers: [
    { username: 'alice', password: 'topsecret', paths: ['/studio/*'], play: true },
    { username: 'bob', password: 'hunter2pass', paths: ['/studio/bob'] },
  ],
  askPassword: { publishers: ['studio'], players: ['studio'] },
  failures: { delayMs: 0 },
};

class House implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly peers: RtmpPeer[] = [];

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async open(workers: number, change: object = {}): Promise<House> {
    return new House(await Cluster.start({ workers, auth: { ...auth, ...change }, play: { waitMs: 0 } }));
  }

  /** A client whose app has these parameters, once it was answered. */
  async connect(mode: 'publish' | 'play', path: string, query = ''): Promise<RtmpPeer> {
    const [, app, name] = /^\/(.*)\/([^/]*)$/.exec(path) ?? [];
    const port = this.cluster.port('rtmp');
    const peer = new RtmpPeer(mode, `/${app}/${name}`, { port, app: `${app}${query}` });
    this.peers.push(peer);
    return peer.started();
  }

  /** What the answer to a challenge for this user is. */
  async answer(user: string, password: string, app = 'studio'): Promise<string> {
    const asked = failureOf(await this.connect('publish', `/${app}/x`, `?authmod=adobe&user=${user}`));
    const [, salt = '', opaque = ''] = /&salt=([^&]*)&challenge=[^&]*&opaque=(.*)$/.exec(asked) ?? [];
    assert.notEqual(opaque, '', asked);
    const challenge = 'c0ffee00';
    const response = adobeResponse({ user, password, salt, opaque, challenge });
    return `?authmod=adobe&user=${user}&challenge=${challenge}&response=${response}&opaque=${opaque}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** Code and description of a refusal. */
function failureOf(peer: RtmpPeer): string {
  const failed = peer.events.find((event) => event.kind === 'failed');
  return failed?.kind === 'failed' ? `${failed.code} ${failed.description}` : 'none';
}

const failed = 'NetConnection.Connect.Rejected [ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed';
const needed = 'NetConnection.Connect.Rejected [ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ';

for (const workers of [1, 2]) {
  describe(`user and password over RTMP, ${workers === 1 ? 'in one process' : 'with 2 workers'}`, () => {
    test('are asked for step by step, each on a connection of its own, and let in', async () => {
      await using house = await House.open(workers);
      const first = await house.connect('publish', '/studio/a');
      assert.equal(failureOf(first), needed);
      await until(() => first.isClosed, 'the end of the first connection');
      const peer = await house.connect('publish', '/studio/a', await house.answer('alice', 'topsecret'));
      assert.deepEqual(peer.codes, ['NetStream.Publish.Start']);
      const { session } = house.cluster.told.find(({ name }) => name === 'postPublish')!;
      assert.deepEqual([session.user, { ...session.streamQuery }], ['alice', {}]);
    });

    test('open what the user may, and nothing else', async () => {
      await using house = await House.open(workers);
      const into = async (mode: 'publish' | 'play', path: string, user: string, password: string) => {
        const peer = await house.connect(mode, path, await house.answer(user, password));
        return failureOf(peer);
      };
      assert.equal(await into('publish', '/studio/bob', 'bob', 'hunter2pass'), 'none');
      assert.equal(
        await into('publish', '/studio/a', 'bob', 'hunter2pass'),
        'NetStream.Publish.BadName bob may not publish /studio/a',
      );
      assert.equal(
        await into('publish', '/live/a', 'alice', 'topsecret'),
        'NetStream.Publish.BadName alice may not publish /live/a',
      );
      assert.equal(await into('play', '/studio/bob', 'alice', 'topsecret'), 'none');
      assert.equal(
        await into('play', '/studio/bob', 'bob', 'hunter2pass'),
        'NetStream.Play.Failed bob may not play /studio/bob',
      );
    });

    test('that are wrong are refused at once, and a challenge is answered once only', async () => {
      await using house = await House.open(workers);
      const right = await house.answer('alice', 'topsecret');
      assert.equal(failureOf(await house.connect('publish', '/studio/a', right)), 'none');
      for (let count = 0; count < workers + 1; count++) {
        assert.equal(failureOf(await house.connect('publish', '/studio/b', right)), failed);
      }
      assert.equal(
        failureOf(await house.connect('publish', '/studio/a', await house.answer('alice', 'guess'))),
        failed,
      );
      assert.equal(
        failureOf(await house.connect('publish', '/studio/a', await house.answer('nobody', 'topsecret'))),
        failed,
      );
      const [lines] = [JSON.stringify(house.cluster.running.lines)];
      for (const secret of ['topsecret', 'hunter2pass', 'opaque', 'response=', 'c0ffee00'])
        assert.ok(!lines.includes(secret), secret);
    });

    test('are asked for where that is the rule only, and of whom it is', async () => {
      await using house = await House.open(workers, { play: false, askPassword: { publishers: ['studio'] } });
      assert.equal(failureOf(await house.connect('publish', '/studio/deep/a')), needed);
      assert.match(failureOf(await house.connect('play', '/studio/a')), /^NetStream\.Play\.StreamNotFound/);
      assert.equal(
        failureOf(await house.connect('publish', '/studios/a')),
        'NetStream.Publish.BadName needed to publish: user and password',
      );
      // It may offer them elsewhere too.
      assert.equal(failureOf(await house.connect('publish', '/live/a', '?authmod=adobe')), needed);
    });

    test('hold for every stream of the connection', async () => {
      await using house = await House.open(workers);
      const app = `studio${await house.answer('alice', 'topsecret')}`;
      const link = new RtmpLink(offerHandshake);
      const socket = connect(house.cluster.port('rtmp'), '127.0.0.1');
      link.next();
      const flush = () => socket.write(link.output() ?? Buffer.alloc(0));
      let isConnected = false;
      socket.on('data', (chunk) => {
        link.push(chunk);
        while (link.next() !== null);
        if (link.handshakeDone && !isConnected) {
          isConnected = true;
          link.sendCommand({ name: 'connect', transactionId: 1, values: [amfObject({ app, tcUrl: '' })] });
          for (const [streamId, name] of [
            [1, 'a'],
            [2, 'b'],
          ] as const) {
            link.sendCommand({ name: 'publish', transactionId: 0, values: [null, name, 'live'] }, streamId);
          }
        }
        flush();
      });
      flush();
      const begun = () => house.cluster.told.filter(({ name }) => name === 'postPublish');
      await until(() => begun().length === 2, 'both streams');
      const said = begun().map(({ session }) => `${session.streamPath} ${session.user}`);
      assert.deepEqual(said, ['/studio/a alice', '/studio/b alice']);
      socket.destroy();
    });

    test('mean nothing where nobody has any', async () => {
      await using house = await House.open(workers, { publish: false, play: false, publishers: [] });
      const peer = await house.connect('publish', '/studio/a', '?authmod=adobe&user=alice');
      assert.equal(failureOf(peer), 'none');
      assert.equal(house.cluster.told.find(({ name }) => name === 'postPublish')!.session.user, '');
    });
  });
}

test('an address that guesses passwords is shut out of the rest too', async () => {
  await using house = await House.open(1, { failures: { delayMs: 0, banAfter: 2 } });
  const right = await house.answer('alice', 'topsecret');
  for (const guess of ['one', 'two']) await house.connect('publish', '/studio/a', await house.answer('alice', guess));
  assert.equal(failureOf(await house.connect('publish', '/studio/a', right)), failed);
  assert.equal(
    failureOf(await house.connect('play', '/live/a')),
    'NetStream.Play.Failed too many failed attempts from this address; it is shut out for a while',
  );
});
