import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { Door } from '../../src/core/door.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { RawClient } from '../support/web.ts';
import { until } from '../support/wait.ts';

const options = { name: 'rtmp', host: '127.0.0.1', port: 0, logger: silentLogger } as const;

describe('a door', () => {
  test('holds who comes before it lets anybody in; then nothing is lost, and who has left is left out', async () => {
    const door = await Door.open(options);
    const { port } = door.listener;
    const client = RawClient.open(port, 'early');
    const gone = connect(port, '127.0.0.1');
    await until(() => client.socket.readyState === 'open' && gone.readyState === 'open', 'both are connected');
    gone.resetAndDestroy();
    await until(() => gone.closed, 'one has left');
    const late = new Promise<Socket[]>((resolve) => {
      const sockets: Socket[] = [];
      door.start((socket) => {
        sockets.push(socket);
        socket.on('error', () => undefined);
        socket.on('data', (bytes) => socket.write(bytes));
        if (client.socket.localPort === socket.remotePort) resolve(sockets);
      });
    });
    await late;
    await until(() => client.received.toString() === 'early\r\n\r\n', 'the echo');
    door.close();
    client.socket.write('more');
    await until(() => client.received.toString().endsWith('more'), 'who is in stays');
    client.socket.destroy();
  });

  test('that is shut before it let anybody in cuts those whom it held', async () => {
    const door = await Door.open(options);
    const client = RawClient.open(door.listener.port);
    await until(() => client.socket.readyState === 'open', 'connected');
    const other = RawClient.open(door.listener.port);
    await until(() => other.socket.readyState === 'open', 'connected');
    door.close();
    door.close();
    await Promise.all([client.closed(), other.closed()]);
    const refused = connect(door.listener.port, '127.0.0.1');
    const code = await new Promise((resolve) =>
      refused.once('error', (error: NodeJS.ErrnoException) => resolve(error.code)),
    );
    assert.equal(code, 'ECONNREFUSED');
  });
});
