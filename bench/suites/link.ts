import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { groupBy, spreadOf } from '../figures.ts';
import type { Job, Lab, Step } from '../lab.ts';
import { cpuSOf, isDisturbed, type Played, type Published } from '../load-report.ts';
import { isInNamespace } from '../namespace.ts';
import { type LinkResult, type LinkRow, type OddRow, type ServerName, serverName, type Transport } from '../results.ts';
import { type Candidate, ours } from '../servers.ts';
import { joinLimitS, type PlayOptions, type Stage } from '../stage.ts';
import { settle } from './settle.ts';

/** 40 ms there and back. */
const delayMs = 20;
const players = 100;
const joinPerS = 100;
/** Of a thousand packets, each way. */
const losses = [0, 5, 20];
const settleS = 1;
/** The group of pictures that a newcomer begins with takes some round trips. */
const warmupS = 2;
const windowS = 6;

/** The odd one's line, and what the others' is like. */
const oddLines = [
  { words: '5 % loss', lossPerMille: 50, rateKbps: 0 },
  { words: '1.5 Mbit/s', lossPerMille: 0, rateKbps: 1500 },
];
const oddS = 24;
const beforeS = 4;

interface Line {
  readonly lossPerMille: number;
  readonly rateKbps: number;
  readonly congestion: string;
  readonly seed: number;
  /** Several lines of one stage need different numbers. */
  readonly net: number;
}

const direction = z.object({ packets: z.number(), lost: z.number(), dropped: z.number(), overrun: z.number() });
const lineReport = z.object({
  seconds: z.number(),
  cpuS: z.number(),
  down: direction,
  up: direction,
  lateMs: z.object({ p99: z.number(), max: z.number() }),
});
type LineReport = z.output<typeof lineReport>;

/** All players on one line, measured once. */
export interface Sample {
  readonly server: ServerName;
  readonly transport: Transport;
  readonly congestion: string;
  readonly lossPerMille: number;
  readonly players: number;
  readonly played: Played;
  readonly published: Published;
  readonly line: LineReport;
}

interface Point {
  readonly candidate: Candidate;
  readonly transport: Transport;
  readonly congestion: string;
  readonly lossPerMille: number;
  readonly count: number;
  readonly repetition: number;
}

/** Players 40 ms away behind lines with loss (bench/link.c); the publisher sits beside the server. */
export function link(lab: Lab): Job {
  const samples: Sample[] = [];
  const odd: OddRow[] = [];
  const steps = plan(lab).map((point): Step => {
    const { candidate, transport, congestion, lossPerMille, count } = point;
    return {
      label: `${candidate.name.padEnd(8)} ${transport.padEnd(4)} ${String(count).padStart(4)} ${congestion} ${lossPerMille / 10} %`,
      seconds: 1 + settleS + count / joinPerS + warmupS + windowS,
      run: async () => {
        const sample = await measure(lab, point);
        samples.push(sample);
        return summary(sample);
      },
    };
  });
  return { suite: 'link', steps: [...steps, ...oddSteps(lab, odd)], finish: () => ({ link: toResult(samples, odd) }) };
}

/** Slows down at every loss; every kernel has it, and lets a namespace use it. */
const yielding = 'reno';

/** The other one is what this machine uses. */
function congestions(): string[] {
  return [...new Set([yielding, readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim()])];
}

function plan({ options, servers, tools }: Lab): Point[] {
  const candidates = [...servers, ours(tools, { name: 'relaxed' })];
  const points: Point[] = [];
  let turn = 0;
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const congestion of congestions()) {
      for (const transport of options.transports) {
        for (const lossPerMille of losses) {
          // The relaxed gear is the same for all transports.
          const here = transport === 'flv' || options.transports.length === 1 ? candidates : servers;
          const able = here.filter((server) => server.transports.includes(transport));
          const inTurn = turn++ % 2 === 0 ? able : able.toReversed();
          for (const count of options.players ?? [players]) {
            for (const candidate of inTurn)
              points.push({ candidate, transport, congestion, lossPerMille, count, repetition });
          }
        }
      }
    }
  }
  return points;
}

