import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import type { NodeMediaServerConfig } from '../../src/index.ts';
import { DeniedError, signStream, signStreamMd5 } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer, type RtmpPeerOptions } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

async function house(config: NodeMediaServerConfig = {}) {
  const running = await startServer(config);
  const port = running.port('rtmp');
  const peers: RtmpPeer[] = [];
  const peer = (mode: 'publish' | 'play', path: string, options: Partial<RtmpPeerOptions> = {}) => {
    const made = new RtmpPeer(mode, path, { port, ...options });
    peers.push(made);
    return made.started();
  };
  const { context } = running.server;
  return {
    ...running,
    context,
    rtmpPort: port,
    publish: (path = '/live/a', options: Partial<RtmpPeerOptions> = {}) => peer('publish', path, options),
    play: (path = '/live/a', options: Partial<RtmpPeerOptions> = {}) => peer('play', path, options),
    [Symbol.asyncDispose]: async () => {
      for (const one of peers) one.socket.destroy();
      await running.server.stop();
    },
  };
}

function start(publisher: RtmpPeer, ms = 0): void {
  publisher.send('data', ms, bodies.metadata);
  publisher.send('video', ms, bodies.avcConfig);
  publisher.send('audio', ms, bodies.aacConfig);
  publisher.send('video', ms, bodies.key());
}

/** Type, milliseconds, and what the payload says. */
const told = (peer: RtmpPeer) => peer.packets.map((one) => `${one.type} ${one.dts / 1000}`);
const failure = (peer: RtmpPeer) => peer.events.find((event) => event.kind === 'failed');

describe('RTMP: publish and play', () => {
  test('a late player gets metadata, sound and picture headers, the keyframe, then live; payloads are untouched', async () => {
    await using house1 = await house();
    const publisher = await house1.publish();
    assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
    start(publisher, 1000);
    publisher.send('video', 1040, bodies.inter('one'));
    await until(() => house1.context.broadcasts.get('/live/a')?.gop.size === 2, 'the group is cached');
    const player = await house1.play();
    assert.deepEqual(player.codes, ['NetStream.Play.Reset', 'NetStream.Play.Start']);
    publisher.send('audio', 1045, bodies.aac('live'));
    await until(() => player.packets.length >= 6, 'six packets');
    assert.deepEqual(told(player), [
      'metadata 0',
      'config 1000',
      'config 1000',
      'key 1000',
      'frame 1040',
      'frame 1045',
    ]);
    assert.deepEqual(
      player.packets.slice(1).map((one) => one.origin?.toString('hex')),
      [bodies.aacConfig, bodies.avcConfig, bodies.key(), bodies.inter('one'), bodies.aac('live')].map((body) =>
        body.toString('hex'),
      ),
    );
  });

  test('a player who comes first waits and begins with the publisher', async () => {
    await using house1 = await house();
    const waiting = house1.play();
    await until(() => house1.context.broadcasts.size === 1, 'the player waits');
    const publisher = await house1.publish();
    const player = await waiting;
    start(publisher);
    await until(() => player.packets.length === 4, 'headers and a keyframe');
    assert.equal(player.packets[3]!.type, 'key');
  });

  test('waiting for an absent stream ends with StreamNotFound', async () => {
    await using house1 = await house({ play: { waitMs: 20 } });
    const player = await house1.play('/live/nobody');
    assert.deepEqual(player.codes, ['NetStream.Play.StreamNotFound']);
    await until(() => player.isClosed, 'the connection closes');
    await until(() => house1.context.sessions.size === 0, 'the session is gone');
    assert.equal(house1.context.broadcasts.size, 0);
  });

  test('an explicit end tells the players, who stay and go on when the stream returns', async () => {
    await using house1 = await house();
    const first = await house1.publish();
    const player = await house1.play();
    start(first, 5000);
    await until(() => player.packets.length === 4, 'media');
    first.leave();
    await until(() => player.codes.includes('NetStream.Play.UnpublishNotify'), 'the end');
    assert.equal(player.isClosed, false);
    const second = await house1.publish();
    start(second, 0);
    await until(() => player.packets.length === 8, 'media again');
    assert.deepEqual(told(player).slice(3), ['key 5000', 'metadata 0', 'config 5040', 'config 5040', 'key 5040']);
  });

  test('a crashed publisher resumes within the grace and players notice nothing but time', async () => {
    await using house1 = await house();
    const first = await house1.publish();
    const player = await house1.play();
    start(first, 70_000);
    first.send('audio', 70_010, bodies.aac());
    await until(() => player.packets.length === 5, 'media');
    first.crash();
    await until(() => house1.context.broadcasts.get('/live/a')?.status === 'reconnecting', 'the place is kept');
    const second = await house1.publish();
    start(second, 0);
    second.send('audio', 13, bodies.aac());
    await until(() => player.packets.length === 10, 'media again');
    assert.deepEqual(told(player).slice(4), [
      'frame 70010',
      'metadata 0',
      'config 70040',
      'config 70040',
      'key 70040',
      'frame 70053',
    ]);
    assert.equal(player.codes.includes('NetStream.Play.UnpublishNotify'), false);
  });

  test('a second publisher is refused with BadName, closed, and the first goes on', async () => {
    await using house1 = await house();
    const first = await house1.publish();
    const second = await house1.publish();
    assert.deepEqual(second.codes, ['NetStream.Publish.BadName']);
    await until(() => second.isClosed, 'the refused connection closes');
    const player = await house1.play();
    start(first);
    await until(() => player.packets.length === 4, 'media of the first');
  });

  test('timestamps beyond 24 bits and beyond 32 bits reach players', async () => {
    await using house1 = await house();
    const publisher = await house1.publish();
    const player = await house1.play();
    start(publisher, 0xfffff000);
    publisher.send('video', 0xfffffff0, bodies.inter());
    publisher.send('video', 0x18, bodies.inter());
    await until(() => player.packets.length === 6, 'media');
    assert.deepEqual(told(player).slice(3), ['key 4294963200', 'frame 4294967280', 'frame 4294967320']);
  });

  test('receiveVideo and pause of a player', async () => {
    await using house1 = await house();
    const publisher = await house1.publish();
    const player = await house1.play('/live/a?video=0');
    start(publisher);
    publisher.send('audio', 10, bodies.aac());
    await until(() => player.packets.length === 3, 'sound');
    assert.deepEqual(told(player), ['metadata 0', 'config 10', 'frame 10']);
  });
});

