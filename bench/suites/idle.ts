import { groupBy, spreadOf } from '../figures.ts';
import type { Job, Lab } from '../lab.ts';
import type { IdleRow, ServerName, Transport } from '../results.ts';
import { joinLimitS } from '../stage.ts';
import { settle } from './settle.ts';

const connections = 2_000;
const joinPerS = 1_000;
const warmupS = 3;
const windowS = 1;
const settleS = 1;

interface Sample {
  readonly server: ServerName;
  readonly transport: Transport;
  readonly connections: number;
  readonly kbEach: number;
  readonly lost: number;
}

/**
 * Connections that asked for a stream that nobody publishes. It is over within the 10 s for which this server lets a
 * player wait.
 */
export function idle(lab: Lab): Job {
  const { options } = lab;
  const samples: Sample[] = [];
  const points = Array.from({ length: options.repetitions }).flatMap(() =>
    (options.players ?? [connections]).flatMap((count) =>
      options.transports.flatMap((transport) =>
        lab.servers
          .filter((server) => server.transports.includes(transport))
          .map((candidate) => ({ candidate, transport, count })),
      ),
    ),
  );
  const steps = points.map(({ candidate, transport, count }) => {
    const seconds = 1 + settleS + count / joinPerS + warmupS + windowS;
    return {
      label: `${candidate.name.padEnd(8)} ${transport.padEnd(4)} ${String(count).padStart(4)} idle`,
      seconds,
      run: () =>
        lab.withServer(candidate, seconds + 2 * joinLimitS, async (stage) => {
          await settle(settleS);
          const play = { transport, players: count, parsed: 0, isIdle: true, joinPerS } as const;
          const played = await stage.play({ ...play, warmupS, windowS }).report;
          if (played.started < count) throw new Error(`only ${played.started} of ${count} could connect`);
          const kbEach = (played.rssKb - played.rssBeforeKb) / count;
          samples.push({ server: candidate.name, transport, connections: count, kbEach, lost: played.lost });
          return `${kbEach.toFixed(1)} KiB each, ${played.lost} lost`;
        }),
    };
  });
  return { suite: 'idle', steps, finish: () => ({ idle: toRows(samples) }) };
}

function toRows(samples: readonly Sample[]): IdleRow[] {
  return groupBy(samples, (sample) => `${sample.transport} ${sample.connections} ${sample.server}`).map((group) => ({
    server: group[0]!.server,
    transport: group[0]!.transport,
    connections: group[0]!.connections,
    rssKbEach: spreadOf(group.map(({ kbEach }) => kbEach)),
    lost: Math.max(...group.map(({ lost }) => lost)),
  }));
}
