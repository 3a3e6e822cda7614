import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type ApiHouse, startApiHouse } from '../support/api-house.ts';
import { beginStream } from '../support/cluster.ts';
import { eventually } from '../support/tools.ts';
import { RawClient } from '../support/web.ts';

// oxlint-disable-next-line typescript/no-explicit-any
type ApiData = any;

/** The history, once it has so many entries. */
async function historyOf(house: ApiHouse, query: string, count: number): Promise<ApiData> {
  let data: ApiData;
  await eventually(async () => {
    const reply = await house.guest(`/history${query}`);
    assert.equal(reply.status, 200, reply.text);
    data = reply.body.data;
    return data.count === count;
  }, `${count} entries of history`);
  return data;
}

for (const workers of [1, 2]) {
  describe(`API: history, ${workers} ${workers === 1 ? 'process' : 'workers'}`, () => {
    test('publishes and plays are kept with what they were, and over a restart', async () => {
      const store = mkdtempSync(join(tmpdir(), 'nms-history-'));
      const config = { workers, store: { path: store } };
      try {
        {
          await using house = await startApiHouse(config);
          const publisher = await house.rtmp('publish', '/a/b/cam?sign=topsecret');
          const { localPort } = publisher.socket;
          beginStream(publisher);
          const player = await RawClient.open(
            house.port,
            'GET /a/b/cam.flv HTTP/1.1',
            'Host: a',
            'User-Agent: me',
          ).answered();
          player.socket.destroy();
          const { items: plays } = await historyOf(house, '?type=player', 1);
          assert.deepEqual(
            [plays[0].role, plays[0].protocol, plays[0].streamPath, plays[0].userAgent],
            ['player', 'http-flv', '/a/b/cam', 'me'],
          );
          publisher.leave();
          const data = await historyOf(house, '', 1);
          assert.deepEqual([data.page, data.pageSize], [1, 20]);
          const [entry] = data.items;
          assert.deepEqual(
            [entry.role, entry.protocol, entry.app, entry.name, entry.playCount, entry.user, entry.droppedFrames],
            ['publisher', 'rtmp', 'a/b', 'cam', 1, '', 0],
          );
          assert.equal(entry.ip, `127.0.0.1:${localPort}`);
          assert.equal(entry.duration, entry.endTime - entry.startTime);
          assert.ok(entry.inBytes > 0 && entry.startTime > Date.now() - 60_000);
          assert.match(entry.reason, /^the peer said /);
          assert.equal((await house.guest('/history?type=all')).text.includes('topsecret'), false);
          // What ends with the server is kept, too.
          await house.rtmp('publish', '/live/last');
        }
        await using house = await startApiHouse(config);
        const { items } = await historyOf(house, '?sort=streamPath&order=asc', 2);
        assert.deepEqual(
          items.map(({ streamPath, reason }: ApiData) => `${streamPath} ${reason}`).at(-1),
          '/live/last the server is stopping',
        );
        assert.equal((await historyOf(house, '?type=all', 3)).items.length, 3);
      } finally {
        rmSync(store, { recursive: true, force: true });
      }
    });
  });
}

describe('API: history', () => {
  test('is filtered, paged and cleared', async () => {
    await using house = await startApiHouse();
    for (const path of ['/live/a', '/live/b', '/other/c']) (await house.rtmp('publish', path)).leave();
    await historyOf(house, '', 3);
    const count = async (query: string) => (await house.guest(`/history${query}`)).body.data.count;
    assert.equal(await count('?streamPath=/live/a'), 1);
    assert.equal(await count('?search=LIVE'), 2);
    assert.equal(await count('?ip=127.0.0.1'), 3);
    assert.equal(await count('?protocol=http-flv'), 0);
    assert.equal(await count('?start=2020-01-01&end=2020-01-02'), 0);
    assert.equal(await count(`?start=${Date.now() - 60_000}`), 3);
    assert.equal(await count('?type=player'), 0);
    const page = (await house.guest('/history?pageSize=2&page=2&sort=streamPath&order=asc')).body.data;
    assert.deepEqual([page.items.map(({ name }: ApiData) => name), page.count], [['c'], 3]);
    const backwards = await house.guest('/history?start=2&end=2020-01-01&type=nothing');
    assert.equal(backwards.status, 400);
    const later = await house.guest('/history?start=2026-02-01&end=2026-01-31');
    assert.deepEqual([later.status, /start must not be later than end/.test(later.body.message)], [400, true]);

    assert.equal((await house.guest('/history', { method: 'DELETE' })).status, 403);
    const one = await house.admin('/history?streamPath=/live/a', { method: 'DELETE' });
    assert.deepEqual([one.status, one.body.data], [200, { removed: 1 }]);
    const all = await house.admin('/history', { method: 'DELETE' });
    assert.deepEqual(all.body.data, { removed: 2 });
    assert.equal(await count('?type=all'), 0);
  });

  test('that is switched off is 503', async () => {
    await using house = await startApiHouse({ store: { maxHistory: 0 } });
    for (const method of ['GET', 'DELETE']) {
      const reply = await house.admin('/history', { method });
      assert.deepEqual([reply.status, reply.body.code], [503, 'UNAVAILABLE']);
    }
  });
});
