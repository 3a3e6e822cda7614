import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { judge } from './goals.ts';
import { type Job, Lab } from './lab.ts';
import { describeMachine } from './machine.ts';
import { isInNamespace, loopbackMtu, namespaceObstacle, runInNamespace } from './namespace.ts';
import { type BenchOptions, readOptions, UsageError, usage } from './options.ts';
import { MissingError, prepare, type Tools } from './prepare.ts';
import { topFunctions } from './profile.ts';
import type { Report, SuiteName, Suites } from './results.ts';
import { type Candidate, nginx, ours, peer } from './servers.ts';
import { stream } from './stream.ts';
import { api } from './suites/api.ts';
import { burst } from './suites/burst.ts';
import { capacity } from './suites/capacity.ts';
import { change } from './suites/change.ts';
import { fanout, type Sample } from './suites/fanout.ts';
import { idle } from './suites/idle.ts';
import { latency } from './suites/latency.ts';
import { link } from './suites/link.ts';
import { slowReaders } from './suites/slow.ts';
import { soak } from './suites/soak.ts';
import { storm } from './suites/storm.ts';
import { streams } from './suites/streams.ts';
import { serverNames, toTable, toVerdictLines } from './tables.ts';

const results = join(import.meta.dirname, 'results');

const suites: Readonly<Record<SuiteName, (lab: Lab) => Job>> = {
  fanout: (lab) => fanout(lab, lab.options.profile ? (sample) => profileOf(sample, lab.tools.root) : undefined),
  streams,
  idle,
  burst,
  storm,
  slow: slowReaders,
  latency,
  capacity,
  link,
  api,
  change,
  soak,
};

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    process.stdout.write(usage);
    return 0;
  }
  const tools = prepare(options.nginx, !options.isAlone);
  const lab = new Lab({ options, tools, servers: candidates(options, tools) });
  const jobs = options.suites.map((name) => suites[name](lab));
  if (!isInNamespace()) {
    const seconds = jobs.reduce((sum, job) => sum + secondsOf(job), 0);
    announce(jobs, seconds);
    const obstacle = namespaceObstacle();
    if (obstacle === null) {
      const args = [...process.execArgv, ...process.argv.slice(1)];
      return runInNamespace(tools.loadgen, args, { lifeS: 2 * seconds + 300, mtu: options.mtu });
    }
    process.stdout.write(`no network namespace of our own (${obstacle}); going on with MTU ${loopbackMtu()}\n`);
  }
  try {
    return await runAll(lab, jobs);
  } finally {
    await lab.end();
  }
}

function secondsOf({ steps }: Job): number {
  return steps.reduce((sum, step) => sum + step.seconds, 0);
}

function announce(jobs: readonly Job[], seconds: number): void {
  const parts = jobs.map((job) => `${job.suite} ${job.steps.length} (${inWords(secondsOf(job))})`);
  process.stdout.write(`about ${inWords(seconds)}: ${parts.join(', ')}\n`);
}

