import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Timing, Transport } from './options.ts';
import { family, type Processes, type Started } from './processes.ts';
import { type Candidate, freePorts, type Ports, type ServerName } from './servers.ts';

/** The stream: 2 Mbit/s video at 30 fps with a key frame every 2 s, 128 kbit/s audio. */
export const stream = { videoBps: 2_000_000, audioBps: 128_000, fps: 30, gop: 60 } as const;

const joinPerS = 1_000;
const startMs = 10_000;
const joinLimitS = 10;
/** Players that are polled and decoded; the others are swept. */
const parsedPlayers = 50;
const cores = cpus().length;

const latency = z.object({ frames: z.number(), p50: z.number(), p90: z.number(), p99: z.number(), max: z.number() });
const played = z.object({
  players: z.number(),
  started: z.number(),
  refused: z.number(),
  lost: z.number(),
  protocolErrors: z.number(),
  windowFromUs: z.number(),
  windowS: z.number(),
  joinS: z.number(),
  joinMs: z.object({ p50: z.number(), p99: z.number() }),
  bytesPerS: z.number(),
  behindNominal: z.number(),
  missingFrames: z.number(),
  videoMs: latency,
  audioMs: latency,
  userS: z.number(),
  systemS: z.number(),
  onCpuS: z.number(),
  rssBeforeKb: z.number(),
  rssKb: z.number(),
  ownCpuS: z.number(),
  idleS: z.number(),
  stolenS: z.number(),
});
const published = z.object({
  lost: z.number(),
  skipped: z.number(),
  lateMs: z.object({ mean: z.number(), max: z.number() }),
});

/** One server, one transport, one number of players, measured once. */
export interface Point extends z.output<typeof played> {
  readonly server: ServerName;
  readonly transport: Transport;
  readonly repetition: number;
  readonly publisher: z.output<typeof published>;
  /** Microseconds of CPU time of the server per player and second. */
  readonly cpuUsPerPlayerS: number;
  /** Growth of the resident memory from before the first player to the end of the window, per player. */
  readonly rssKbPerPlayer: number;
  /** Cores that other programs kept busy during the window. */
  readonly otherCores: number;
}

export interface FailedPoint {
  readonly server: ServerName;
  readonly transport: Transport;
  readonly players: number;
  readonly repetition: number;
  readonly failed: string;
}

export interface Setup {
  readonly candidate: Candidate;
  readonly transport: Transport;
  readonly players: number;
  readonly repetition: number;
  readonly timing: Timing;
  readonly folder: string;
}

/** Seconds that a point takes when nothing goes wrong. */
export function expectedS(timing: Timing, players: number): number {
  return 1 + timing.settleS + players / joinPerS + timing.warmupS + timing.windowS;
}

