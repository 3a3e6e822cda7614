import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { openDatabase } from '../../src/core/sqlite.ts';
import { OutboxDesk } from '../../src/core/outbox-desk.ts';
import { RtmpPeer } from '../support/rtmp-peer.ts';
import { until } from '../support/wait.ts';
import { CliProcess, temporaryFolder } from './cli-process.ts';
import { type ReceivedCall, Receiver, sessionOf } from './notify-receiver.ts';

const told = ['postPublish', 'donePublish'];
const STREAMS = 8;
const ROUNDS = 4;

interface SiteOptions {
  readonly url: string;
  readonly outbox?: object;
  readonly more?: object;
}

/** A folder with a configuration: two doors, one target. */
function makeSite(t: TestContext, { url, outbox = {}, more = {} }: SiteOptions): string {
  const cwd = temporaryFolder(t);
  const config = {
    bind: '127.0.0.1',
    workers: 1,
    rtmp: { port: 0 },
    notify: {
      targets: [{ url, name: 'site', events: told, secret: 'hunter2', ...more }],
      outbox: { minBackoffMs: 1, maxBackoffMs: 10, ...outbox },
    },
  };
  writeFileSync(join(cwd, 'config.json'), JSON.stringify(config));
  return cwd;
}

async function publishAll(port: number): Promise<void> {
  const streams = Array.from({ length: STREAMS }, (_, index) => `/live/${index}`);
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(
      streams.map(async (path) => {
        const peer = await new RtmpPeer('publish', path, { port }).started();
        assert.ok(peer.has('publishing'), path);
        peer.leave();
        await until(() => peer.isClosed, 'the end of the connection');
      }),
    );
  }
}

function countsIn(cwd: string) {
  const database = openDatabase(join(cwd, 'data/nms.db'), { busyTimeoutMs: 1000 });
  try {
    return new OutboxDesk(database).counts();
  } finally {
    database.close();
  }
}

function firstOfEach(calls: readonly ReceivedCall[]): ReceivedCall[] {
  const seen = new Set<unknown>();
  return calls.filter(({ body }) => !seen.has(body['id']) && seen.add(body['id']));
}

/** A command that ends by itself. */
async function nms(
  t: TestContext,
  cwd: string,
  ...args: string[]
): Promise<{ readonly text: string; readonly code: unknown }> {
  const child = new CliProcess(t, { cwd, args });
  const code = await child.ended;
  return { text: child.stdout + child.stderr, code };
}

async function killed(child: CliProcess): Promise<void> {
  child.kill('SIGKILL');
  assert.equal(await child.ended, 'SIGKILL');
}

