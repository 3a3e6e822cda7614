import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMachine } from './machine.ts';
import { isInNamespace, loopbackMtu, namespaceObstacle, runInNamespace } from './namespace.ts';
import { type BenchOptions, readOptions, UsageError, usage } from './options.ts';
import { expectedS, type FailedPoint, measure, type Point, type Setup, stream } from './point.ts';
import { MissingError, prepare, type Tools } from './prepare.ts';
import { Processes } from './processes.ts';
import { topFunctions } from './profile.ts';
import { judge, toDisturbances, toMarkdown, toRows, toVerdict } from './report.ts';
import { type Candidate, nginx, ours, peer } from './servers.ts';

const results = join(import.meta.dirname, 'results');

/** Everything still to be measured, without the folders. */
type Plan = readonly Omit<Setup, 'folder'>[];

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(usage);
    return 0;
  }
  const tools = prepare(options.nginx);
  const plan = makePlan(options, candidates(options, tools));
  const durationS = plan.reduce((sum, setup) => sum + expectedS(setup.timing, setup.players), 0);
  if (!isInNamespace()) {
    process.stdout.write(`${plan.length} points, about ${Math.ceil(durationS)} s\n`);
    const obstacle = namespaceObstacle();
    if (obstacle === null) {
      return runInNamespace(tools.loadgen, [...process.execArgv, ...process.argv.slice(1)], 2 * durationS + 120);
    }
    process.stdout.write(`no network namespace of our own (${obstacle}); going on with MTU ${loopbackMtu()}\n`);
  }
  return measureAll(options, tools, plan);
}

function candidates(options: BenchOptions, tools: Tools): Candidate[] {
  if (options.profile) return [ours(tools, profilerFlags())];
  const found: Candidate[] = [];
  if ('missing' in tools.peer) process.stdout.write(`without the peer: ${tools.peer.missing}\n`);
  if (options.spread) {
    if ('missing' in tools.peer) throw new MissingError('--spread needs the peer');
    found.push(peer(tools.peer.entry, tools.peer.version, 'ours'));
  } else {
    found.push(ours(tools));
  }
  if (!('missing' in tools.peer)) found.push(peer(tools.peer.entry, tools.peer.version));
  if (options.nginx) {
    if ('missing' in tools.nginx) process.stdout.write(`without nginx: ${tools.nginx.missing}\n`);
    else found.push(nginx(tools.nginx.version, tools.nginx.module));
  }
  return found;
}

/** The servers take turns at every point, and who is first alternates. */
function makePlan(options: BenchOptions, servers: readonly Candidate[]): Plan {
  const plan: Omit<Setup, 'folder'>[] = [];
  let turn = 0;
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const transport of options.transports) {
      for (const players of options.players) {
        const able = servers.filter((server) => server.transports.includes(transport));
        for (const candidate of turn++ % 2 === 0 ? able : able.toReversed()) {
          plan.push({ candidate, transport, players, repetition, timing: options.timing(players) });
        }
      }
    }
  }
  return plan;
}

async function measureAll(options: BenchOptions, tools: Tools, plan: Plan): Promise<number> {
  const processes = new Processes(tools.loadgen);
  const folder = mkdtempSync(join(tmpdir(), 'nms-bench-'));
  let isStopping = false;
  const stop = (signal: 'SIGINT' | 'SIGTERM') => {
    isStopping = true;
    void processes.endAll().then(() => {
      rmSync(folder, { recursive: true, force: true });
      process.exit(signal === 'SIGINT' ? 130 : 143);
    });
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const points: (Point | FailedPoint)[] = [];
  try {
    for (const [i, setup] of plan.entries()) {
      const point = await measure(processes, tools.loadgen, { ...setup, folder: join(folder, String(i)) });
      if (isStopping) return 130;
      points.push(point);
      process.stdout.write(`${progress(i + 1, plan.length, setup)}  ${summary(point)}\n`);
      if (options.profile && !('failed' in point)) process.stdout.write(`\n${profileOf(point, tools.root)}\n\n`);
    }
  } finally {
    await processes.endAll();
    rmSync(folder, { recursive: true, force: true });
  }
  return options.profile ? 0 : conclude(options, tools, plan, points);
}

function conclude(options: BenchOptions, tools: Tools, plan: Plan, points: readonly (Point | FailedPoint)[]): number {
  const good = points.filter((point): point is Point => !('failed' in point));
  const failures = points.filter((point): point is FailedPoint => 'failed' in point);
  const rows = toRows(good);
  const verdicts = options.spread ? [] : judge(rows);
  const servers = [...new Map(plan.map(({ candidate }) => [candidate.name, candidate.title]))];
  const report = {
    machine: describeMachine(tools.root),
    mtu: loopbackMtu(),
    servers: Object.fromEntries(servers),
    stream,
    rows,
    verdicts,
    failures,
    points: good,
  };
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, 'latest.json'), `${JSON.stringify(report, null, 2)}\n`);
  const { processor, cores, kernel, node, commit, isClean } = report.machine;
  process.stdout.write(
    [
      '',
      `${servers.map(([name, title]) => `${name} = ${title}`).join(', ')}; Node ${node}`,
      `${processor}, ${cores} cores, Linux ${kernel}, loopback MTU ${report.mtu}, ${commit === null ? 'commit unknown' : `commit ${commit}${isClean ? '' : ' with changes'}`}`,
      '',
      toMarkdown(rows, report.mtu),
      '',
      ...[toDisturbances(good)].filter(Boolean).flatMap((warning) => [warning, '']),
      toVerdict(verdicts, failures, options.spread),
      '',
      'All points: bench/results/latest.json. Differences below 20 % need --reps before they mean anything.',
      '',
    ].join('\n'),
  );
  const missed = failures.length > 0 || verdicts.length === 0 || verdicts.some(({ outcome }) => outcome !== 'pass');
  return options.strict && missed ? 1 : 0;
}

function progress(i: number, of: number, { candidate, transport, players }: Omit<Setup, 'folder'>): string {
  const at = `${String(i).padStart(String(of).length)}/${of}`;
  return `${at}  ${candidate.name.padEnd(5)} ${transport.padEnd(4)} ${String(players).padStart(4)}`;
}

function summary(point: Point | FailedPoint): string {
  if ('failed' in point) return `failed: ${point.failed}`;
  const { cpuUsPerPlayerS, videoMs, rssKbPerPlayer, behindNominal, lost } = point;
  const cpu = `${cpuUsPerPlayerS.toFixed(0).padStart(5)} µs per player-s`;
  const late = `video ${videoMs.p50.toFixed(1)}, ${videoMs.p99.toFixed(1)} ms`;
  return `${cpu}  ${late}  ${rssKbPerPlayer.toFixed(0)} KiB per player  ${behindNominal} behind, ${lost} lost`;
}

function profilerFlags(): string[] {
  const folder = join(results, 'profiles');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`];
}

/** Profiles are named after the time of their start, so the last one belongs to the server that just ended. */
function profileOf(point: Point, root: string): string {
  const folder = join(results, 'profiles');
  const last = readdirSync(folder).sort().at(-1);
  if (last === undefined) return 'the server wrote no profile: it did not end by itself on SIGTERM';
  const toUs = point.windowFromUs + point.windowS * 1e6;
  return topFunctions(join(folder, last), { fromUs: point.windowFromUs, toUs }, root);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof MissingError)) throw error;
  process.stderr.write(`${error.message}\n${error instanceof UsageError ? `\n${usage}` : ''}`);
  process.exitCode = 2;
}