describe('RTMP: decisions', () => {
  test('a refused publisher gets an error status, never Start, and nothing of his reaches a player', async () => {
    await using house1 = await house();
    house1.server.on('prePublish', async (session) => {
      await Promise.resolve();
      if (session.streamName === 'a') throw new DeniedError('no publishing today');
    });
    const waiting = house1.play();
    await until(() => house1.context.broadcasts.size === 1, 'the player waits');
    const publisher = await house1.publish();
    assert.deepEqual(publisher.codes, ['NetStream.Publish.BadName']);
    const refusal = failure(publisher);
    assert.ok(refusal?.kind === 'failed');
    assert.match(refusal.description, /no publishing today/);
    await until(() => publisher.isClosed, 'the connection closes');
    assert.equal(house1.context.broadcasts.get('/live/a')?.status, 'idle');
    for (const peer of [publisher]) peer.socket.destroy();
    void waiting.catch(() => undefined);
  });

  test('a listener refuses by closing the session, and the peer is told in its own words', async () => {
    await using house1 = await house();
    house1.server.on('prePublish', (session) => session.close()).on('prePlay', (session) => session.close());
    assert.deepEqual((await house1.publish()).codes, ['NetStream.Publish.BadName']);
    assert.deepEqual((await house1.play()).codes, ['NetStream.Play.Failed']);
    const response = await fetch(`http://127.0.0.1:${house1.port('http')}/live/a.flv`);
    assert.equal(response.status, 403);
    assert.equal(house1.context.broadcasts.size, 0);
  });

  test('while a listener thinks nothing is lost: media sent meanwhile arrives after the answer', async () => {
    await using house1 = await house();
    const held = Promise.withResolvers<void>();
    house1.server.on('prePublish', () => held.promise);
    const waiting = house1.play();
    const publisher = new RtmpPeer('publish', '/live/a', { port: house1.rtmpPort });
    await until(() => publisher.protocol.handshakeDone && house1.context.sessions.size === 2, 'both are connected');
    held.resolve();
    await publisher.started();
    start(publisher);
    const player = await waiting;
    await until(() => player.packets.length === 4, 'media');
    publisher.socket.destroy();
  });

  test('signed addresses: the right one publishes and plays; wrong, expired, other action and MD5 when off do not', async () => {
    const secret = 'a secret of the test';
    await using house1 = await house({ auth: { publish: true, play: true, secret, md5: false } });
    const later = Math.floor(Date.now() / 1000) + 60;
    const sign = (action: 'publish' | 'play', exp = later) => signStream(action, '/live/a', exp, secret);
    for (const bad of [
      '',
      '?sign=',
      '?sign=rubbish',
      `?sign=${sign('play')}`,
      `?sign=${sign('publish', 1)}`,
      `?sign=${signStreamMd5('/live/a', later, secret)}`,
    ]) {
      const refused = await house1.publish(`/live/a${bad}`);
      assert.deepEqual(refused.codes, ['NetStream.Publish.BadName'], bad);
    }
    const publisher = await house1.publish(`/live/a?sign=${sign('publish')}`);
    assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
    assert.deepEqual((await house1.play(`/live/a?sign=${sign('publish')}`)).codes, ['NetStream.Play.Failed']);
    const player = await house1.play(`/live/a?sign=${sign('play')}`);
    assert.ok(player.codes.includes('NetStream.Play.Start'));
    const log = JSON.stringify(house1.lines);
    assert.equal(log.includes(later.toString()), false, 'no signature in the log');
    assert.equal(log.includes('sign='), false);
  });

  test('a token is found in the app and in tcUrl too', async () => {
    const secret = 'a secret of the test';
    await using house1 = await house({ auth: { publish: true, secret } });
    const sign = signStream('publish', '/live/a', Math.floor(Date.now() / 1000) + 60, secret);
    const inApp = await house1.publish('/live/a', { app: `live?sign=${sign}` });
    assert.deepEqual(inApp.codes, ['NetStream.Publish.Start']);
    inApp.leave();
    await until(() => house1.context.broadcasts.size === 0, 'the first is gone');
    const inUrl = await house1.publish('/live/a', { tcUrl: `rtmp://127.0.0.1/live?sign=${sign}` });
    assert.deepEqual(inUrl.codes, ['NetStream.Publish.Start']);
  });

  test('names that cannot be are refused in the protocol’s words', async () => {
    await using house1 = await house();
    for (const path of ['/live/a b', '/live/..', `/live/${'x'.repeat(129)}`, '/live/a%00']) {
      const refused = await house1.publish(path);
      assert.equal(refused.has('publishing'), false, path);
      await until(() => refused.isClosed, 'closed');
    }
    assert.equal(house1.context.broadcasts.size, 0);
  });
});