function oddSteps(lab: Lab, odd: OddRow[]): Step[] {
  return oddLines.flatMap((line) =>
    lab.servers
      .filter((server) => server.transports.includes('flv'))
      .map((candidate) => ({
        label: `${candidate.name.padEnd(8)} flv  one with ${line.words} ${yielding}`,
        seconds: 1 + settleS + 1 + warmupS + beforeS + oddS + 1,
        run: async () => {
          const row = await measureOdd(lab, candidate, { ...line, congestion: yielding });
          odd.push(row);
          const { before, meanwhile } = row.othersP99Ms;
          const its = `video ${row.videoP50Ms.toFixed(0)}, at most ${row.videoMaxMs.toFixed(0)} ms`;
          return `it: ${its}, ${row.missingFrames} left out; others' p99 ${before.toFixed(0)}, then ${meanwhile.toFixed(0)} ms`;
        },
      })),
  );
}

/** How players are put behind a line, and where it then says what it carried. */
function behind(lab: Lab, stage: Stage, line: Line): { behind: NonNullable<PlayOptions['behind']>; report: string } {
  if (!isInNamespace()) throw new Error('a line needs a network namespace of our own');
  const report = join(stage.folder, `line${line.net}.json`);
  const words = {
    delay: delayMs,
    loss: line.lossPerMille,
    rate: line.rateKbps,
    seed: line.seed,
    net: line.net,
    congestion: line.congestion,
    report,
  };
  const args = Object.entries(words).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return { behind: [lab.tools.link, ...args], report };
}

function readLine(path: string): LineReport {
  return lineReport.parse(JSON.parse(readFileSync(path, 'utf8')));
}

function measure(lab: Lab, point: Point): Promise<Sample> {
  const { candidate, transport, congestion, lossPerMille, count } = point;
  const lifeS = 30 + count / joinPerS + warmupS + windowS + 2 * joinLimitS;
  return lab.withServer(candidate, lifeS, async (stage) => {
    const publisher = await stage.publish();
    await settle(settleS);
    const line = { lossPerMille, rateKbps: 0, congestion, seed: point.repetition + 1, net: 1 };
    const { behind: program, report } = behind(lab, stage, line);
    const play = { transport, players: count, parsed: -1, joinPerS, warmupS, windowS, behind: program };
    const played = await stage.play(play).report;
    const published = await publisher.end();
    if (published.lost > 0) throw new Error('the server dropped the publisher');
    const told = readLine(report);
    if (told.down.overrun + told.up.overrun > 0) throw new Error('a device of the line dropped packets by itself');
    return {
      server: candidate.name,
      transport,
      congestion,
      lossPerMille,
      players: count,
      played,
      published,
      line: told,
    };
  });
}

