import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { type ApiHouse, startApiHouse } from '../support/api-house.ts';
import { beginStream } from '../support/cluster.ts';
import type { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';
import { beginning, HttpPublisherClient, RawClient } from '../support/web.ts';

const REASON = 'Übertragung beendet: bitte später wiederkommen';

// oxlint-disable-next-line typescript/no-explicit-any
type ApiData = any;

const sessionsOf = async (house: ApiHouse, query = '') => {
  const reply = await house.guest(`/sessions${query}`);
  assert.equal(reply.status, 200, reply.text);
  return reply.body.data;
};

/** The session of this role, once there is one. */
async function sessionOf(house: ApiHouse, role: 'publisher' | 'player', path = '/live/a'): Promise<string> {
  const find = () => {
    return [...house.context.sessions.values()].find((session) => session.role === role && session.streamPath === path);
  };
  await until(() => find() !== undefined, `the ${role} of ${path}`);
  return find()!.id;
}

const kick = (house: ApiHouse, id: string, reason = REASON) =>
  house.admin(`/sessions/${id}?reason=${encodeURIComponent(reason)}`, { method: 'DELETE' });

/** The status messages that a peer got. */
const statusesOf = (peer: RtmpPeer) =>
  peer.events.flatMap((event) => (event.kind === 'status' ? [`${event.code} ${event.description}`] : []));

interface Socket {
  code: number;
  reason: string;
}

async function openWebSocket(house: ApiHouse, path: string, protocols: string[] = []) {
  const webSocket = new WebSocket(`ws://127.0.0.1:${house.port}${path}`, protocols);
  const end: Socket = { code: 0, reason: '' };
  webSocket.on('close', (code, reason) => Object.assign(end, { code, reason: reason.toString() }));
  webSocket.on('error', () => {});
  await new Promise((resolve) => webSocket.once('open', resolve));
  return { webSocket, end };
}

for (const workers of [1, 2]) {
  describe(`API: kicking, ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    test('players hear the reason in the words of their protocol, and the stream goes on', async () => {
      await using house = await startApiHouse({ workers });
      const publisher = await house.rtmp('publish');
      beginStream(publisher);

      const rtmp = await house.rtmp('play');
      assert.equal((await kick(house, await sessionOf(house, 'player'))).status, 200);
      await until(() => rtmp.isClosed, 'the end of the RTMP player');
      assert.equal(statusesOf(rtmp).at(-1), `NetStream.Play.UnpublishNotify ${REASON}`);
      await until(() => [...house.context.sessions.values()].every(({ role }) => role !== 'player'), 'no player');

      const { end } = await openWebSocket(house, '/live/a.flv');
      assert.equal((await kick(house, await sessionOf(house, 'player'))).status, 200);
      await until(() => end.code !== 0, 'the end of the WebSocket');
      assert.deepEqual(end, { code: 1008, reason: REASON });
      await until(() => [...house.context.sessions.values()].every(({ role }) => role !== 'player'), 'no player');

      const http = await RawClient.open(house.port, 'GET /live/a.flv HTTP/1.1', 'Host: test').answered();
      assert.equal((await kick(house, await sessionOf(house, 'player'))).status, 200);
      await http.closed();
      assert.equal(house.context.streams.get('/live/a')?.status, 'publishing');
    });

    test('publishers hear it too, and their places are not kept', async () => {
      await using house = await startApiHouse({ workers });
      const rtmp = await house.rtmp('publish', '/live/rtmp');
      beginStream(rtmp);
      const http = new HttpPublisherClient(house.port, '/live/http.flv');
      http.write(beginning());
      const { webSocket, end } = await openWebSocket(house, '/live/ws.flv', ['post']);
      webSocket.send(beginning());
      for (const path of ['/live/rtmp', '/live/http', '/live/ws']) {
        assert.equal((await kick(house, await sessionOf(house, 'publisher', path))).status, 200, path);
      }
      await until(() => rtmp.isClosed && end.code !== 0, 'the ends');
      assert.equal(statusesOf(rtmp).at(-1), `NetStream.Publish.Rejected ${REASON}`);
      const answer = await http.answer;
      assert.deepEqual([answer.status, JSON.parse(answer.text).message], [503, REASON]);
      assert.deepEqual(end, { code: 1008, reason: REASON });
      await until(() => house.context.streams.size === 0, 'the end of the streams');
    });
  });
}

describe('API: sessions', () => {
  test('are shown with what they do, and nothing of their address that is a secret', async () => {
    await using house = await startApiHouse();
    beginStream(await house.rtmp('publish', '/a/b/cam?sign=topsecret&key=topsecret'));
    const player = await RawClient.open(
      house.port,
      'GET /a/b/cam.flv?token=topsecret HTTP/1.1',
      'Host: test',
      'User-Agent: me',
    ).answered();
    const id = await sessionOf(house, 'player', '/a/b/cam');
    const reply = await house.guest(`/sessions/${id}`);
    assert.equal(reply.status, 200, reply.text);
    const { createTime, duration, outBytes, inBytes, ip, inBps, outBps, ...rest } = reply.body.data;
    assert.deepEqual(rest, {
      id,
      address: '127.0.0.1',
      protocol: 'http-flv',
      type: 'player',
      isPublisher: false,
      app: 'a/b',
      name: 'cam',
      streamPath: '/a/b/cam',
      userAgent: 'me',
      user: '',
      backlogBytes: 0,
      droppedFrames: 0,
      internal: false,
    });
    assert.equal(ip, `127.0.0.1:${player.socket.localPort}`);
    assert.ok(duration >= 0 && Math.abs(createTime + duration - Date.now()) < 10_000 && outBytes > 0);
    assert.deepEqual([inBytes, inBps, outBps].map(Number.isInteger), [true, true, true]);
    const list = await house.guest('/sessions');
    assert.equal((reply.text + list.text).includes('topsecret'), false);
    assert.equal(list.text.includes('sign'), false);
    player.socket.destroy();
  });

  test('are filtered, sorted and paged', async () => {
    await using house = await startApiHouse();
    beginStream(await house.rtmp('publish', '/live/a'));
    beginStream(await house.rtmp('publish', '/other/b'));
    await house.rtmp('play', '/live/a');
    const flv = await RawClient.open(house.port, 'GET /live/a.flv HTTP/1.1', 'Host: a', 'User-Agent: VLC').answered();
    await until(() => house.context.streams.get('/live/a')?.playerCount === 2, 'two players');
    const count = async (query: string) => (await sessionsOf(house, query)).total;
    assert.equal(await count(''), 4);
    assert.equal(await count('?app=live'), 3);
    assert.equal(await count('?name=b'), 1);
    assert.equal(await count('?type=player'), 2);
    assert.equal(await count('?type=publisher&protocol=rtmp'), 2);
    assert.equal(await count('?protocol=http-flv'), 1);
    assert.equal(await count('?ip=127.0.0.1'), 4);
    assert.equal(await count('?ip=127.0.0'), 0);
    assert.equal(await count('?search=vlc'), 1);
    const { sessions } = await sessionsOf(house, '?sort=streamPath&order=desc');
    assert.equal(sessions[0].streamPath, '/other/b');
    const page = await sessionsOf(house, '?pageSize=3&page=2');
    assert.deepEqual([page.sessions.length, page.total, page.page, page.pageSize], [1, 4, 2, 3]);
    flv.socket.destroy();
  });

  test('of our own are listed only for who asks', async () => {
    await using house = await startApiHouse();
    await house.rtmp('publish');
    const [session] = house.context.sessions.values();
    Object.defineProperty(session, 'internal', { value: true });
    const isShown = async (query: string) => (await sessionsOf(house, query)).total;
    assert.equal(await isShown(''), 0);
    const { sessions } = await sessionsOf(house, '?internal=true');
    assert.deepEqual(
      sessions.map(({ internal }: ApiData) => internal),
      [true],
    );
  });

  test('are ended with the usual reason when none is given; what cannot be one is refused', async () => {
    await using house = await startApiHouse();
    const publisher = await house.rtmp('publish');
    const id = await sessionOf(house, 'publisher');
    for (const reason of ['a\nb', '\u0000', 'x'.repeat(121), 'ü'.repeat(61), '\u2028']) {
      const refused = await kick(house, id, reason);
      assert.deepEqual([refused.status, refused.body.code], [400, 'BAD_REQUEST'], JSON.stringify(reason));
    }
    const guest = await house.guest(`/sessions/${id}`, { method: 'DELETE' });
    assert.deepEqual([guest.status, guest.body.code], [403, 'FORBIDDEN']);
    assert.equal(publisher.isClosed, false);
    const reply = await house.admin(`/sessions/${id}`, { method: 'DELETE' });
    assert.deepEqual(reply.body, { success: true, data: { id }, message: 'Session deleted successfully' });
    await until(() => publisher.isClosed, 'the end');
    assert.equal(statusesOf(publisher).at(-1), 'NetStream.Publish.Rejected closed by the operator');
    const again = await house.admin(`/sessions/${id}`, { method: 'DELETE' });
    assert.deepEqual([again.status, again.body.message], [404, 'Session not found']);
    const line = house.running.lines.find(({ message }) => message === 'kicked');
    assert.deepEqual([line?.fields['by'], line?.fields['session']], ['admin', id]);
  });
});
