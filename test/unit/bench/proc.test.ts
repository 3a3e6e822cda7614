import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { descriptors, sockets } from '../../../bench/proc.ts';

test('a history file that a server opens on its way is no connection left open', {
  skip: process.platform !== 'linux',
}, async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const before = { sockets: sockets([process.pid]), descriptors: descriptors([process.pid]) };
  const file = openSync('/dev/null', 'r');
  assert.equal(sockets([process.pid]), before.sockets);
  assert.equal(descriptors([process.pid]), before.descriptors + 1);
  closeSync(file);
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const client = connect(address.port, '127.0.0.1');
  const [peer] = await once(server, 'connection');
  assert.equal(sockets([process.pid]), before.sockets + 2);
  client.destroy();
  peer.destroy();
  server.close();
});
