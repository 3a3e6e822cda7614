import { groupBy, spreadOf } from '../figures.ts';
import type { Job, Lab, Step } from '../lab.ts';
import type { Timing } from '../options.ts';
import { type FanoutRow, type Figures, type ServerName, type Transport, transports } from '../results.ts';
import { type Candidate, floor, ours } from '../servers.ts';
import { cpuSOf, isDisturbed, type Played, type Published } from '../load-report.ts';
import { joinLimitS } from '../stage.ts';
import { settle } from './settle.ts';

const joinPerS = 1_000;
const quickPlayers = [50, 200, 500];
const fullPlayers = [50, 200, 500, 1000];
/** The floors and the relaxed gear are compared where many watch. */
const manyPlayers = 500;
/** Who writes ten times a second needs longer until V8 has compiled what runs. */
const seldomWriters: ReadonlySet<ServerName> = new Set(['relaxed', 'floor100']);
const seldomWarmupS = 6;

/** One server, one transport, one number of players, measured once. */
export interface Sample {
  readonly server: ServerName;
  readonly transport: Transport;
  readonly players: number;
  readonly played: Played;
  readonly published: Published | null;
}

interface Point {
  readonly candidate: Candidate;
  readonly transport: Transport;
  readonly players: number;
}

/** One stream, many players. `onSample` hears of each as soon as its server has ended. */
export function fanout(lab: Lab, onSample: (sample: Sample) => string = () => ''): Job {
  const samples: Sample[] = [];
  const steps = plan(lab).map((point): Step => {
    const { candidate, transport, players } = point;
    const timing = timingOf(candidate, lab.options.timing(players));
    return {
      label: `${candidate.name.padEnd(8)} ${transport.padEnd(4)} ${String(players).padStart(4)}`,
      seconds: expectedS(timing, players),
      run: async () => {
        const sample = await measure(lab, point, timing);
        samples.push(sample);
        return `${summary(sample)}${onSample(sample)}`;
      },
    };
  });
  return { suite: 'fanout', steps, finish: () => ({ fanout: toRows(samples) }) };
}

/** The servers take turns at every point, and who is first alternates. */
function plan({ options, servers, tools }: Lab): Point[] {
  const counts = options.players ?? (options.isFull ? fullPlayers : quickPlayers);
  const extra =
    options.spread || options.profile ? [] : [ours(tools, { name: 'relaxed' }), floor('floor'), floor('floor100')];
  const points: Point[] = [];
  let turn = 0;
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    for (const transport of options.transports) {
      for (const players of counts) {
        // Quick runs compare the relaxed gear over the floor's transport only.
        const isCompared = players >= manyPlayers && (options.isFull || transport === 'flv');
        const here = isCompared ? [...servers, ...extra] : servers;
        const able = here.filter((server) => server.transports.includes(transport));
        for (const candidate of turn++ % 2 === 0 ? able : able.toReversed())
          points.push({ candidate, transport, players });
      }
    }
  }
  return points;
}

function timingOf({ name }: Candidate, timing: Timing): Timing {
  return seldomWriters.has(name) ? { ...timing, warmupS: Math.max(timing.warmupS, seldomWarmupS) } : timing;
}

function expectedS({ settleS, warmupS, windowS }: Timing, players: number): number {
  return 1 + settleS + players / joinPerS + warmupS + windowS;
}

async function measure(lab: Lab, point: Point, timing: Timing): Promise<Sample> {
  const { candidate, transport, players } = point;
  const lifeS = expectedS(timing, players) + 2 * joinLimitS;
  return lab.withServer(candidate, lifeS, async (stage) => {
    const publisher = candidate.isSource ? null : await stage.publish();
    await settle(timing.settleS);
    const { warmupS, windowS } = timing;
    const played = await stage.play({ transport, players, warmupS, windowS, joinPerS }).report;
    const published = publisher === null ? null : await publisher.end();
    if (played.started < players) throw new Error(`only ${played.started} of ${players} players saw a video frame`);
    if (published !== null && published.lost > 0) throw new Error('the server dropped the publisher');
    return { server: candidate.name, transport, players, played, published };
  });
}

/** Microseconds of CPU time of the server per player and second. */
function cpuUs({ played, players }: Sample): number {
  return (cpuSOf(played) / played.windowS / players) * 1e6;
}

function rssKb({ played, players }: Sample): number {
  return (played.rssKb - played.rssBeforeKb) / players;
}

function summary(sample: Sample): string {
  const { videoMs, behindNominal, lost } = sample.played;
  const cpu = `${cpuUs(sample).toFixed(0).padStart(5)} µs per player-s`;
  const late = `video ${videoMs.p50.toFixed(1)}, ${videoMs.p99.toFixed(1)} ms`;
  return `${cpu}  ${late}  ${rssKb(sample).toFixed(0)} KiB per player  ${behindNominal} behind, ${lost} lost`;
}

/** One row per transport and number of players. */
export function toRows(samples: readonly Sample[]): FanoutRow[] {
  return transports.flatMap((transport) => {
    const mine = samples.filter((sample) => sample.transport === transport).sort((a, b) => a.players - b.players);
    return groupBy(mine, ({ players }) => String(players)).map((here) => ({
      transport,
      players: here[0]!.players,
      figures: Object.fromEntries(
        groupBy(here, ({ server }) => server).map((group) => [group[0]!.server, toFigures(group)]),
      ),
    }));
  });
}

function toFigures(samples: readonly Sample[]): Figures {
  const over = (read: (sample: Sample) => number) => spreadOf(samples.map(read));
  return {
    repetitions: samples.length,
    cpuUsPerPlayerS: over(cpuUs),
    videoP50Ms: over(({ played }) => played.videoMs.p50),
    videoP99Ms: over(({ played }) => played.videoMs.p99),
    audioP50Ms: over(({ played }) => played.audioMs.p50),
    audioP99Ms: over(({ played }) => played.audioMs.p99),
    rssKbPerPlayer: over(rssKb),
    bytesPerPlayerS: over(({ played, players }) => played.bytesPerS / players).median,
    behind: Math.max(...samples.map(({ played }) => Math.max(played.behindNominal, played.lost))),
    missingFrames: Math.max(...samples.map(({ played }) => played.missingFrames)),
    isDisturbed: samples.some(({ played, published }) => isDisturbed(played, published)),
  };
}
