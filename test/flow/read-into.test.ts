import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { readInto } from '../../src/servers/rtmp/read-into.ts';
import { until } from '../support/wait.ts';

/** Both ends of a connection, the accepted one before anything was read from it. */
async function pair(onAccepted: (socket: Socket) => void) {
  const server = createServer(onAccepted).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  return {
    client,
    accepted,
    async [Symbol.asyncDispose]() {
      client.destroy();
      accepted.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('reading accepted sockets into one buffer', () => {
  test('works with this version of Node: two sockets take turns, pause, go on and end', async () => {
    const buffer = Buffer.alloc(1000);
    const heard: [string[], string[]] = [[], []];
    const seen = (index: 0 | 1) => (socket: Socket) => {
      assert.equal(
        readInto(socket, buffer, (bytes) => heard[index].push(bytes.toString('latin1'))),
        true,
      );
    };
    await using first = await pair(seen(0));
    await using second = await pair(seen(1));
    for (let i = 0; i < 50; i++) {
      first.client.write(`a${i};`);
      second.client.write(`b${i};`.repeat(100));
    }
    await until(() => heard[1].join('').endsWith('b49;') && heard[0].join('').endsWith('a49;'), 'everything');
    assert.equal(heard[0].join(''), Array.from({ length: 50 }, (_, i) => `a${i};`).join(''));
    assert.equal(heard[1].join('').length, Array.from({ length: 50 }, (_, i) => `b${i};`.repeat(100)).join('').length);

    first.accepted.pause();
    first.client.write('later;');
    second.client.write('now;');
    await until(() => heard[1].join('').endsWith('now;'), 'the other one');
    assert.ok(heard[0].join('').endsWith('a49;'));
    first.accepted.resume();
    await until(() => heard[0].join('').endsWith('later;'), 'the one that was paused');

    const ended = once(first.accepted, 'end');
    first.client.end();
    await ended;
  });

  test('leaves a socket alone that holds bytes which nobody has read', async () => {
    await using one = await pair((socket) => void socket.read(0));
    one.client.write('early');
    await until(() => one.accepted.readableLength === 5, 'the bytes');
    assert.equal(
      readInto(one.accepted, Buffer.alloc(10), () => assert.fail('called')),
      false,
    );
    const [chunk] = (await once(one.accepted, 'data')) as [Buffer];
    assert.equal(String(chunk), 'early');
  });

  test('leaves a socket alone whose insides it does not know', () => {
    const stranger = { _handle: { useUserBuffer() {} } } as unknown as Socket;
    assert.equal(
      readInto(stranger, Buffer.alloc(10), () => assert.fail('called')),
      false,
    );
  });
});
