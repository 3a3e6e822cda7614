import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { NodeMediaServerConfig } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { temporaryFolder } from './cli-process.ts';
import { type Answer, Receiver, says, sessionOf } from './notify-receiver.ts';

type Target = NonNullable<NonNullable<NodeMediaServerConfig['notify']>['targets']>[number];
const asks = ['prePublish', 'prePlay'] as const;

async function serverFor(t: TestContext, targets: Target[], more: NodeMediaServerConfig = {}) {
  return startServer({ ...more, notify: { targets } }, temporaryFolder(t));
}

/** Why a publisher was not let in, as the encoder sees it. */
async function publish(port: number, path: string): Promise<RtmpPeer> {
  return new RtmpPeer('publish', path, { port }).started();
}

function refusalOf({ events }: RtmpPeer): string {
  const failed = events.find((event) => event.kind === 'failed');
  return failed === undefined ? '' : JSON.stringify(failed);
}

describe('a webhook that decides', () => {
  test('lets a publisher and a player in with 2xx, and hears who they are', async (t) => {
    await using receiver = await Receiver.open(says(200, { allow: true }));
    await using running = await serverFor(t, [{ url: receiver.url, events: [...asks], secret: 'k' }]);
    const port = running.port('rtmp');
    const publisher = await publish(port, '/live/a?token=ey&room=7');
    assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
    publisher.send('video', 0, bodies.avcConfig);
    publisher.send('video', 0, bodies.key());
    const player = await new RtmpPeer('play', '/live/a', { port }).started();
    await until(() => player.packets.length > 1, 'media');
    const [asked, askedToo, ...more] = receiver.calls;
    assert.equal(more.length, 0);
    assert.equal(asked?.event, 'prePublish');
    assert.equal(askedToo?.event, 'prePlay');
    assert.equal(asked?.body['version'], 1);
    const session = sessionOf(asked);
    assert.equal(session['streamPath'], '/live/a');
    assert.equal(session['protocol'], 'rtmp');
    assert.equal(session['isPublisher'], true);
    assert.deepEqual(session['streamQuery'], { token: 'ey', room: '7' });
    assert.equal(asked?.headers['x-nms-id'], asked?.body['id']);
    assert.match(String(asked?.headers['x-nms-signature']), /^v1=[0-9a-f]{64}$/);
    assert.equal(asked?.headers['content-type'], 'application/json');
    player.leave();
    publisher.leave();
  });

  const refusals: readonly [string, Answer, RegExp][] = [
    ['403 with a reason', says(403, { reason: 'not on the list' }), /not on the list/],
    ['404 with a message', says(404, { message: 'no such user' }), /no such user/],
    ['401 without words', (_, response) => void response.writeHead(401).end(), /refused by a webhook/],
    ['200 and allow: false', says(200, { allow: false, reason: 'not paid' }), /not paid/],
  ];
  for (const [name, answer, reason] of refusals) {
    test(`that answers ${name} keeps a publisher out, who hears why`, async (t) => {
      await using receiver = await Receiver.open(answer);
      await using running = await serverFor(t, [{ url: receiver.url, events: [...asks], onError: 'allow' }]);
      const publisher = await publish(running.port('rtmp'), '/live/a');
      assert.match(refusalOf(publisher), reason);
      assert.ok(!publisher.has('publishing'));
      assert.equal(running.server.context.broadcasts.size, 0);
    });
  }

  test('keeps a player out with 403, over HTTP too', async (t) => {
    await using receiver = await Receiver.open(says(403, { reason: 'members only' }));
    await using running = await serverFor(t, [{ url: receiver.url, events: ['prePlay'] }]);
    const response = await fetch(`http://127.0.0.1:${running.port('http')}/live/a.flv`);
    assert.equal(response.status, 403);
    assert.match(await response.text(), /members only/);
  });

  test('that redirects sends the publisher to another stream', async (t) => {
    await using receiver = await Receiver.open(says(200, { redirect: '/live/b' }));
    await using running = await serverFor(t, [{ url: receiver.url, events: ['prePublish'] }]);
    const publisher = await publish(running.port('rtmp'), '/live/a');
    assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
    assert.deepEqual([...running.server.context.broadcasts.keys()], ['/live/b']);
    publisher.leave();
  });

  test('limits the session, the strictest of all that were asked', async (t) => {
    await using first = await Receiver.open(says(200, { limits: { codecs: ['hevc', 'aac'] } }));
    await using second = await Receiver.open(says(200, { limits: { codecs: ['avc', 'aac'] } }));
    await using running = await serverFor(t, [
      { url: first.url, events: ['prePublish'] },
      { url: second.url, events: ['prePublish'] },
    ]);
    const publisher = await publish(running.port('rtmp'), '/live/a');
    assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
    publisher.send('video', 0, bodies.avcConfig);
    await until(() => publisher.isClosed, 'the end');
    assert.ok(running.lines.some(({ fields }) => /codecs.*avc.*granted: aac/.test(JSON.stringify(fields))));
  });

  test('of several all must agree; who comes after a refusal is not asked', async (t) => {
    await using first = await Receiver.open();
    await using second = await Receiver.open(says(403, { reason: 'no' }));
    await using third = await Receiver.open();
    const targets = [first, second, third].map(({ url }) => ({ url, events: [...asks] }));
    await using running = await serverFor(t, targets);
    const publisher = await publish(running.port('rtmp'), '/live/a');
    assert.match(refusalOf(publisher), /no/);
    assert.deepEqual(
      [first, second, third].map(({ calls }) => calls.length),
      [1, 1, 0],
    );
  });

  const failures: readonly [string, Answer][] = [
    ['500', (_, response) => void response.writeHead(500).end('{"allow":true}')],
    ['a redirect', (_, response) => void response.writeHead(302, { Location: '/elsewhere' }).end()],
    ['rubbish', says(200, { alow: true })],
    ['a page', (_, response) => void response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Hello</h1>')],
    ['too much', (_, response) => void response.end(' '.repeat(100_000))],
    ['nothing, ever', () => undefined],
    ['half an answer', (_, response) => void response.writeHead(200, { 'Content-Length': '9' }).write('{')],
    ['a closed connection', (_, response) => void response.destroy()],
    ['something that is not HTTP', (_, response) => void response.socket?.end('SSH-2.0-x\r\n')],
  ];
  for (const [name, answer] of failures) {
    for (const onError of ['deny', 'allow'] as const) {
      test(`that answers ${name} follows onError "${onError}", and the log says so`, async (t) => {
        await using receiver = await Receiver.open(answer);
        const target = { url: receiver.url, name: 'site', events: [...asks], timeoutMs: 150, onError };
        await using running = await serverFor(t, [target]);
        const publisher = await publish(running.port('rtmp'), '/live/a');
        assert.equal(publisher.has('publishing'), onError === 'allow');
        assert.deepEqual(new Set(receiver.calls.map(({ path }) => path)), new Set(['/hook']));
        const said = running.lines.filter(({ message }) => message.startsWith('a webhook gave no decision'));
        assert.equal(said.length, 1);
        assert.equal(said[0]?.level, 'warn');
        assert.equal(said[0]?.fields['target'], 'site');
        assert.equal(said[0]?.fields['onError'], onError);
        publisher.leave();
      });
    }
  }

  for (const onError of ['deny', 'allow'] as const) {
    test(`that nobody answers follows onError "${onError}"`, async (t) => {
      const closed = createServer();
      await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
      const { port } = closed.address() as AddressInfo;
      await new Promise((resolve) => closed.close(resolve));
      const url = `http://u:hunter2@127.0.0.1:${port}/hook?k=hunter2`;
      await using running = await serverFor(t, [{ url, events: [...asks], headers: { 'X-Key': 'hunter2' }, onError }]);
      const publisher = await publish(running.port('rtmp'), '/live/a');
      assert.equal(publisher.has('publishing'), onError === 'allow');
      assert.doesNotMatch(JSON.stringify(running.lines), /hunter2/);
      publisher.leave();
    });
  }

  test('a peer that goes while it is asked about ends the call', async (t) => {
    let isGone = false;
    await using receiver = await Receiver.open((_, response) => {
      response.on('close', () => {
        isGone = true;
      });
    });
    await using running = await serverFor(t, [{ url: receiver.url, events: ['prePlay'], timeoutMs: 60_000 }]);
    const leave = new AbortController();
    const player = fetch(`http://127.0.0.1:${running.port('http')}/live/a.flv`, { signal: leave.signal });
    await receiver.received('prePlay');
    leave.abort();
    await assert.rejects(player, { name: 'AbortError' });
    await until(() => isGone, 'the end of the call');
  });

  test('asks about no more sessions at once than are allowed, and lets all of them in', async (t) => {
    const held: ServerResponse[] = [];
    let most = 0;
    await using receiver = await Receiver.open((_, response) => {
      held.push(response);
      most = Math.max(most, held.length);
      // Nobody is answered before all who may be asked about at once are.
      if (held.length < 3 && receiver.calls.length < 40) return;
      setImmediate(() => {
        for (const one of held.splice(0)) one.end();
      });
    });
    await using running = await startServer(
      { notify: { maxCallsPerTarget: 3, targets: [{ url: receiver.url, events: ['prePublish'] }] } },
      temporaryFolder(t),
    );
    const port = running.port('rtmp');
    const peers = await Promise.all(Array.from({ length: 40 }, (_, index) => publish(port, `/live/${index}`)));
    assert.ok(peers.every((peer) => peer.has('publishing')));
    assert.equal(most, 3);
    assert.ok(receiver.connections <= 3);
    for (const peer of peers) peer.leave();
  });

  test('more sessions than may wait follow onError', async (t) => {
    await using receiver = await Receiver.open(() => undefined);
    await using running = await startServer(
      {
        notify: {
          maxCallsPerTarget: 1,
          maxWaitingDecisions: 1,
          targets: [{ url: receiver.url, events: ['prePublish'], timeoutMs: 60_000 }],
        },
      },
      temporaryFolder(t),
    );
    const port = running.port('rtmp');
    const waiting = [1, 2].map((index) => new RtmpPeer('publish', `/live/${index}`, { port }));
    await receiver.received('prePublish');
    const asking = () => [...running.server.context.sessions.values()].filter(({ streamPath }) => streamPath !== '');
    await until(() => asking().length === 2, 'both sessions');
    const third = await publish(port, '/live/3');
    assert.ok(third.has('failed'));
    assert.ok(running.lines.some(({ fields }) => String(fields['reason']).includes('notify.maxWaitingDecisions')));
    for (const peer of waiting) peer.crash();
  });
});

describe('notify.url, for a receiver of Node-Media-Server 4', () => {
  test('gets the old payload and decides by its status', async (t) => {
    await using receiver = await Receiver.open(
      ({ event }, response) => void response.writeHead(event === 'prePlay' ? 403 : 200).end('{"code":0}'),
    );
    await using running = await startServer({ notify: { url: receiver.url } }, temporaryFolder(t));
    const publisher = await publish(running.port('rtmp'), '/live/cam?sign=1-x');
    assert.ok(publisher.has('publishing'));
    const [asked] = await receiver.received('prePublish');
    assert.deepEqual(Object.keys(asked?.body ?? {}), [
      ...['id', 'ip', 'app', 'name', 'query', 'protocol', 'createtime', 'endtime', 'inbytes', 'outbytes', 'filePath'],
      'action',
    ]);
    assert.deepEqual(asked?.body['query'], { sign: '1-x' });
    assert.equal(asked?.headers['x-nms-signature'], undefined);
    const response = await fetch(`http://127.0.0.1:${running.port('http')}/live/cam.flv`);
    assert.equal(response.status, 403);
    publisher.leave();
    await receiver.received('donePublish');
    assert.deepEqual(
      receiver.calls.map(({ event }) => event).filter((event) => event.endsWith('Publish')),
      ['prePublish', 'postPublish', 'donePublish'],
    );
  });

  test('ends a session whose postPublish it answers with 403', async (t) => {
    await using receiver = await Receiver.open(
      ({ event }, response) => void response.writeHead(event === 'postPublish' ? 403 : 200).end(),
    );
    await using running = await startServer({ notify: { url: receiver.url } }, temporaryFolder(t));
    const publisher = await publish(running.port('rtmp'), '/live/cam');
    await until(() => publisher.isClosed, 'the end');
    const [done] = await receiver.received('donePublish');
    assert.equal(done?.body['name'], 'cam');
    assert.equal(receiver.of('postPublish').length, 1);
  });
});