/** Starts the server, publishes, lets the players join, measures and ends everything. */
export async function measure(processes: Processes, loadgen: string, setup: Setup): Promise<Point | FailedPoint> {
  const { candidate, transport, players, repetition, timing } = setup;
  const lifeS = expectedS(timing, players) + joinLimitS + startMs / 1000;
  const ports = await freePorts();
  const { command, args } = candidate.command(setup.folder, ports);
  const logPath = join(setup.folder, 'output.log');
  const log = openSync(logPath, 'a');
  const server = processes.start(command, args, { lifeS, output: log, cwd: setup.folder });
  closeSync(log);
  let publisher: Started | null = null;
  try {
    await listening(server, candidate, transport, ports);
    publisher = processes.start(loadgen, publishArguments(ports, lifeS), { lifeS, output: 'pipe' });
    const report = outputOf(publisher);
    await publishing(publisher);
    await sleep(timing.settleS * 1000);
    const pids = family(server.pid);
    const player = processes.start(loadgen, playArguments(setup, ports, pids), { lifeS, output: 'pipe' });
    const result = played.parse(JSON.parse((await outputOf(player)) || noReport('players', await player.ended)));
    await processes.end(publisher);
    return assemble(
      setup,
      result,
      published.parse(JSON.parse((await report) || noReport('publisher', await publisher.ended))),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { server: candidate.name, transport, players, repetition, failed: `${reason}${tail(logPath)}` };
  } finally {
    if (publisher !== null) await processes.end(publisher);
    await processes.end(server);
  }
}

function assemble(setup: Setup, result: z.output<typeof played>, publisher: z.output<typeof published>): Point {
  if (result.started < setup.players) {
    throw new Error(`only ${result.started} of ${setup.players} players saw a video frame`);
  }
  if (publisher.lost > 0) throw new Error('the server dropped the publisher');
  const ticksS = result.userS + result.systemS;
  // schedstat is exact but knows living threads only; the ticks of /proc/PID/stat know all and step by 10 ms.
  const cpuS = result.onCpuS > 0 && Math.abs(result.onCpuS - ticksS) < 0.05 + 0.05 * ticksS ? result.onCpuS : ticksS;
  return {
    ...result,
    server: setup.candidate.name,
    transport: setup.transport,
    repetition: setup.repetition,
    publisher,
    cpuUsPerPlayerS: (cpuS / result.windowS / setup.players) * 1e6,
    otherCores: cores - (result.idleS + result.stolenS + result.ownCpuS + cpuS) / result.windowS,
    rssKbPerPlayer: (result.rssKb - result.rssBeforeKb) / setup.players,
  };
}

function publishArguments(ports: Ports, lifeS: number): string[] {
  return toArguments('publish', {
    port: ports.rtmp,
    vbps: stream.videoBps,
    abps: stream.audioBps,
    fps: stream.fps,
    gop: stream.gop,
    seconds: lifeS,
  });
}

function playArguments(setup: Setup, ports: Ports, pids: readonly number[]): string[] {
  return toArguments('play', {
    proto: setup.transport,
    port: setup.transport === 'rtmp' ? ports.rtmp : ports.http,
    players: setup.players,
    parse: parsedPlayers,
    'join-rate': joinPerS,
    'join-timeout': joinLimitS,
    warmup: setup.timing.warmupS,
    seconds: setup.timing.windowS,
    'expect-bps': stream.videoBps + stream.audioBps,
    pids: pids.join(','),
  });
}

function toArguments(mode: string, options: Readonly<Record<string, string | number>>): string[] {
  return [mode, ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])];
}

async function listening(server: Started, candidate: Candidate, transport: Transport, ports: Ports): Promise<void> {
  const wanted = transport === 'rtmp' ? [ports.rtmp] : [ports.rtmp, ports.http];
  const deadline = Date.now() + startMs;
  for (const port of wanted) {
    while (!(await accepts(port))) {
      if (server.process.exitCode !== null || server.process.signalCode !== null) {
        throw new Error(`${candidate.title} ended with ${server.process.exitCode ?? server.process.signalCode}`);
      }
      if (Date.now() > deadline) throw new Error(`${candidate.title} did not open port ${port} within ${startMs} ms`);
      await sleep(25);
    }
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function publishing(publisher: Started): Promise<void> {
  if (publisher.process.stderr === null) throw new Error('the publisher has no stderr');
  for await (const line of createInterface(publisher.process.stderr)) {
    if (line === 'published 1 failed 0') return;
    throw new Error(`the publisher was refused (${line})`);
  }
  throw new Error('the publisher ended early');
}

function outputOf(started: Started): Promise<string> {
  if (started.process.stdout === null) throw new Error('the load generator has no stdout');
  return text(started.process.stdout);
}

function noReport(who: string, end: number | NodeJS.Signals): never {
  throw new Error(`the ${who} ended with ${end} and no report`);
}

function tail(path: string): string {
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(-5).join('\n    ');
  return lines === '' ? '' : `; the server's last lines:\n    ${lines}`;
}
