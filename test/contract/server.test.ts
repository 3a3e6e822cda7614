import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { doorNames } from '../../src/core/config-schema.ts';
import {
  type Listener,
  ListenError,
  NodeMediaServer,
  type NodeMediaServerConfig,
  type ServerDefinition,
  servers,
} from '../../src/index.ts';
import { until } from '../support/wait.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'nms-contract-'));
});
after(() => rmSync(folder, { recursive: true }));

const HOST = '127.0.0.1';

function doorsOf(definition: ServerDefinition): string[] {
  return doorNames.filter((name) => name in definition.sections);
}

/** A house with this one server, its doors on the ports given, or on any. */
function houseWith(definition: ServerDefinition, ports: Readonly<Record<string, number>> = {}): NodeMediaServer {
  const doors = Object.fromEntries(doorsOf(definition).map((name) => [name, { port: ports[name] ?? 0 }]));
  const config = { bind: HOST, ...doors } as NodeMediaServerConfig;
  return new NodeMediaServer(config, { folder, servers: [definition] });
}

/** Does anybody listen there? */
function isOpen({ host, port }: Pick<Listener, 'host' | 'port'>): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** A port that another program has taken. */
async function takenPort(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, HOST, done));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())),
  };
}

const count = (name: string) => process.getActiveResourcesInfo().filter((resource) => resource === name).length;

/** Watches what keeps a process alive. Closed sockets leave at the end of a turn of the event loop. */
function watchResources(sockets: number): () => Promise<void> {
  const timers = count('Timeout');
  return () =>
    until(
      () => count('TCPServerWrap') === sockets && count('Timeout') <= timers,
      `${sockets} listening sockets and ${timers} timers are left`,
      2000,
    );
}

for (const definition of servers as readonly ServerDefinition[]) {
  describe(`the server "${definition.name}"`, () => {
    test('runs, has the doors of its sections open, and none after it stopped', async () => {
      const nothingIsLeft = watchResources(0);
      const house = houseWith(definition);
      assert.equal(house.listeners.length, 0);
      await house.run();
      const listeners = [...house.listeners];
      assert.deepEqual(
        listeners.map(({ name }) => name),
        doorsOf(definition),
      );
      for (const listener of listeners) {
        assert.ok(listener.port > 0);
        assert.equal(listener.address, `${HOST}:${listener.port}`);
        assert.equal(await isOpen(listener), true, listener.address);
      }
      await house.stop();
      assert.equal(house.listeners.length, 0);
      for (const listener of listeners) assert.equal(await isOpen(listener), false, listener.address);
      await nothingIsLeft();
    });

    test('stops twice, at once and later', async () => {
      const house = houseWith(definition);
      await house.run();
      await Promise.all([house.stop(), house.stop()]);
      await house.stop();
      assert.equal(house.state, 'stopped');
      assert.equal(house.listeners.length, 0);
    });

    test('stops before it ran, and does not run after that', async () => {
      const nothingIsLeft = watchResources(0);
      const house = houseWith(definition);
      await house.stop();
      await assert.rejects(house.run(), { code: 'NMS_CLOSED' });
      assert.equal(house.listeners.length, 0);
      await nothingIsLeft();
    });

    test('stops while it starts, and leaves nothing open', async () => {
      const nothingIsLeft = watchResources(0);
      const house = houseWith(definition);
      const running = house.run();
      await house.stop();
      await running.catch((error: unknown) => assert.equal((error as { code: string }).code, 'NMS_CLOSED'));
      assert.equal(house.listeners.length, 0);
      await nothingIsLeft();
    });

    for (const door of doorsOf(definition)) {
      test(`rejects a taken port for ${door} by its address, and leaves nothing open`, async () => {
        await using taken = await takenPort();
        const nothingIsLeft = watchResources(1);
        const house = houseWith(definition, { [door]: taken.port });
        const address = `${HOST}:${taken.port}`;
        await assert.rejects(house.run(), (error) => {
          assert.ok(error instanceof ListenError, String(error));
          assert.equal(error.address, address);
          assert.equal(error.message, `${door} cannot listen on ${address}: the port is taken by another program`);
          assert.equal((error.cause as NodeJS.ErrnoException).code, 'EADDRINUSE');
          return true;
        });
        assert.equal(house.listeners.length, 0);
        assert.equal(house.state, 'stopped');
        await nothingIsLeft();
      });
    }
  });
}

test('two servers of one definition live side by side on doors of their own', async () => {
  const definitions = servers as readonly ServerDefinition[];
  const make = () => {
    const doors = Object.fromEntries(doorNames.map((name) => [name, { port: 0 }]));
    return new NodeMediaServer({ bind: HOST, ...doors }, { folder, servers: definitions });
  };
  await using one = make();
  await using two = make();
  await one.run();
  await two.run();
  const ports = [...one.listeners, ...two.listeners].map(({ port }) => port);
  assert.equal(new Set(ports).size, 2 * doorNames.length);
  await one.stop();
  for (const listener of two.listeners) assert.equal(await isOpen(listener), true, listener.address);
});