describe('RTMP: hostile and broken peers', () => {
  const throwAt = (port: number, bytes: Buffer) =>
    new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
      socket.resume();
    });

  test('rubbish, HTTP, and a giant message close one connection each, quickly, and disturb nobody', async () => {
    await using house1 = await house();
    const publisher = await house1.publish();
    const player = await house1.play();
    const handshake = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536 * 2)]);
    const giant = Buffer.from([3, 0, 0, 0, 0xff, 0xff, 0xff, 20, 0, 0, 0, 0]);
    const badChunk = Buffer.from([0xc7]);
    const rubbish = [
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      Buffer.concat([handshake, giant, Buffer.alloc(4096, 1)]),
      Buffer.concat([handshake, badChunk]),
    ];
    await Promise.all(rubbish.map((bytes) => throwAt(house1.rtmpPort, bytes)));
    start(publisher);
    await until(() => player.packets.length === 4, 'media');
    await until(() => house1.context.sessions.size === 2, 'only the two are left');
    assert.equal(
      house1.lines.some((line) => line.level === 'error'),
      false,
    );
  });

  test('half a handshake is closed after handshakeTimeoutMs, a silent client after commandTimeoutMs', async () => {
    await using house1 = await house({ limits: { handshakeTimeoutMs: 30, commandTimeoutMs: 30 } });
    await throwAt(house1.rtmpPort, Buffer.concat([Buffer.from([3]), Buffer.alloc(700)]));
    await until(() => house1.lines.some((line) => line.fields['code'] === 'NMS_TIMEOUT'), 'the reason is logged');
    assert.equal(house1.context.sessions.size, 0);
  });

  test('more connections than maxConnectionsPerAddress are closed at once', async () => {
    await using house1 = await house({ limits: { maxConnectionsPerAddress: 1 } });
    await house1.publish();
    await throwAt(house1.rtmpPort, Buffer.from([3]));
    await until(
      () => house1.lines.some((line) => line.message.includes('maxConnectionsPerAddress is 1')),
      'the log says so, once a second',
    );
    assert.equal(house1.context.sessions.size, 1);
  });

  test('a publisher whose audio makes no sense keeps his stream', async () => {
    await using house1 = await house();
    const publisher = await house1.publish();
    const player = await house1.play();
    start(publisher);
    publisher.send('video', 40, Buffer.from([0x90]));
    publisher.send('data', 40, Buffer.from([0, 1, 2, 3]));
    publisher.send('audio', 45, bodies.aac());
    await until(() => player.packets.length === 5, 'what makes sense');
    assert.equal(player.packets[4]!.type, 'frame');
  });

  test('connecting and leaving leaves nothing behind: sessions, broadcasts, connections, timers', async () => {
    await using house1 = await house();
    const publisher = await house1.publish();
    start(publisher);
    for (let round = 0; round < 20; round++) {
      const peers = await Promise.all(
        Array.from({ length: 25 }, (_, i) => house1.play(i % 2 === 0 ? '/live/a' : '/live/a?video=0')),
      );
      for (const [i, peer] of peers.entries()) {
        if (i % 3 === 0) peer.leave();
        else peer.crash();
      }
      await until(() => house1.context.sessions.size === 1, 'the players are gone');
    }
    assert.equal(house1.context.broadcasts.size, 1);
    await until(() => house1.context.connections.total === 1, 'one connection');
    assert.equal(house1.context.broadcasts.get('/live/a')?.playerCount, 0);
    assert.equal([...(house1.context.broadcasts.get('/live/a')?.feeds ?? [])].length, 0);
  });
});