function measureOdd(
  lab: Lab,
  candidate: Candidate,
  given: {
    readonly words: string;
    readonly lossPerMille: number;
    readonly rateKbps: number;
    readonly congestion: string;
  },
): Promise<OddRow> {
  const lifeS = 40 + warmupS + beforeS + oddS + 2 * joinLimitS;
  return lab.withServer(candidate, lifeS, async (stage) => {
    const publisher = await stage.publish();
    await settle(settleS);
    const { congestion } = given;
    const good = behind(lab, stage, { lossPerMille: 0, rateKbps: 0, congestion, seed: 1, net: 1 });
    const bad = behind(lab, stage, { ...given, seed: 1, net: 2 });
    const common = { transport: 'flv', parsed: -1, joinPerS } as const;
    const others = stage.play({ ...common, players: players - 1, warmupS, windowS: lifeS, behind: good.behind });
    await others.joined;
    await settle(warmupS + beforeS);
    others.nextSlice();
    const one = stage.play({ ...common, players: 1, warmupS: 0, windowS: oddS, seriesS: 1, behind: bad.behind });
    const it = await one.report;
    const watched = await others.end();
    const published = await publisher.end();
    const [before, meanwhile] = watched.series;
    if (before === undefined || meanwhile === undefined) throw new Error('the others were not measured twice');
    const line = readLine(good.report);
    return {
      server: candidate.name,
      transport: 'flv',
      congestion,
      line: given.words,
      others: players - 1,
      othersP99Ms: { before: before.p99, meanwhile: meanwhile.p99 },
      othersLost: watched.lost,
      seconds: oddS,
      videoP50Ms: it.videoMs.p50,
      videoP99Ms: it.videoMs.p99,
      videoMaxMs: it.videoMs.max,
      latencyMs: it.series.map(({ p50 }) => Math.round(p50)),
      missingFrames: it.missingFrames,
      isLost: it.lost > 0,
      isDisturbed: isDisturbed(watched, published, line.cpuS / line.seconds),
    };
  });
}

/** Microseconds of CPU time of the server per player and second. */
function cpuUs({ played, players: count }: Sample): number {
  return (cpuSOf(played) / played.windowS / count) * 1e6;
}

function summary(sample: Sample): string {
  const { videoMs, joinMs, behindNominal, lost, missingFrames } = sample.played;
  const late = `video ${videoMs.p50.toFixed(0)}, ${videoMs.p99.toFixed(0)}, at most ${videoMs.max.toFixed(0)} ms`;
  const first = `first frame ${joinMs.p50.toFixed(0)}, ${joinMs.p99.toFixed(0)} ms`;
  const line = `line ${(sample.line.cpuS / sample.line.seconds).toFixed(2)} cores, late ${sample.line.lateMs.p99.toFixed(1)} ms`;
  return `${cpuUs(sample).toFixed(0).padStart(5)} µs per player-s  ${late}  ${first}  ${behindNominal} behind, ${lost} lost, ${missingFrames} left out  ${line}`;
}

/** One row per line, number of players and server; in each line this server first. */
export function toResult(samples: readonly Sample[], odd: readonly OddRow[]): LinkResult {
  const lineOf = ({ congestion, transport, lossPerMille, players: count }: Sample) =>
    [congestion, transport, lossPerMille, count].join(' ');
  const rows = groupBy(samples, lineOf).flatMap((group) =>
    groupBy(group, ({ server }) => server)
      .map(toRow)
      .sort((a, b) => serverName.options.indexOf(a.server) - serverName.options.indexOf(b.server)),
  );
  return { rows, odd: [...odd] };
}

function toRow(group: Sample[]): LinkRow {
  const { server, transport, congestion, lossPerMille, players: count } = group[0]!;
  const over = (read: (sample: Sample) => number) => spreadOf(group.map(read));
  const worst = (read: (sample: Sample) => number) => Math.max(...group.map(read));
  return {
    server,
    transport,
    congestion,
    rttMs: 2 * delayMs,
    lossPercent: lossPerMille / 10,
    players: count,
    repetitions: group.length,
    cpuUsPerPlayerS: over(cpuUs),
    videoP50Ms: over(({ played }) => played.videoMs.p50),
    videoP99Ms: over(({ played }) => played.videoMs.p99),
    videoMaxMs: over(({ played }) => played.videoMs.max),
    firstP50Ms: over(({ played }) => played.joinMs.p50),
    firstP99Ms: over(({ played }) => played.joinMs.p99),
    behind: worst(({ played }) => played.behindNominal),
    lost: worst(({ played }) => played.lost + played.players - played.started),
    missingFrames: worst(({ played }) => played.missingFrames),
    lineLateMs: worst(({ line }) => line.lateMs.p99),
    isDisturbed: group.some(({ played, published, line }) => isDisturbed(played, published, line.cpuS / line.seconds)),
  };
}
