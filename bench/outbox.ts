// Every event of many publishers, through a receiver that fails half of the time and is killed twice, and a server that is
// killed with -9 once: does each arrive, in order, and with one id? Prints figures; exits 1 when something is missing.
// usage: node bench/outbox.ts [--sessions n]   4 events each
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { OutboxDesk } from '../src/core/outbox-desk.ts';
import { openDatabase } from '../src/core/sqlite.ts';
import { RtmpPeer } from '../test/support/rtmp-peer.ts';

const STREAMS = 200;
const AT_ONCE = 20;
const EVENTS_PER_SESSION = 4;

interface Taken {
  readonly id: string;
  readonly event: string;
  readonly timestamp: number;
  readonly session: string;
  readonly stream: string;
  readonly isTaken: boolean;
}

const { values } = parseArgs({ options: { sessions: { type: 'string', default: '25000' } } });
const sessions = Number(values.sessions);
const events = sessions * EVENTS_PER_SESSION;
const folder = mkdtempSync(join(tmpdir(), 'nms-outbox-'));
const log = join(folder, 'received');
const children = new Set<ChildProcess>();

async function start(file: string, args: readonly string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(new URL(file, import.meta.url), args, { execArgv: ['--expose-gc'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  const [{ port }] = (await once(child, 'message')) as [{ readonly port: number }];
  return { child, port };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function ask(child: ChildProcess): Promise<Record<string, number>> {
  child.send('figures');
  const [answer] = (await once(child, 'message')) as [Record<string, number>];
  return answer;
}

function counts(): { readonly waiting: number; readonly dead: number } {
  const database = openDatabase(join(folder, 'data/nms.db'), { busyTimeoutMs: 5_000 });
  try {
    return new OutboxDesk(database).counts();
  } finally {
    database.close();
  }
}

/** Publishes and leaves, `AT_ONCE` at a time; each stream by one after the other. */
async function publish(port: number, from: number, to: number): Promise<void> {
  const one = async (lane: number) => {
    for (let session = from + lane; session < to; session += AT_ONCE) {
      const name = `${lane}-${Math.floor(session / AT_ONCE) % (STREAMS / AT_ONCE)}`;
      const peer = new RtmpPeer('publish', `/live/${name}`, { port });
      // Looked at now and then: this process must not take the processor from the server.
      while (!peer.has('publishing') && !peer.has('failed') && !peer.isClosed) await delay(1);
      if (!peer.has('publishing')) throw new Error(`session ${session} was refused`);
      peer.leave();
      while (!peer.isClosed) await delay(1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => one(lane)));
}

/** What has arrived: the first time that each event was taken, in order. */
function received(): { readonly first: Taken[]; readonly calls: number; readonly duplicates: number } {
  const all = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Taken);
  const taken = all.filter(({ isTaken }) => isTaken);
  const seen = new Set<string>();
  const first = taken.filter(({ id }) => !seen.has(id) && seen.add(id));
  return { first, calls: all.length, duplicates: taken.length - first.length };
}

function check({ first }: { readonly first: readonly Taken[] }): string[] {
  const faults: string[] = [];
  if (first.length !== events) faults.push(`${first.length} events arrived, ${events} happened`);
  const once = new Set(first.map(({ session, event }) => `${session} ${event}`));
  if (once.size !== first.length) faults.push(`${first.length - once.size} events arrived under two ids`);
  for (const [stream, told] of Map.groupBy(first, (event) => event.stream || event.session)) {
    const isLate = told.some(({ timestamp }, index) => index > 0 && timestamp < (told[index - 1]?.timestamp ?? 0));
    const publishes = told.filter(({ event }) => event.endsWith('Publish'));
    const isPaired = publishes.every(({ event, session }, index) => {
      return index % 2 === 0
        ? event === 'postPublish'
        : event === 'donePublish' && session === publishes[index - 1]?.session;
    });
    if (isLate || !isPaired) faults.push(`${stream || 'a session'} was told out of order`);
  }
  return faults;
}

async function untilTaken(share: number): Promise<void> {
  while (received().first.length < events * share) await delay(100);
}

try {
  const began = performance.now();
  const first = await start('outbox-receiver.ts', [log, '0']);
  const url = `http://127.0.0.1:${first.port}/`;
  const server = await start('outbox-server.ts', [folder, url]);
  const half = sessions / 2;
  await publish(server.port, 0, half / 2);
  await kill(first.child);
  await publish(server.port, half / 2, half);
  const downMs = performance.now() - began;
  const figures = await ask(server.child);
  const before = counts();
  const fileMb = Math.round(statSync(join(folder, 'data/nms.db')).size / 1e5) / 10;
  await kill(server.child);
  console.log(
    `${half} sessions in ${(downMs / 1000).toFixed(1)} s, receiver dead for half of them, then the server by -9`,
  );
  console.log(
    `  at its death ${before.waiting} calls waited; the file had ${fileMb} MB, the process ${figures['rssMb']} MB, ${figures['heapMb']} MB of it alive`,
  );
  console.log(`  event loop delay p50 ${figures['p50']} ms, p99 ${figures['p99']} ms, max ${figures['max']} ms`);

  const second = await start('outbox-receiver.ts', [log, String(first.port)]);
  const again = await start('outbox-server.ts', [folder, url]);
  const restartedAt = performance.now();
  await publish(again.port, half, sessions);
  await untilTaken(0.6);
  await kill(second.child);
  await delay(2_000);
  const third = await start('outbox-receiver.ts', [log, String(first.port)]);
  while (counts().waiting > 0) await delay(100);
  const restMs = performance.now() - restartedAt;
  const rest = await ask(again.child);
  again.child.kill('SIGTERM');
  await once(again.child, 'exit');
  await kill(third.child);

  const result = received();
  const faults = check(result);
  const { dead } = counts();
  if (dead > 0) faults.push(`${dead} dead letters`);
  console.log(
    `${half} sessions more and all that waited in ${(restMs / 1000).toFixed(1)} s, the receiver killed once more`,
  );
  console.log(
    `  event loop delay p50 ${rest['p50']} ms, p99 ${rest['p99']} ms, max ${rest['max']} ms, the process ${rest['rssMb']} MB`,
  );
  console.log(
    `${result.first.length} of ${events} events arrived in ${result.calls} calls, ${result.duplicates} of them twice or more`,
  );
  for (const fault of faults.slice(0, 10)) console.log(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
