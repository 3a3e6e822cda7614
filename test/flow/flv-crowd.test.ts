import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { bodies } from '../support/media.ts';
import { until } from '../support/wait.ts';
import { ask, publishStream, RawClient, readChunks, readFlv, startWeb, type WebHouse } from '../support/web.ts';

const GET = ['GET /live/a.flv HTTP/1.1', 'Host: test'];
const UPGRADE = [
  ...GET,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
];

/** Nobody gets a turn before `pass` is called. */
function holdTurns({ context }: WebHouse) {
  const waiting: (() => void)[] = [];
  const take = () => new Promise<void>((resolve) => waiting.push(resolve));
  Object.assign(context.turns, { take });
  const pass = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  return { waiting, pass };
}

const players = ({ context }: WebHouse) => [...context.sessions.values()].filter((session) => !session.isPublisher);

describe('a crowd over HTTP and WebSockets', () => {
  for (const [kind, request] of Object.entries({ 'HTTP-FLV': GET, 'WS-FLV': UPGRADE })) {
    test(`${kind}: who waits for his turn costs no session yet; then he is served in one go`, async () => {
      await using house = await startWeb();
      await publishStream(house);
      const turns = holdTurns(house);
      const crowd = Array.from({ length: 3 }, () => RawClient.open(house.port, ...request));
      await until(() => turns.waiting.length === crowd.length, 'all have asked');
      assert.deepEqual(players(house), []);
      turns.pass();
      await Promise.all(crowd.map((player) => player.answered()));
      await until(() => crowd.every(({ body }) => body.includes(bodies.key('key 0'))), 'the first picture');
      assert.equal(turns.waiting.length, 0, 'nobody was asked to wait a second time');
      for (const { socket } of crowd) socket.destroy();
    });

    test(`${kind}: the answer and the first picture leave in one piece`, async (t) => {
      await using house = await startWeb();
      await publishStream(house);
      const names = ['_write', '_writev' as '_write'] as const;
      const writes = names.map((name) => t.mock.method(Socket.prototype, name));
      const player = RawClient.open(house.port, ...request);
      await until(() => player.received.includes(bodies.key('key 0')), 'the first picture');
      const isHis = (socket: unknown) => (socket as Socket).remotePort === player.socket.localPort;
      const count = writes.flatMap(({ mock }) => mock.calls).filter((call) => isHis(call.this)).length;
      assert.equal(count, 1);
      player.socket.destroy();
    });

    test(`${kind}: what goes wrong once it is his turn is his answer, and nobody else's`, async () => {
      await using house = await startWeb();
      const turns = holdTurns(house);
      const player = RawClient.open(house.port, ...request);
      await until(() => turns.waiting.length === 1, 'he has asked');
      const set = () => {
        throw new Error('a fault of ours');
      };
      Object.assign(house.context.sessions, { set });
      turns.pass();
      await player.answered();
      assert.equal(player.status, 500);
      assert.ok(house.lines.some(({ level, message }) => level === 'error' && message === 'an FLV request failed'));
    });

    const ways = {
      'hangs up': (player: RawClient) => void player.socket.destroy(),
      'resets his connection': (player: RawClient) => void player.socket.resetAndDestroy(),
      'ends his side': (player: RawClient) => void player.socket.end(),
    };
    for (const [how, leave] of Object.entries(ways)) {
      test(`${kind}: one who ${how} while he waits leaves nothing behind`, async () => {
        await using house = await startWeb();
        await publishStream(house);
        const { total } = house.context.connections;
        const turns = holdTurns(house);
        const player = RawClient.open(house.port, ...request);
        await until(() => turns.waiting.length === 1, 'he has asked');
        leave(player);
        // By now the server has heard of it, too.
        await ask(house.port, '/');
        turns.pass();
        await until(() => house.context.connections.total === total, 'his connection is gone');
        assert.deepEqual(players(house), []);
      });
    }
  }

  test('one who was let in and had to wait for a decision waits for another turn', async () => {
    await using house = await startWeb();
    await publishStream(house);
    const turns = holdTurns(house);
    let decide = () => {};
    house.context.guards.push(() => new Promise<void>((resolve) => (decide = resolve)));
    const player = RawClient.open(house.port, ...GET);
    await until(() => turns.waiting.length === 1, 'he has asked');
    turns.pass();
    await until(() => players(house).length === 1, 'he is let in');
    // Somebody else's turn has come and gone meanwhile.
    Object.defineProperty(house.context.turns, 'now', { value: -1 });
    decide();
    await until(() => turns.waiting.length === 1, 'he waits again');
    turns.pass();
    await player.answered();
    await until(() => readFlv(Buffer.concat(readChunks(player.body).chunks)).tags.length > 0, 'media');
    player.socket.destroy();
  });
});
