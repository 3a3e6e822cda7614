import type { Job, Lab } from '../lab.ts';
import type { CapacityRow, Transport } from '../results.ts';
import type { Candidate } from '../servers.ts';
import { cpuSOf, type Played } from '../load-report.ts';
import { joinLimitS } from '../stage.ts';
import { notTried } from '../tables.ts';
import { settle } from './settle.ts';

const quickSteps = [500, 1000];
const fullSteps = [500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000];
const joinPerS = 500;
/** Later than this nobody calls it live, even if all bytes arrive. */
export const maxP99Ms = 250;

type StepResult = CapacityRow['steps'][number];

/** More and more players at one process, each number at a fresh server, until one of them falls behind. */
export function capacity(lab: Lab): Job {
  const { options } = lab;
  const rows: CapacityRow[] = [];
  const counts = options.players ?? (options.isFull ? fullSteps : quickSteps);
  const points = options.transports.flatMap((transport) =>
    lab.servers
      .filter((server) => server.transports.includes(transport))
      .map((candidate) => ({ candidate, transport })),
  );
  const steps = points.map(({ candidate, transport }) => ({
    label: `${candidate.name.padEnd(8)} ${transport.padEnd(4)} up to ${counts.at(-1)}`,
    seconds: counts.reduce((sum, count) => sum + secondsFor(lab, count), 0),
    run: async () => {
      const row = await climb(lab, candidate, transport, counts);
      rows.push(row);
      return `${row.served} players; ${row.end ?? notTried}`;
    },
  }));
  return { suite: 'capacity', steps, finish: () => ({ capacity: rows }) };
}

function secondsFor({ options }: Lab, count: number): number {
  const { settleS, warmupS, windowS } = options.timing(count);
  return 1 + settleS + count / joinPerS + warmupS + windowS;
}

async function climb(
  lab: Lab,
  candidate: Candidate,
  transport: Transport,
  counts: readonly number[],
): Promise<CapacityRow> {
  const steps: StepResult[] = [];
  let served = 0;
  for (const players of counts) {
    let played: Played;
    try {
      played = await tryOut(lab, candidate, transport, players);
    } catch (error) {
      // A server that breaks under the load has been driven as far as it goes.
      if (served === 0) throw error;
      const reason = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
      return { server: candidate.name, transport, steps, served, end: `with ${players}: ${reason}` };
    }
    const behind = Math.max(played.behindNominal, played.lost, players - played.started);
    const { p50, p99 } = played.videoMs;
    const cores = cpuSOf(played) / played.windowS;
    steps.push({ players, cores, videoP50Ms: p50, videoP99Ms: p99, behind });
    const end = reasonToStop(played, players, behind);
    if (end !== null) return { server: candidate.name, transport, steps, served, end };
    served = players;
  }
  return { server: candidate.name, transport, steps, served, end: null };
}

function tryOut(lab: Lab, candidate: Candidate, transport: Transport, players: number): Promise<Played> {
  const { settleS, warmupS, windowS } = lab.options.timing(players);
  return lab.withServer(candidate, secondsFor(lab, players) + 2 * joinLimitS, async (stage) => {
    const publisher = await stage.publish();
    await settle(settleS);
    const played = await stage.play({ transport, players, joinPerS, warmupS, windowS }).report;
    const { lost } = await publisher.end();
    if (lost > 0) throw new Error(`the server dropped the publisher with ${players} players`);
    return played;
  });
}

function reasonToStop({ started, videoMs }: Played, players: number, behind: number): string | null {
  if (started < players) return `with ${players} only ${started} saw a frame`;
  if (behind > 0) return `with ${players} there are ${behind} behind`;
  if (videoMs.p99 > maxP99Ms) return `with ${players} the p99 is ${videoMs.p99.toFixed(0)} ms`;
  return null;
}
