import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startApiHouse } from '../support/api-house.ts';
import { beginStream } from '../support/cluster.ts';
import { eventually } from '../support/tools.ts';
import { until } from '../support/wait.ts';

describe('API: the server', () => {
  test('says what it is and which doors are open', async () => {
    await using house = await startApiHouse({}, { publish: true, secret: 'a secret' });
    const { data } = (await house.guest('/info')).body;
    const { server, config, uptime, node_version: node } = data;
    assert.equal(server.name, 'node-media-server-ts');
    assert.match(server.version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(Object.keys(server), ['name', 'version', 'homepage', 'license', 'author']);
    assert.deepEqual(
      [config.bind, config.rtmp_port, config.http_port, config.https_port, config.auth_enabled],
      ['127.0.0.1', house.running.port('rtmp'), house.port, undefined, true],
    );
    assert.deepEqual([uptime > 0, node], [true, process.version]);
    assert.equal(JSON.stringify(data).includes('a secret'), false);
  });

  for (const workers of [1, 2]) {
    test(`counts sessions, streams and bytes, of those that have left too, ${workers} processes`, async () => {
      await using house = await startApiHouse({ workers });
      const stats = async () => (await house.guest('/stats')).body.data;
      assert.deepEqual((await stats()).network, { inBytes: 0, outBytes: 0, inBps: 0, outBps: 0 });
      const publisher = await house.rtmp('publish');
      beginStream(publisher);
      const player = await house.rtmp('play');
      const { sessions, streams, cpu, memory, server, timestamp } = await stats();
      assert.deepEqual(sessions, { total: 2, publishers: 1, players: 1 });
      assert.deepEqual(streams, { total: 1, publishing: 1 });
      assert.deepEqual(Object.keys(cpu), ['user', 'system']);
      assert.deepEqual(Object.keys(memory), ['rss', 'heapTotal', 'heapUsed', 'external', 'arrayBuffers']);
      assert.deepEqual(
        [server.pid, server.nodeVersion, server.platform, server.arch],
        [process.pid, process.version, process.platform, process.arch],
      );
      assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 10_000);
      await eventually(async () => (await stats()).network.outBytes > 0, 'bytes that were sent');
      player.leave();
      publisher.leave();
      const ended: { inBytes: number; outBytes: number }[] = [];
      house.context.eventEmitter.on('sessionEnd', ({ inBytes, outBytes }) => void ended.push({ inBytes, outBytes }));
      await until(() => house.context.sessions.size === 0, 'the end');
      const sum = (name: 'inBytes' | 'outBytes') => ended.reduce((total, counts) => total + counts[name], 0);
      assert.equal(ended.length, 2);
      const { network } = await stats();
      assert.deepEqual([network.inBytes, network.outBytes], [sum('inBytes'), sum('outBytes')]);
      if (workers === 1) assert.deepEqual((await stats()).workers, []);
      else await eventually(async () => (await stats()).workers.length === 2, 'both workers');
    });
  }
});
