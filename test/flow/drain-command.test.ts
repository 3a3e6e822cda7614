import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { CapsEx } from '../../src/protocols/rtmp/peer-capabilities.ts';
import { beginStream, isAlive } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';
import { RawClient, readChunks } from '../support/web.ts';
import { anyPorts, CliProcess, temporaryFolder } from './cli-process.ts';

const environment = { ...anyPorts, NMS_LOG_FORMAT: 'json' };

/** A `systemd-notify` that writes down how it was called, one line for each. */
function fakeNotify(cwd: string): { readonly path: string; calls(): string[] } {
  const folder = join(cwd, 'bin');
  const report = join(cwd, 'calls.txt');
  mkdirSync(folder);
  writeFileSync(join(folder, 'systemd-notify'), `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> '${report}'\n`);
  chmodSync(join(folder, 'systemd-notify'), 0o755);
  const calls = () => (existsSync(report) ? readFileSync(report, 'utf8').trim().split('\n') : []);
  return { path: `${folder}${delimiter}${process.env['PATH']}`, calls };
}

async function publishing(t: TestContext, port: number, options: { capsEx?: number } = {}): Promise<RtmpPeer> {
  const publisher = await new RtmpPeer('publish', '/live/a', { port, ...options }).started();
  t.after(() => publisher.socket.destroy());
  beginStream(publisher);
  return publisher;
}

describe('the command at SIGTERM', () => {
  for (const workers of [1, 2]) {
    test(`with 200 players and a recording tells them all, closes the file and ends with 0; workers: ${workers}`, async (t) => {
      const cwd = temporaryFolder(t);
      const child = new CliProcess(t, { cwd, environment, args: ['--workers', String(workers), '--record-auto'] });
      const ports = await child.ready();
      const publisher = await publishing(t, ports['rtmp']!);
      const players = Array.from({ length: 100 }, () => new RtmpPeer('play', '/live/a', { port: ports['rtmp']! }));
      const viewers = players.map(() => RawClient.open(ports['http']!, 'GET /live/a.flv HTTP/1.1', 'Host: a'));
      t.after(() => [...players, ...viewers].map(({ socket }) => socket.destroy()));
      for (let i = 1; i <= 25; i++) publisher.send('video', 40 * i, i % 5 === 0 ? bodies.key('key') : bodies.inter());
      publisher.send('video', 1040, bodies.inter('the last one'));
      const hasAll = (bytes: { includes(text: string): boolean }) => bytes.includes('the last one');
      await until(
        () => players.every(({ packets }) => packets.some(({ data }) => hasAll(data))),
        '100 players',
        20_000,
      );
      await until(() => viewers.every(({ received }) => hasAll(received)), '100 viewers', 20_000);
      child.kill('SIGTERM');
      assert.equal(await child.ended, 0, child.stderr);
      assert.equal(child.log.at(-1)?.msg, 'stopped');
      await until(() => [publisher, ...players, ...viewers].every(({ isClosed }) => isClosed), 'all are out');
      assert.equal(publisher.codes.at(-1), 'NetConnection.Connect.AppShutdown');
      for (const { codes } of players) {
        assert.deepEqual(codes.slice(-2), ['NetStream.Play.UnpublishNotify', 'NetConnection.Connect.AppShutdown']);
      }
      assert.ok(viewers.every(({ body }) => readChunks(body).isComplete));
      const folder = join(cwd, 'record/live/a');
      const [file = ''] = readdirSync(folder);
      const bytes = readFileSync(join(folder, file));
      for (const word of ['duration', 'filesize', 'keyframes', 'the last one']) assert.ok(bytes.includes(word), word);
      const complaints = child.log.filter(({ level }) => level === 'warn' || level === 'error');
      assert.deepEqual(
        complaints.filter(({ part, worker }) => part !== undefined || worker !== undefined),
        [],
      );
    });
  }

  test('waits for a publisher who was asked to leave, and ends at once with 1 at a second signal', async (t) => {
    const child = new CliProcess(t, { cwd: temporaryFolder(t), environment, args: ['--workers', '1'] });
    const ports = await child.ready();
    const publisher = await publishing(t, ports['rtmp']!, { capsEx: CapsEx.reconnect });
    child.kill('SIGTERM');
    await child.line(/^peers were asked to leave by themselves: 1$/);
    child.kill('SIGTERM');
    assert.equal(await child.ended, 1);
    assert.equal(publisher.codes.at(-1), 'NetConnection.Connect.ReconnectRequest');
    assert.ok(!child.stdout.includes('"stopped"'));
  });

  test('ends with 0 when its time is over and that publisher is still there', async (t) => {
    const child = new CliProcess(t, {
      cwd: temporaryFolder(t),
      environment: { ...environment, NMS_DRAIN_TIMEOUT_MS: '50' },
      args: ['--workers', '1'],
    });
    const ports = await child.ready();
    await publishing(t, ports['rtmp']!, { capsEx: CapsEx.reconnect });
    child.kill('SIGTERM');
    assert.equal(await child.ended, 0);
    await child.line(/^peers that were asked to leave are cut: 1$/);
  });

  test('is for the first process alone: workers take no notice of what reaches the whole group', async (t) => {
    const child = new CliProcess(t, {
      cwd: temporaryFolder(t),
      environment: { ...environment, NMS_LOG_LEVEL: 'debug' },
      args: ['--workers', '2'],
    });
    const ports = await child.ready();
    const pids = child.log.flatMap(({ msg, pid }) => (/^worker \d serves$/.test(String(msg)) ? [Number(pid)] : []));
    assert.equal(pids.length, 2);
    const publisher = await publishing(t, ports['rtmp']!);
    for (const pid of pids) for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.kill(pid, signal);
    const player = await new RtmpPeer('play', '/live/a', { port: ports['rtmp']! }).started();
    t.after(() => player.socket.destroy());
    await until(() => player.packets.length > 2, 'media after the signals');
    assert.deepEqual([pids.every(isAlive), publisher.isClosed], [true, false]);
    child.kill('SIGTERM');
    assert.equal(await child.ended, 0, child.stderr);
  });

  test('while it starts its workers ends with 0, and leaves none', async (t) => {
    const child = new CliProcess(t, { cwd: temporaryFolder(t), environment, args: ['--workers', '2'] });
    await child.line(/^config\.json made/);
    child.kill('SIGTERM');
    assert.equal(await child.ended, 0, child.stderr);
    assert.equal(child.log.at(-1)?.msg, 'stopped');
    assert.doesNotMatch(child.stderr, /Error/);
  });
});