function inWords(seconds: number): string {
  return seconds < 180 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

function candidates(options: BenchOptions, tools: Tools): Candidate[] {
  if (options.profile) return [ours(tools, { flags: profilerFlags() })];
  const found: Candidate[] = [];
  if (options.spread) {
    if ('missing' in tools.peer) throw new MissingError(`--spread needs the peer: ${tools.peer.missing}`);
    found.push(peer(tools.peer.entry, tools.peer.version, 'ours'));
  } else {
    found.push(ours(tools));
  }
  const isTold = !isInNamespace();
  if (!('missing' in tools.peer)) found.push(peer(tools.peer.entry, tools.peer.version));
  else if (isTold && !options.isAlone) process.stdout.write(`without the peer: ${tools.peer.missing}\n`);
  if (options.nginx) {
    if (!('missing' in tools.nginx)) found.push(nginx(tools.nginx.version, tools.nginx.module));
    else if (isTold) process.stdout.write(`without nginx: ${tools.nginx.missing}\n`);
  }
  return found;
}

async function runAll(lab: Lab, jobs: readonly Job[]): Promise<number> {
  let isStopping = false;
  const stop = (signal: 'SIGINT' | 'SIGTERM') => {
    isStopping = true;
    void lab.end().then(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const machine = describeMachine(lab.tools.root);
  let found: Suites = {};
  for (const job of jobs) {
    process.stdout.write(`\n${job.suite}\n`);
    for (const [i, step] of job.steps.entries()) {
      const line = await lab.take(job.suite, step);
      if (isStopping) return 130;
      process.stdout.write(`${String(i + 1).padStart(3)}/${job.steps.length}  ${step.label}  ${line}\n`);
    }
    if (lab.options.profile) return lab.failures.length > 0 ? 1 : 0;
    found = { ...found, ...job.finish() };
    // After each suite: an hour of soak may be interrupted.
    write(lab, machine, found);
  }
  return conclude(lab, write(lab, machine, found));
}

function resultsFile({ out }: BenchOptions): string {
  return out === null ? join(results, 'latest.json') : resolve(out);
}

function write(lab: Lab, machine: Report['machine'], found: Suites): Report {
  const made: Report = {
    machine,
    mtu: loopbackMtu(),
    command: toCommand(process.argv.slice(2)),
    servers: titles(lab),
    stream,
    suites: found,
    verdicts: lab.options.spread ? [] : judge(found),
    failures: lab.failures,
  };
  const path = resultsFile(lab.options);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(made, null, 1)}\n`);
  return made;
}

/** As it can be typed elsewhere: without the place of the file. */
function toCommand(args: readonly string[]): string {
  const shown = args.filter((word, i) => !word.startsWith('--out') && args[i - 1] !== '--out');
  return ['node bench/run.ts', ...shown].join(' ');
}

function titles(lab: Lab): Record<string, string> {
  return Object.fromEntries(lab.servers.map(({ name, title }) => [name, title]));
}

function conclude({ options }: Lab, made: Report): number {
  const { processor, cores, kernel, node, commit, isClean } = made.machine;
  const say = (...lines: string[]) => process.stdout.write(`${lines.join('\n')}\n`);
  say(
    '',
    `${Object.values(made.servers).join(', ')}; Node ${node}`,
    `${processor}, ${cores} cores, Linux ${kernel}, loopback MTU ${made.mtu}, ${commit === null ? 'commit unknown' : `commit ${commit}${isClean ? '' : ' with changes'}`}`,
  );
  for (const suite of options.suites) {
    const shown = toTable(suite, made.suites);
    if (shown !== null) say('', suite, '', shown);
  }
  say('');
  if (JSON.stringify(made.suites).includes('"isDisturbed":true')) {
    say(
      'Other programs were busy during some points (*): do not trust the latency there; repeat on a quiet machine.',
      '',
    );
  }
  if (made.mtu > 1500) {
    say(
      `Measured at a loopback MTU of ${made.mtu}: servers that leave Nagle on look up to four times cheaper than on a network; do not compare.`,
      '',
    );
  }
  if (options.spread) {
    say(`No verdict: ${serverNames.ours} is the peer too, so every ratio that is not 1 is the spread of the method.`);
  }
  for (const { suite, label, failed } of made.failures) say(`FAILED  ${suite}  ${label}: ${failed}`);
  const { verdicts } = made;
  say(...toVerdictLines(verdicts), '');
  const count = (outcome: string) => verdicts.filter((verdict) => verdict.outcome === outcome).length;
  say(`${count('pass')} passed, ${count('MISSED')} missed, ${count('unsure')} unsure, ${made.failures.length} failed.`);
  say(`Results: ${resultsFile(options)}. Differences below 20 % need --reps before they mean anything.`);
  const isPerfect = made.failures.length === 0 && verdicts.length > 0 && count('pass') === verdicts.length;
  return options.strict && !isPerfect ? 1 : 0;
}

function profilerFlags(): string[] {
  const folder = join(results, 'profiles');
  if (isInNamespace()) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`];
}

/** Profiles are named after the time of their start, so the last one belongs to the server that just ended. */
function profileOf({ played }: Sample, root: string): string {
  const folder = join(results, 'profiles');
  const last = readdirSync(folder).sort().at(-1);
  if (last === undefined) return '\nthe server wrote no profile: it did not end by itself on SIGTERM';
  const toUs = played.windowFromUs + played.windowS * 1e6;
  return `\n\n${topFunctions(join(folder, last), { fromUs: played.windowFromUs, toUs }, root)}\n`;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError || error instanceof MissingError)) throw error;
  process.stderr.write(`${error.message}\n${error instanceof UsageError ? `\n${usage}` : ''}`);
  process.exitCode = 2;
}
