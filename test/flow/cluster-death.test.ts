import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Ticker } from '../../src/core/ticker.ts';
import { Cluster, isAlive } from '../support/cluster.ts';
import { bodies } from '../support/media.ts';
import type { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';
import { anyPorts, CliProcess, temporaryFolder } from './cli-process.ts';

function begin(publisher: RtmpPeer, label: string): void {
  publisher.send('video', 0, bodies.avcConfig);
  publisher.send('video', 0, bodies.key(label));
}

const has = (player: RtmpPeer, label: string) => player.packets.some(({ data }) => data.includes(label));

async function killed(cluster: Cluster, worker: number): Promise<void> {
  const pid = cluster.pidOf(worker);
  process.kill(pid, 'SIGKILL');
  await until(() => cluster.running.lines.some(({ level }) => level === 'error'), 'the log says so');
  await until(() => cluster.pidOf(worker) !== pid, 'another serves');
}

describe('a worker that is killed', () => {
  test('takes its own sessions along, each told once; the other worker’s players stay; another takes its place', async () => {
    await using cluster = await Cluster.start();
    const publisher = await cluster.publish();
    begin(publisher, 'before');
    const [elsewhere, beside] = [await cluster.play(), await cluster.play()];
    assert.deepEqual(
      [publisher, elsewhere, beside].map((peer) => cluster.workerOfPeer(peer)),
      [1, 2, 1],
    );
    await until(() => has(elsewhere, 'before'), 'media');
    const ended = [publisher, beside].map((peer) => cluster.sessionOf(peer));
    const stays = cluster.sessionOf(elsewhere);
    await killed(cluster, 1);
    await until(() => publisher.isClosed && beside.isClosed, 'their connections are gone');
    assert.deepEqual(
      ended.map((session) => [cluster.toldOf(session).at(-1), session.closeReason?.message, session.isClosed]),
      [
        ['donePublish', 'worker 1 died', true],
        ['donePlay', 'worker 1 died', true],
      ],
    );
    for (const session of ended) assert.equal(cluster.toldOf(session).filter((name) => /^done/.test(name)).length, 1);
    assert.deepEqual(cluster.sessions, [stays]);
    assert.equal(cluster.context.connections.total, 1);
    const line = cluster.running.lines.find(({ level }) => level === 'error');
    assert.equal(line?.message, 'worker 1 died (signal SIGKILL); another takes its place in 100 ms');
    assert.equal(line?.fields['sessions'], 2);

    const again = await cluster.publish();
    assert.deepEqual([cluster.workerOfPeer(again), ...again.codes], [1, 'NetStream.Publish.Start']);
    begin(again, 'after');
    await until(() => has(elsewhere, 'after'), 'the player who stayed goes on');
    assert.equal(elsewhere.has('end'), false);
    const newcomer = await cluster.play();
    await until(() => has(newcomer, 'after'), 'a newcomer plays');
  });

  test('leaves a publisher in another worker alone, whose stream its players find again', async () => {
    await using cluster = await Cluster.start();
    const publisher = await cluster.publish();
    begin(publisher, 'one');
    const player = await cluster.play();
    await until(() => has(player, 'one'), 'media');
    await killed(cluster, 2);
    await until(() => player.isClosed, 'the player is gone');
    const again = await cluster.play();
    assert.equal(cluster.workerOfPeer(again), 2);
    await until(() => has(again, 'one'), 'media again');
    assert.deepEqual(cluster.toldOf(cluster.sessionOf(publisher)), ['prePublish', 'postPublish']);
  });

  test('while somebody is being asked about: nothing is left of it', async () => {
    await using cluster = await Cluster.start();
    const held = Promise.withResolvers<void>();
    cluster.running.server.once('prePublish', () => held.promise);
    const { session } = await cluster.arrival(() => void cluster.publish().catch(() => undefined));
    await until(() => cluster.toldOf(session).length === 1, 'the question');
    await killed(cluster, 1);
    assert.equal(session.signal.aborted, true);
    held.resolve();
    assert.deepEqual((await cluster.publish()).codes, ['NetStream.Publish.Start']);
    assert.deepEqual(cluster.toldOf(session), ['prePublish']);
  });

  test('before it took a connection: another serves that', async () => {
    await using cluster = await Cluster.start();
    process.kill(cluster.pidOf(1), 'SIGSTOP');
    const publishing = cluster.publish();
    // The first goes to worker 1, which does not move; nobody answers.
    await until(() => cluster.context.connections.total === 1, 'the connection is counted');
    const second = await cluster.publish('/live/b');
    assert.equal(cluster.workerOfPeer(second), 2);
    await killed(cluster, 1);
    const publisher = await publishing;
    assert.deepEqual([cluster.workerOfPeer(publisher), ...publisher.codes], [2, 'NetStream.Publish.Start']);
    assert.equal(cluster.context.connections.total, 2);
  });

  test('because it does not end when the server stops', async () => {
    await using cluster = await Cluster.start();
    const pids = [1, 2].map((worker) => cluster.pidOf(worker));
    const publisher = await cluster.publish();
    const session = cluster.sessionOf(publisher);
    process.kill(pids[0]!, 'SIGSTOP');
    await cluster.running.server.stop();
    assert.deepEqual(pids.map(isAlive), [false, false]);
    assert.ok(cluster.running.lines.some(({ message }) => message === 'worker 1 did not end in time: killed'));
    assert.equal(cluster.toldOf(session).at(-1), 'donePublish');
  });

  test('because it hangs: it has said nothing for 20 s of the primary’s clock', async (t) => {
    const ticks: (() => void)[] = [];
    const add = Ticker.prototype.add;
    t.mock.method(Ticker.prototype, 'add', function (this: Ticker, task: () => void) {
      ticks.push(task);
      return add.call(this, task);
    });
    await using cluster = await Cluster.start();
    const { lines } = cluster.running;
    const [hangs, stays] = [cluster.pidOf(1), cluster.pidOf(2)];
    const [publisher, player] = [await cluster.publish(), await cluster.play()];
    const [ended, other] = [cluster.sessionOf(publisher), cluster.sessionOf(player)];
    process.kill(hangs, 'SIGSTOP');
    // Fifteen of its seconds at once; the others come by themselves, and the worker that goes on reports between them.
    for (let i = 0; i < 15; i++) for (const tick of ticks) tick();
    assert.deepEqual([hangs, stays].map(isAlive), [true, true]);
    await until(() => cluster.pidOf(1) !== hangs, 'another serves in its place', 30_000);
    assert.deepEqual([hangs, stays].map(isAlive), [false, true]);
    assert.deepEqual(
      lines.filter(({ message }) => / hangs|died/.test(message)).map(({ level, message }) => [level, message]),
      [
        ['warn', 'worker 1 has said nothing for 20 s: it hangs, and is killed'],
        ['error', 'worker 1 died (signal SIGKILL); another takes its place in 100 ms'],
      ],
    );
    assert.deepEqual([cluster.toldOf(ended).at(-1), ended.closeReason?.message], ['donePublish', 'worker 1 died']);
    assert.equal(other.isClosed, false);
    assert.equal(cluster.context.counters.get('worker_deaths'), 1);
  });

  test('together with all others: connections wait, the log says so, and they are served by the next', async () => {
    await using cluster = await Cluster.start();
    for (const worker of [1, 2]) process.kill(cluster.pidOf(worker), 'SIGKILL');
    await until(() => cluster.running.lines.filter(({ level }) => level === 'error').length === 2, 'both died');
    const publisher = await cluster.publish();
    assert.deepEqual(publisher.codes, ['NetStream.Publish.Start']);
  });

  test('is replaced later and later when it dies again and again', async () => {
    await using cluster = await Cluster.start();
    for (let i = 0; i < 3; i++) {
      const pid = cluster.pidOf(2);
      process.kill(pid, 'SIGKILL');
      await until(() => cluster.pidOf(2) !== pid, 'another serves');
    }
    const delays = cluster.running.lines.filter(({ level }) => level === 'error').map(({ message }) => message);
    assert.deepEqual(
      delays.map((message) => /in (\d+) ms$/.exec(message)?.[1]),
      ['100', '200', '400'],
    );
  });

  test('while the server stops: that is no reason to wait or to complain', async () => {
    await using cluster = await Cluster.start();
    const pids = [1, 2].map((worker) => cluster.pidOf(worker));
    await cluster.publish();
    const stopping = cluster.running.server.stop();
    process.kill(pids[0]!, 'SIGKILL');
    await stopping;
    assert.deepEqual(pids.map(isAlive), [false, false]);
    const complaints = cluster.running.lines.filter(({ level }) => level === 'warn' || level === 'error');
    assert.deepEqual(complaints, []);
    assert.equal(cluster.sessions.length, 0);
  });
});

describe('the command with several workers', () => {
  const environment = { ...anyPorts, NMS_WORKERS: '2', NMS_LOG_LEVEL: 'debug' };
  const pidsOf = (child: CliProcess) =>
    child.log.flatMap(({ msg, pid }) => (/^worker \d serves$/.test(String(msg)) ? [Number(pid)] : []));

  test('says how many there are in one line more, and nothing else twice', async (t) => {
    const child = new CliProcess(t, { cwd: temporaryFolder(t), environment });
    await child.ready();
    const lines = child.log.filter(({ level }) => level === 'info').map(({ msg }) => String(msg));
    assert.equal(lines.filter((line) => line === '2 workers serve').length, 1);
    assert.equal(new Set(lines).size, lines.length, lines.join('\n'));
    child.kill('SIGTERM');
    assert.equal(await child.ended, 0);
    assert.equal(child.log.at(-1)?.msg, 'stopped');
    assert.ok(pidsOf(child).every((pid) => !isAlive(pid)));
    assert.equal(child.stderr.includes('Error'), false, child.stderr);
  });

  test('killed with -9 leaves no worker behind', async (t) => {
    const child = new CliProcess(t, { cwd: temporaryFolder(t), environment });
    await child.ready();
    const pids = pidsOf(child);
    assert.deepEqual([pids.length, pids.every(isAlive)], [2, true]);
    child.kill('SIGKILL');
    await child.ended;
    await until(() => !pids.some(isAlive), 'the workers end by themselves');
  });

  test('gives its workers the flags that Node was given', async (t) => {
    const cwd = temporaryFolder(t);
    const report = join(cwd, 'flags.txt');
    const preload = join(cwd, 'preload.mjs');
    const code = `import { appendFileSync } from 'node:fs';
      appendFileSync(${JSON.stringify(report)}, process.execArgv.filter((flag) => flag.startsWith('--max')).join() + '\\n');`;
    writeFileSync(preload, code);
    const nodeArgs = ['--max-semi-space-size=7', '--import', preload];
    const child = new CliProcess(t, { cwd, environment, nodeArgs });
    await child.ready();
    const { readFileSync } = await import('node:fs');
    assert.deepEqual(
      readFileSync(report, 'utf8').trim().split('\n'),
      Array.from({ length: 3 }, () => nodeArgs[0]),
    );
  });

  test('logs what nobody foresaw in a worker, with its stack, and goes on', async (t) => {
    const cwd = temporaryFolder(t);
    const preload = join(cwd, 'preload.mjs');
    writeFileSync(preload, "process.on('SIGUSR2', () => { throw new RangeError('nobody foresaw this'); });");
    const child = new CliProcess(t, { cwd, environment, nodeArgs: ['--import', preload] });
    await child.ready();
    const [pid = 0] = pidsOf(child);
    process.kill(pid, 'SIGUSR2');
    const line = await child.line(/^an unforeseen error$/);
    assert.equal(line['level'], 'error');
    const { type, message, stack } = line['err'] as Record<string, string>;
    assert.deepEqual([type, message], ['Error', 'nobody foresaw this']);
    assert.match(String(stack), /RangeError: nobody foresaw this\n.*preload\.mjs/);
    await child.line(/^worker \d died \(exit code 1\); another takes its place/);
    child.kill('SIGTERM');
    assert.equal(await child.ended, 0);
  });

  test('does not start with workers that do not, and says why in one line', async (t) => {
    const cwd = temporaryFolder(t);
    const preload = join(cwd, 'preload.mjs');
    writeFileSync(preload, "if (process.send !== undefined) throw new RangeError('not this one');");
    const child = new CliProcess(t, { cwd, environment, nodeArgs: ['--import', preload] });
    assert.equal(await child.ended, 1);
    const lines = child.stderr.trim().split('\n');
    assert.match(
      lines.at(-1) ?? '',
      /^worker [12] ended before it was ready \(exit code 1\): RangeError: not this one$/,
    );
  });

  test('takes one worker for every processor when nothing is said, and one process for --workers 1', async (t) => {
    const cwd = temporaryFolder(t);
    const one = new CliProcess(t, { cwd, environment: anyPorts, args: ['--workers', '1'] });
    await one.ready();
    assert.equal(
      one.log.some(({ msg }) => /workers serve/.test(String(msg))),
      false,
    );
    const { readFileSync } = await import('node:fs');
    assert.equal(JSON.parse(readFileSync(join(cwd, 'config.json'), 'utf8')).workers, 'auto');
  });
});