describe('the command under systemd', { skip: process.platform === 'win32' }, () => {
  test('says when it is ready and when it stops', async (t) => {
    const cwd = temporaryFolder(t);
    const notify = fakeNotify(cwd);
    const child = new CliProcess(t, {
      cwd,
      environment: { ...environment, PATH: notify.path, NOTIFY_SOCKET: '/run/of/systemd' },
      args: ['--workers', '1'],
    });
    const ports = await child.ready();
    await until(() => notify.calls().length === 1, 'it is told');
    const doors = Object.entries(ports).map(([name, port]) => `${name} 127.0.0.1:${port}`);
    assert.deepEqual(notify.calls(), [`/run/of/systemd READY=1 STATUS=serves: ${doors.join(', ')}`]);
    child.kill('SIGTERM');
    assert.equal(await child.ended, 0);
    await until(() => notify.calls().length === 2, 'it is told again');
    assert.equal(notify.calls()[1], '/run/of/systemd STOPPING=1 STATUS=stops');
  });

  test('tells nobody without its socket, and goes on when nobody can be told', async (t) => {
    const cwd = temporaryFolder(t);
    const notify = fakeNotify(cwd);
    const quiet = new CliProcess(t, {
      cwd,
      environment: { ...environment, PATH: notify.path },
      args: ['--workers', '1'],
    });
    await quiet.ready();
    quiet.kill('SIGTERM');
    assert.equal(await quiet.ended, 0);
    assert.deepEqual(notify.calls(), []);
    const lonely = new CliProcess(t, {
      cwd,
      environment: { ...environment, PATH: cwd, NOTIFY_SOCKET: '/run/of/systemd' },
      args: ['--workers', '1'],
    });
    await lonely.line(/^systemd was not told: systemd-notify failed/);
    lonely.kill('SIGTERM');
    assert.equal(await lonely.ended, 0);
  });
});