describe('the outbox on disk', () => {
  test('survives kill -9: every event arrives, of each stream in order, twice with one id at most', async (t) => {
    await using receiver = await Receiver.open((_call, response) => void response.writeHead(503).end());
    const cwd = makeSite(t, { url: receiver.url });
    const all = STREAMS * ROUNDS * 2;
    const first = new CliProcess(t, { cwd });
    await publishAll((await first.ready())['rtmp'] ?? 0);
    await until(() => countsIn(cwd).waiting === all, 'all events on disk');
    await killed(first);

    let count = 0;
    const takenAtKill: string[] = [];
    receiver.answer = ({ body }, response) => {
      if (count++ % 2 === 0) return void response.writeHead(500).end();
      takenAtKill.push(String(body['id']));
      return void response.end();
    };
    const second = new CliProcess(t, { cwd });
    await until(() => takenAtKill.length >= all / 4, 'some events');
    await killed(second);
    assert.ok(takenAtKill.length < all, 'it was killed too late');

    receiver.calls.length = 0;
    const before = new Set(takenAtKill);
    receiver.answer = (_call, response) => void response.end();
    const third = new CliProcess(t, { cwd });
    const known = () => new Set([...before, ...receiver.calls.map(({ body }) => String(body['id']))]);
    await until(() => known().size === all && countsIn(cwd).waiting === 0, 'all events');
    const rest = firstOfEach(receiver.calls);
    assert.ok(rest.length < all);
    for (let stream = 0; stream < STREAMS; stream++) {
      const events = rest.filter((call) => sessionOf(call)['streamPath'] === `/live/${stream}`);
      const times = events.map(({ body }) => Number(body['timestamp']));
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
    }
    third.kill('SIGTERM');
    assert.equal(await third.ended, 0);
  });

  test('keeps what was given up; the command lists it, sends it again and drops it while the server runs', async (t) => {
    await using receiver = await Receiver.open((_call, response) => void response.writeHead(500).end());
    const cwd = makeSite(t, { url: receiver.url, outbox: { maxAttempts: 1 } });
    const server = new CliProcess(t, { cwd });
    await publishAll((await server.ready())['rtmp'] ?? 0);
    const all = STREAMS * ROUNDS * 2;
    await until(() => countsIn(cwd).dead === all, 'dead letters');
    assert.deepEqual(await nms(t, cwd, 'outbox', 'list'), { text: 'no call waits\n', code: 0 });

    const { text } = await nms(t, cwd, 'outbox', 'dead', '--limit', '3');
    const lines = text.split('\n');
    assert.equal(lines[0], `${all} dead letters`);
    assert.match(lines[1] ?? '', /^id +event +stream +target +since +attempts +died +error$/);
    assert.match(lines[2] ?? '', /^[\w-]{36} +postPublish +\/live\/\d +site +\S+Z +1 +\S+Z +answered 500$/);
    assert.equal(lines[5], `… ${all - 3} more; --limit shows them`);
    assert.doesNotMatch(text, /hunter2/);

    receiver.answer = (_call, response) => void response.end();
    receiver.calls.length = 0;
    const id = lines[2]?.split(' ')[0] ?? '';
    assert.deepEqual(await nms(t, cwd, 'outbox', 'drop', id), { text: '1 forgotten\n', code: 0 });
    assert.deepEqual(await nms(t, cwd, 'outbox', 'resend', id), {
      text: `no dead letter has the id "${id}"\n`,
      code: 1,
    });
    assert.deepEqual(await nms(t, cwd, 'outbox', 'resend', '--all'), {
      text: `${all - 1} wait to be sent again\n`,
      code: 0,
    });
    await until(() => receiver.calls.length === all - 1, 'all of them');
    assert.ok(receiver.calls.every(({ body }) => body['id'] !== id));
    assert.equal(firstOfEach(receiver.calls).length, all - 1);
    assert.deepEqual(await nms(t, cwd, 'outbox', 'dead'), { text: 'no dead letters\n', code: 0 });
    server.kill('SIGTERM');
    assert.equal(await server.ended, 0);
  });

  test('drops what waits when it is told to, and says when there is nothing', async (t) => {
    await using receiver = await Receiver.open((_call, response) => void response.writeHead(500).end());
    const cwd = makeSite(t, { url: receiver.url, outbox: { minBackoffMs: 60_000, maxBackoffMs: 60_000 } });
    assert.match((await nms(t, cwd, 'outbox', 'list')).text, /^nothing is kept: there is no .*nms\.db\n$/);
    const server = new CliProcess(t, { cwd });
    await publishAll((await server.ready())['rtmp'] ?? 0);
    const all = STREAMS * ROUNDS * 2;
    await until(() => countsIn(cwd).waiting === all, 'calls that wait');
    assert.match((await nms(t, cwd, 'outbox', 'list')).text, new RegExp(`^${all} calls wait\n`));
    assert.deepEqual(await nms(t, cwd, 'outbox', 'drop', '--all'), { text: '0 forgotten\n', code: 0 });
    assert.deepEqual(await nms(t, cwd, 'outbox', 'drop', '--all', '--waiting'), {
      text: `${all} forgotten\n`,
      code: 0,
    });
    assert.equal(countsIn(cwd).waiting, 0);
    const wrong = await nms(t, cwd, 'outbox', 'resend');
    assert.deepEqual(wrong, { text: 'error: resend needs an id, or --all\n', code: 1 });
    server.kill('SIGTERM');
    assert.equal(await server.ended, 0);
  });

  test('a database that is none is one line for the operator', async (t) => {
    const cwd = makeSite(t, { url: 'http://127.0.0.1:9/' });
    mkdirSync(join(cwd, 'data'));
    writeFileSync(join(cwd, 'data/nms.db'), 'x'.repeat(5000));
    const { text, code } = await nms(t, cwd, 'outbox', 'list');
    assert.match(text, /^config\.json: .*nms\.db cannot be used: file is not a database\n$/);
    assert.equal(code, 1);
  });
});
