import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import { ConfigError } from '../../src/index.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

function folder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'nms-rtmps-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

async function writePair(path: string, name: string): Promise<void> {
  const pair = await generate([{ name: 'commonName', value: name }], { keySize: 2048 });
  for (const [file, text] of [
    ['tls.key', pair.private],
    ['tls.crt', pair.cert],
  ] as const) {
    writeFileSync(join(path, `${file}.new`), text);
    renameSync(join(path, `${file}.new`), join(path, file));
  }
}

/** Without SNI, as cameras connect. */
const secure = (port: number, options: ConnectionOptions = {}) =>
  new Promise<TLSSocket>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => resolve(socket));
    socket.once('error', reject);
  });

const common = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;

describe('RTMPS', () => {
  test('publishes over TLS 1.2 and plays over TLS 1.3 with a certificate that it made itself', async () => {
    using place = folder();
    await using running = await startServer({ rtmps: { port: 0 }, store: { path: place.path } });
    const port = running.port('rtmps');
    const old = await secure(port, { maxVersion: 'TLSv1.2' });
    const publisher = await new RtmpPeer('publish', '/live/a', { port, socket: old }).started();
    assert.equal(old.getProtocol(), 'TLSv1.2');
    const modern = await secure(port, { minVersion: 'TLSv1.3' });
    const player = await new RtmpPeer('play', '/live/a', { port, socket: modern }).started();
    publisher.send('video', 0, bodies.avcConfig);
    publisher.send('video', 0, bodies.key('x'.repeat(200_000)));
    await until(() => player.packets.length === 2, 'media');
    assert.equal(player.packets[1]!.origin?.length, bodies.key('x'.repeat(200_000)).length);
    assert.deepEqual(
      [...running.server.context.sessions.values()].map((session) => session.protocol),
      ['rtmps', 'rtmps'],
    );
    old.destroy();
    modern.destroy();
  });

  test('takes a new certificate up without dropping a connection', async () => {
    using place = folder();
    await writePair(place.path, 'first.test');
    await using running = await startServer({ rtmps: { port: 0, key: './tls.key', cert: './tls.crt' } }, place.path);
    const port = running.port('rtmps');
    const before = await secure(port);
    assert.equal(common(before), 'first.test');
    const publisher = await new RtmpPeer('publish', '/live/a', { port, socket: before }).started();
    await writePair(place.path, 'second.test');
    let name = '';
    while (name !== 'second.test') {
      const probe = await secure(port);
      name = common(probe) as string;
      probe.destroy();
    }
    const after = await secure(port);
    const player = await new RtmpPeer('play', '/live/a', { port, socket: after }).started();
    publisher.send('video', 0, bodies.avcConfig);
    publisher.send('video', 0, bodies.key());
    await until(() => player.packets.length === 2, 'the old connection still publishes');
    before.destroy();
    after.destroy();
  });

  test('bytes that are no TLS close one connection', async () => {
    using place = folder();
    await using running = await startServer({ rtmps: { port: 0 }, store: { path: place.path } });
    const peer = new RtmpPeer('publish', '/live/a', { port: running.port('rtmps') });
    await until(() => peer.isClosed, 'closed');
    assert.equal(running.server.context.sessions.size, 0);
    await until(() => running.server.context.connections.total === 0, 'nothing is left');
  });

  test('a key that does not fit is the operator’s error, and no door stays open', async () => {
    using place = folder();
    await writePair(place.path, 'a.test');
    const other = await generate([{ name: 'commonName', value: 'b.test' }], { keySize: 2048 });
    writeFileSync(join(place.path, 'tls.key'), other.private);
    await assert.rejects(
      startServer({ rtmps: { port: 0, key: './tls.key', cert: './tls.crt' } }, place.path),
      (error) => error instanceof ConfigError && /rtmps\.(key|cert)/.test(error.message),
    );
  });
});
