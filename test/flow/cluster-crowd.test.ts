import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { ConnectionError } from '../../src/errors.ts';
import type { StartMessage, ToPrimary } from '../../src/servers/cluster/messages.ts';
import { Visitor } from '../../src/servers/cluster/visitor.ts';
import { type WorkerEnd, WorkerProcess } from '../../src/servers/cluster/worker-process.ts';
import { until } from '../support/wait.ts';
import { temporaryFolder } from './cli-process.ts';

/** Takes the connections that it has once it hears anything else, and from then on at once; says in which order all came. */
const WORKER = `
const kinds = [];
const held = [];
let isHolding = true;
const took = (socket) => process.send({ kind: 'took', socket });
process.on('message', (message, handle) => {
  if (message.kind === 'start') return process.send({ kind: 'ready' });
  kinds.push(message.kind);
  handle?.destroy();
  if (message.kind !== 'socket') {
    isHolding = false;
    for (const id of held.splice(0)) took(id);
  } else if (isHolding) held.push(message.socket);
  else took(message.socket);
  process.send({ kind: 'log', level: 'info', fields: {}, message: kinds.join(' ') });
});
process.on('disconnect', () => process.exit(0));
`;

async function startWorker(t: TestContext) {
  const entry = join(temporaryFolder(t), 'worker.mjs');
  writeFileSync(entry, WORKER);
  const said: string[] = [];
  const onMessage = (_worker: WorkerProcess, message: ToPrimary) => {
    if (message.kind === 'log') said.push(message.message);
  };
  const left: number[] = [];
  const onEnd = (_worker: WorkerProcess, { leftOver }: WorkerEnd) => void left.push(...leftOver.map(({ id }) => id));
  const worker = new WorkerProcess(entry, { kind: 'start', worker: 1 } as StartMessage, { onMessage, onEnd });
  t.after(() => worker.kill());
  await worker.ready;
  return { worker, said, left };
}

async function connections(t: TestContext, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => {}));
  t.after(() => {
    for (const socket of [...clients, ...sockets]) socket.destroy();
    server.close();
  });
  await until(() => sockets.length === count, 'all are connected');
  return sockets;
}

describe('a crowd that is handed to a worker', () => {
  test('holds nothing back that is said to the worker meanwhile', async (t) => {
    const { worker, said } = await startWorker(t);
    const crowd = await connections(t, 10);
    for (const [i, socket] of crowd.entries()) worker.welcome(new Visitor(i, 'rtmp', socket));
    worker.closeSession('nobody' as never, new ConnectionError('over'));
    await until(() => said.at(-1)?.split(' ').length === 11, 'all have arrived');
    assert.match(said.at(-1)!, /^(socket ){1,2}close( socket){8,9}$/);
  });

  test('those on their way and those who wait are left over when the worker dies', async (t) => {
    const { worker, left } = await startWorker(t);
    const crowd = await connections(t, 5);
    for (const [i, socket] of crowd.entries()) worker.welcome(new Visitor(i, 'rtmp', socket));
    worker.kill();
    await worker.end;
    assert.deepEqual(left, [0, 1, 2, 3, 4]);
    assert.ok(crowd.every((socket) => !socket.destroyed));
  });
});
