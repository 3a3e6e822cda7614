import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import { ListenError, NodeMediaServer } from '../../src/index.ts';
import { playerSessions } from '../contract/player-kinds.ts';
import { beginStream, Cluster, isAlive } from '../support/cluster.ts';
import { until } from '../support/wait.ts';

const PATH = '/live/a';

async function writePair(folder: string, name: string): Promise<void> {
  const pair = await generate([{ name: 'commonName', value: name }], { keySize: 2048 });
  writeFileSync(join(folder, 'tls.key'), pair.private);
  writeFileSync(join(folder, 'tls.crt'), pair.cert);
}

describe('the doors of several workers', () => {
  test('limits of connections hold across workers', async () => {
    await using cluster = await Cluster.start({ limits: { maxConnectionsPerAddress: 3 } });
    const sockets = [await cluster.fill(), await cluster.fill(), await cluster.fill()];
    const refused = cluster.playLater();
    await until(() => refused.isClosed, 'the fourth is cut');
    assert.equal(cluster.sessions.length, 3);
    sockets[1]!.destroy();
    await until(() => cluster.sessions.length === 2 && cluster.context.connections.total === 2, 'room');
    await cluster.fill();
    await until(
      () =>
        cluster.running.lines.some(({ message }) => message.startsWith('1 connections were refused: 3 connections')),
      'a line of the log',
    );
  });

  test('a taken port opens no door and starts no worker', async () => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
    const { port } = taken.address() as AddressInfo;
    const server = new NodeMediaServer({ bind: '127.0.0.1', workers: 2, rtmp: { port: 0 }, http: { port } });
    await assert.rejects(server.run(), (error) => {
      assert.ok(error instanceof ListenError);
      assert.equal(error.address, `127.0.0.1:${port}`);
      return true;
    });
    assert.deepEqual([server.state, server.listeners.length], ['stopped', 0]);
    await new Promise((done) => taken.close(done));
  });

  test('a server of somebody else cannot be shared: that is said at once', () => {
    const web = createServer();
    assert.throws(() => new NodeMediaServer({ workers: 2, http: { server: web } }), {
      code: 'NMS_CONFIG',
      path: 'workers',
      message: 'workers is 2; http.server is a server of this process, which no other one can serve on: 1 is allowed',
    });
    assert.ok(new NodeMediaServer({ workers: 1, http: { server: web } }));
  });

  test('TLS doors: all workers show the same certificate, made once', async () => {
    await using cluster = await Cluster.start({ rtmps: { port: 0 }, https: { port: 0 } });
    const fingerprints = new Set<string>();
    for (const name of ['rtmps', 'rtmps', 'https', 'https'] as const) {
      const options = { host: '127.0.0.1', port: cluster.port(name), rejectUnauthorized: false };
      const socket = await new Promise<TLSSocket>((resolve, reject) => {
        const opened = connectTls(options, () => resolve(opened));
        opened.once('error', reject);
      });
      fingerprints.add(socket.getPeerCertificate().fingerprint256);
      // It stays: the next one is another worker's.
      socket.unref();
    }
    assert.equal(fingerprints.size, 1);
    const made = cluster.running.lines.filter(({ message }) => message.startsWith('self-signed certificate'));
    assert.deepEqual(
      made.map(({ message }) => message),
      ['self-signed certificate made', 'self-signed certificate loaded'],
    );
  });

  test('a certificate that changes reaches every worker', async () => {
    const files = { key: 'tls.key', cert: 'tls.crt' };
    await using cluster = await Cluster.start({ rtmps: { port: 0, ...files } }, (folder) => writePair(folder, 'old'));
    const nameShown = () =>
      new Promise<string | undefined>((resolve, reject) => {
        const options = { host: '127.0.0.1', port: cluster.port('rtmps'), rejectUnauthorized: false };
        const socket = connectTls(options, () => {
          resolve(socket.getPeerCertificate().subject.CN?.toString());
          socket.unref();
        });
        socket.once('error', reject);
      });
    assert.deepEqual([await nameShown(), await nameShown()], ['old', 'old']);
    await writePair(cluster.folder, 'new');
    await until(
      () => cluster.running.lines.some(({ message }) => message === 'certificate reloaded'),
      'the primary has it',
    );
    assert.deepEqual([await nameShown(), await nameShown()], ['new', 'new']);
  });

  test('two servers with workers in one process never meet', async () => {
    await using one = await Cluster.start();
    await using two = await Cluster.start({ play: { waitMs: 0 } });
    beginStream(await one.publish());
    assert.deepEqual((await two.play()).codes, ['NetStream.Play.StreamNotFound']);
    assert.deepEqual((await two.publish()).codes, ['NetStream.Publish.Start']);
    await one.running.server.stop();
    assert.deepEqual((await two.play()).codes.slice(-1), ['NetStream.Play.Start']);
  });

  test('stop ends publishers, then players, in all workers, and every process', async () => {
    const cluster = await Cluster.start({ https: { port: 0 } });
    const publisher = await cluster.publish();
    beginStream(publisher);
    const clients = playerSessions.map((kind) => kind.open(cluster.running, PATH));
    await until(() => clients.every(({ packets }) => packets.length > 2), 'all play');
    const pids = [1, 2].map((worker) => cluster.pidOf(worker));
    assert.ok(pids.every(isAlive));
    await Promise.all([cluster.running.server.stop(), cluster.running.server.stop()]);
    assert.deepEqual(pids.map(isAlive), [false, false]);
    assert.deepEqual([cluster.sessions.length, cluster.context.streams.size], [0, 0]);
    assert.equal(cluster.running.server.listeners.length, 0);
    await until(() => publisher.isClosed && clients.every(({ isClosed }) => isClosed), 'all are told');
    const done = cluster.told.map(({ name }) => name).filter((name) => name.startsWith('done'));
    assert.deepEqual(done, ['donePublish', ...clients.map(() => 'donePlay')]);
    await cluster[Symbol.asyncDispose]();
  });
});