describe('RTMP: addresses', () => {
  test('one listener on "::" serves IPv4 and IPv6, and names IPv4 peers in their own form', async () => {
    await using house1 = await house({ bind: '::' });
    const four = await house1.publish('/live/a', { host: '127.0.0.1' });
    const six = await house1.publish('/live/b', { host: '::1' });
    assert.equal(four.has('publishing') && six.has('publishing'), true);
    const peers = [...house1.context.sessions.values()].map((session) => session.address);
    assert.deepEqual(peers, ['127.0.0.1', '::1']);
  });
});

describe('RTMP: the life of a session', () => {
  test('is logged from its creation to its end, with reason, duration and bytes', async () => {
    await using house1 = await house({ log: { sessionIntervalMs: 1 } });
    const publisher = await house1.publish();
    start(publisher);
    await until(() => house1.lines.some((line) => line.message === 'session state'), 'a periodic line', 5000);
    publisher.leave();
    await until(() => house1.lines.some((line) => line.message === 'session ended'), 'the end');
    const of = (message: string) => house1.lines.find((line) => line.message === message)?.fields ?? {};
    assert.equal(of('session created')['protocol'], 'rtmp');
    assert.equal(of('publish started')['stream'], '/live/a');
    const end = of('session ended');
    assert.equal(end['role'], 'publisher');
    assert.match(String(end['reason']), /FCUnpublish|deleteStream/);
    assert.ok(Number(end['inBytes']) > 3073);
    assert.equal(typeof end['seconds'], 'number');
  });

  test('a kicked publisher’s stream ends at once', async () => {
    await using house1 = await house();
    const publisher = await house1.publish();
    const player = await house1.play();
    house1.context.broadcasts.get('/live/a')?.publisher?.close();
    await until(() => publisher.isClosed, 'the publisher is out');
    await until(() => player.codes.includes('NetStream.Play.UnpublishNotify'), 'players are told');
  });

  test('stop tells everybody, closes every connection and is idempotent', async () => {
    const house1 = await house();
    const publisher = await house1.publish();
    const player = await house1.play();
    const done: string[] = [];
    house1.server
      .on('donePublish', () => void done.push('donePublish'))
      .on('donePlay', () => void done.push('donePlay'));
    await Promise.all([house1.server.stop(), house1.server.stop()]);
    assert.deepEqual(done, ['donePublish', 'donePlay']);
    await until(() => publisher.isClosed && player.isClosed, 'both are closed');
    assert.equal(house1.context.sessions.size, 0);
    assert.equal(house1.server.state, 'stopped');
    await assert.rejects(house1.server.run(), /does not run again/);
  });

  test('two servers in one process never meet', async () => {
    await using one = await house();
    await using two = await house({ play: { waitMs: 0 } });
    await one.publish();
    assert.deepEqual((await two.play()).codes, ['NetStream.Play.StreamNotFound']);
    assert.equal(two.context.broadcasts.size, 0);
  });
});
