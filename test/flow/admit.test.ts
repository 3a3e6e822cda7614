import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import type { AVPacket } from '../../src/index.ts';
import { type AdmitRequest, allow, type Decision, deny, limits, redirect } from '../../src/index.ts';
import { playerSessions } from '../contract/player-kinds.ts';
import { beginStream, Cluster } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { wire } from '../support/rtmp-wire.ts';
import { until } from '../support/wait.ts';
import { ask, HttpPublisherClient, beginning, inter } from '../support/web.ts';

/** A decision that is made when the test says so. */
function later() {
  let decide = (_decision: Decision) => {};
  const decision = new Promise<Decision>((resolve) => {
    decide = resolve;
  });
  return { decide, decision };
}

const only = (action: AdmitRequest['action'], decision: Decision) => (request: AdmitRequest) =>
  request.action === action ? decision : allow();
const frames = (packets: readonly AVPacket[]) =>
  packets.filter(({ type, track }) => type === 'frame' && track.kind === 'video');

for (const workers of [1, 2]) {
  describe(`decisions with ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    const start = (config = {}) => Cluster.start({ workers, ...config });

    test('a refused publisher hears why before Publish.Start, in the words of his protocol', async () => {
      await using house = await start();
      house.running.server.admit(only('publish', deny('the account is not paid for')));
      const peer = await house.publish();
      assert.deepEqual(peer.codes, ['NetStream.Publish.BadName']);
      const said = peer.events.find((event) => event.kind === 'failed');
      assert.equal(said?.kind === 'failed' && said.description, 'the account is not paid for');
      const answer = await ask(house.port('http'), '/live/a.flv', { method: 'POST', body: beginning() });
      assert.equal(answer.status, 403);
      assert.equal(JSON.parse(answer.text).message, 'the account is not paid for');
      await until(() => house.sessions.length === 0, 'both have left');
      assert.deepEqual(house.told, [], 'nothing was told');
    });

    test('a refused player hears why before Play.Start, 200 or 101', async () => {
      await using house = await start();
      house.running.server.admit(only('play', deny('members only')));
      beginStream(await house.publish());
      const peer = await house.play();
      assert.deepEqual(peer.codes, ['NetStream.Play.Failed']);
      const answer = await ask(house.port('http'), '/live/a.flv');
      assert.deepEqual([answer.status, JSON.parse(answer.text).code], [403, 'NMS_DENIED']);
      const upgrade = await ask(house.port('http'), '/live/a', {
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        },
      });
      assert.equal(upgrade.status, 403);
    });

    test('no byte of a refused publisher reaches a player, though he keeps his half of the socket and goes on sending', async () => {
      await using house = await start({ publish: { graceMs: 0 } });
      house.running.server.admit(({ action, query }) => {
        return action === 'publish' && query['pass'] === undefined ? deny('no pass') : allow();
      });
      const player = house.playLater();
      const port = house.port('rtmp');
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      let isEnded = false;
      socket.once('end', () => {
        isEnded = true;
      });
      const intruder = await new RtmpPeer('publish', '/live/a', { port, socket }).started();
      assert.deepEqual(intruder.codes, ['NetStream.Publish.BadName']);
      await until(() => isEnded, 'the end of what the server says');
      const message = wire({ chunkStreamId: 6, typeId: 9, streamId: 1 }, bodies.key('of the intruder'));
      const sending = setInterval(() => socket.write(message), 5);
      const publisher = await house.publish('/live/a?pass=1');
      const sent = beginStream(publisher, 0, 'of the publisher');
      await until(() => player.packets.length > sent.length, 'the stream');
      await until(() => intruder.isClosed, 'that he is cut off');
      clearInterval(sending);
      const seen = player.packets.map(({ origin }) => origin!.toString('latin1')).join();
      assert.match(seen, /of the publisher key/);
      assert.doesNotMatch(seen, /of the intruder/);
      assert.ok(socket.bytesWritten > 10 * message.length);
    });

    test('while a decision is awaited no frame is seen, none is lost, and others go on', async () => {
      await using house = await start();
      const { decide, decision } = later();
      house.running.server.admit(({ name }) => (name === 'slow' ? decision : allow()));
      const other = await house.publish('/live/other');
      beginStream(other);
      const watcher = await house.play('/live/other');
      const web = new HttpPublisherClient(house.port('http'), '/live/slow.flv');
      const { session } = await house.arrival(() => web.write(beginning()));
      web.write(...Array.from({ length: 50 }, (_, i) => inter(40 * (i + 1))));
      const player = house.playLater('/live/slow');
      for (let ms = 40; ms <= 400; ms += 40) other.send('video', ms, bodies.inter(`${ms}`));
      await until(() => frames(watcher.packets).length === 10, 'the other stream');
      assert.equal(session.role, 'idle');
      assert.deepEqual([player.has('playing'), player.packets], [false, []]);
      decide(allow());
      await until(() => frames(player.packets).length === 50, 'every frame');
      assert.equal((await web.end()).status, 200);
    });

    test('a publisher and a player are sent to another stream', async () => {
      await using house = await start({ https: { port: 0 } });
      house.running.server.admit(({ action, name }) => {
        return name === 'key' || action === 'play' ? redirect('/studio/one') : allow();
      });
      const publisher = await house.publish('/live/key');
      const sent = beginStream(publisher);
      for (const kind of playerSessions) {
        const client = kind.open(house.running, '/live/whatever');
        await until(
          () => client.packets.filter(({ track }) => track.kind !== 'data').length === sent.length,
          kind.name,
        );
        client.vanish();
      }
      assert.deepEqual([...house.context.streams.keys()], ['/studio/one']);
      await until(() => house.sessions.length === 1, 'the players have left');
      const told = house.told.map(({ name, session }) => `${name} ${session.streamPath}`);
      assert.ok(told.includes('postPublish /studio/one') && told.includes('postPlay /studio/one'));
      const second = await house.publish('/studio/one');
      assert.deepEqual(second.codes, ['NetStream.Publish.BadName'], 'the place is taken');
    });

    test('a redirect to a stream that cannot be is a fault: the peer hears no word of it, the log has the reason', async () => {
      await using house = await start();
      house.running.server.admit(() => redirect('live/alice'));
      const peer = await house.publish();
      assert.deepEqual(peer.codes, ['NetStream.Publish.BadName']);
      const said = peer.events.find((event) => event.kind === 'failed');
      assert.equal(said?.kind === 'failed' && said.description, 'the decision failed');
      const lines = house.running.lines.filter(({ level }) => level === 'error');
      assert.deepEqual(
        lines.map(({ message, fields }) => [message, fields['redirect']]),
        [['a decision names a stream that cannot be', 'live/alice']],
      );
    });

    test('limits end the session where it lives, with the reason', async () => {
      await using house = await start();
      house.running.server.admit(only('publish', limits({ codecs: ['avc'] })));
      const publisher = await house.publish();
      const session = house.sessions.find(({ role }) => role === 'publisher')!;
      publisher.send('video', 0, bodies.avcConfig);
      publisher.send('audio', 0, bodies.aacConfig);
      await until(() => publisher.isClosed, 'the end');
      assert.equal(publisher.codes.at(-1), 'NetStream.Publish.Rejected');
      await until(() => house.toldOf(session).includes('donePublish'), 'donePublish');
      assert.equal(session.endReason?.message, 'codecs: audio in aac; granted: avc');
      assert.equal(house.context.streams.size, 0);
    });

    test('a listener of prePublish decides too, and several handlers must all agree', async () => {
      await using house = await start();
      const asked: string[] = [];
      const { server } = house.running;
      const remove = server.admit(() => {
        asked.push('first');
        return deny('the first');
      });
      server.admit(() => {
        asked.push('second');
        return allow();
      });
      server.on('prePublish', ({ streamName }) => (streamName === 'b' ? deny('the listener') : undefined));
      const reason = async (path: string) => {
        const peer = await house.publish(path);
        const said = peer.events.find((event) => event.kind === 'failed');
        return said?.kind === 'failed' ? said.description : 'published';
      };
      assert.equal(await reason('/live/a'), 'the first');
      remove();
      assert.equal(await reason('/live/b'), 'the listener');
      assert.equal(await reason('/live/c'), 'published');
      assert.deepEqual(asked, ['first', 'second', 'second']);
    });

    test('a stream that its publisher left stalls, and resumes with whoever comes back', async () => {
      await using house = await start();
      const events: string[] = [];
      for (const name of ['streamStall', 'streamResume', 'donePublish', 'postPublish'] as const) {
        house.running.server.on(name, () => void events.push(name));
      }
      const first = await house.publish();
      beginStream(first);
      await until(() => (house.sessions[0]?.isPublisher ?? false) && events.length === 1, 'postPublish');
      first.crash();
      await until(() => events.includes('streamStall'), 'streamStall');
      if (workers === 2) await house.fill();
      const second = await house.publish();
      beginStream(second);
      await until(() => events.includes('streamResume'), 'streamResume');
      assert.deepEqual(events, ['postPublish', 'streamStall', 'donePublish', 'postPublish', 'streamResume']);
      second.leave();
      await until(() => events.at(-1) === 'donePublish', 'the end');
      assert.equal(events.length, 6);
    });

    test('what a publisher says of his media is in his events, also in the last', async () => {
      await using house = await start();
      const done: unknown[] = [];
      house.running.server.on('donePublish', ({ videoWidth, videoHeight, videoCodec, audioCodec, playCount }) => {
        done.push({ videoWidth, videoHeight, videoCodec, audioCodec, playCount });
      });
      const publisher = await house.publish();
      beginStream(publisher);
      const player = await house.play();
      await until(() => player.packets.length > 2, 'the stream');
      publisher.leave();
      await until(() => done.length === 1, 'donePublish');
      assert.deepEqual(done, [{ videoWidth: 320, videoHeight: 180, videoCodec: 7, audioCodec: 10, playCount: 1 }]);
    });

    test('what went wrong in here is nobody’s business: a peer whose session ends with a foreign error hears no word of it', async () => {
      await using house = await start();
      house.running.server.on('prePublish', (session) => session.close(new Error('db://admin:pw@10.0.0.1')));
      const peer = await house.publish();
      const said = peer.events.find((event) => event.kind === 'failed');
      const hidden = 'the server failed; its log says more';
      assert.equal(said?.kind === 'failed' && said.description, hidden);
      const answer = await ask(house.port('http'), '/live/a.flv', { method: 'POST', body: beginning() });
      assert.deepEqual([answer.status, JSON.parse(answer.text).message], [500, hidden]);
    });

    test('many publishers wait for their decisions at once', async () => {
      await using house = await start();
      let most = 0;
      let now = 0;
      house.running.server.admit(
        async () => {
          most = Math.max(most, ++now);
          await until(() => most === 8, 'as many decisions at once as there may be');
          now--;
          return allow();
        },
        { concurrency: 8 },
      );
      const peers = await Promise.all(Array.from({ length: 60 }, (_, i) => house.publish(`/live/s${i}`)));
      assert.ok(peers.every((peer) => peer.has('publishing')));
      assert.equal(most, 8, 'never more at once');
    });
  });
}

test('a session whose decision never comes is refused in time', async () => {
  await using house = await Cluster.start({ workers: 1 });
  house.running.server.admit(() => new Promise(() => {}), { timeoutMs: 10 });
  const peer = await new RtmpPeer('publish', '/live/a', { port: house.port('rtmp') }).started();
  assert.deepEqual(peer.codes, ['NetStream.Publish.BadName']);
});
