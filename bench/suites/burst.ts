import { groupBy, spreadOf } from '../figures.ts';
import type { Job, Lab } from '../lab.ts';
import type { BurstRow, ServerName, Transport } from '../results.ts';
import { lobby } from '../servers.ts';
import { isDisturbed } from '../load-report.ts';
import { joinLimitS } from '../stage.ts';
import { middleOfGop } from './settle.ts';

const players = 200;
const fullBursts = 5;
const quickBursts = 3;
/** From one burst to the next: the last one is gone by then. */
const everyS = 4;

interface Sample {
  readonly server: ServerName;
  readonly transport: Transport;
  readonly players: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly missed: number;
  readonly isDisturbed: boolean;
}

/** All players connect at once in the middle of a group of pictures; several times at one server. */
export function burst(lab: Lab): Job {
  const { options } = lab;
  const samples: Sample[] = [];
  const bursts = options.isFull ? fullBursts : quickBursts;
  const points = options.transports.flatMap((transport) =>
    (options.players ?? [players]).flatMap((count) =>
      [...lab.servers, lobby()]
        .filter((server) => server.transports.includes(transport))
        .map((candidate) => ({ candidate, transport, count })),
    ),
  );
  const steps = points.map(({ candidate, transport, count }) => {
    const seconds = 3 + bursts * everyS;
    return {
      label: `${candidate.name.padEnd(8)} ${transport.padEnd(4)} ${String(count).padStart(4)} at once`,
      seconds,
      run: () =>
        lab.withServer(candidate, seconds * 2 + joinLimitS, async (stage) => {
          const publisher = await stage.publish();
          const mine: Sample[] = [];
          for (let i = 0; i < bursts; i++) {
            await middleOfGop(publisher, 2_000);
            const play = { transport, players: count, joinPerS: 0, warmupS: 0.2, windowS: 0.3 };
            const played = await stage.play(play).report;
            const missed = count - played.started;
            const { p50, p99 } = played.joinMs;
            const disturbed = isDisturbed(played, null);
            mine.push({
              server: candidate.name,
              transport,
              players: count,
              p50Ms: p50,
              p99Ms: p99,
              missed,
              isDisturbed: disturbed,
            });
          }
          await publisher.end();
          samples.push(...mine);
          return mine.map(({ p50Ms, p99Ms }) => `${p50Ms.toFixed(0)}, ${p99Ms.toFixed(0)} ms`).join('; ');
        }),
    };
  });
  return { suite: 'burst', steps, finish: () => ({ burst: toRows(samples) }) };
}

function toRows(samples: readonly Sample[]): BurstRow[] {
  return groupBy(samples, (sample) => `${sample.transport} ${sample.players} ${sample.server}`).map((group) => ({
    server: group[0]!.server,
    transport: group[0]!.transport,
    players: group[0]!.players,
    bursts: group.length,
    p50Ms: spreadOf(group.map(({ p50Ms }) => p50Ms)),
    p99Ms: spreadOf(group.map(({ p99Ms }) => p99Ms)),
    missed: Math.max(...group.map(({ missed }) => missed)),
    isDisturbed: group.some((sample) => sample.isDisturbed),
  }));
}
