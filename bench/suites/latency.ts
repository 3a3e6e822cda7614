import type { Job, Lab } from '../lab.ts';
import type { LatencyRow } from '../results.ts';
import { isDisturbed } from '../load-report.ts';
import { joinLimitS } from '../stage.ts';
import { settle } from './settle.ts';

const players = 200;
const fullS = 60;
const quickS = 15;
const warmupS = 2;

/** The latency of each second, so that pauses show that a quantile of the whole would hide. */
export function latency(lab: Lab): Job {
  const { options } = lab;
  const rows: LatencyRow[] = [];
  const windowS = options.isFull ? fullS : quickS;
  const points = options.transports.flatMap((transport) =>
    (options.players ?? [players]).flatMap((count) =>
      lab.servers
        .filter((server) => server.transports.includes(transport))
        .map((candidate) => ({ candidate, transport, count })),
    ),
  );
  const steps = points.map(({ candidate, transport, count }) => ({
    label: `${candidate.name.padEnd(8)} ${transport.padEnd(4)} ${String(count).padStart(4)}`,
    seconds: 4 + warmupS + windowS,
    run: () =>
      lab.withServer(candidate, 4 + warmupS + windowS + 2 * joinLimitS, async (stage) => {
        const publisher = await stage.publish();
        await settle(2);
        // Players that are only swept answer no WebSocket ping, and would be closed in a window this long.
        const parsed = transport === 'ws' ? { parsed: -1 } : {};
        const play = { transport, players: count, joinPerS: 500, warmupS, windowS, seriesS: 1, ...parsed };
        const played = await stage.play(play).report;
        const published = await publisher.end();
        if (played.lost > 0) throw new Error(`${played.lost} of ${count} players were lost`);
        const seconds = played.series
          .filter(({ frames, s }) => frames > 0 && s > 0.5)
          .map(({ fromUs, p50, p99, max }) => ({
            atS: Math.round((fromUs - played.windowFromUs) / 1e6),
            p50Ms: p50,
            p99Ms: p99,
            maxMs: max,
          }));
        const disturbed = isDisturbed(played, published);
        rows.push({ server: candidate.name, transport, players: count, seconds, isDisturbed: disturbed });
        const worst = Math.max(...seconds.map(({ p99Ms }) => p99Ms));
        return `p99 ${played.videoMs.p99.toFixed(1)} ms, of the worst second ${worst.toFixed(1)} ms`;
      }),
  }));
  return { suite: 'latency', steps, finish: () => ({ latency: rows }) };
}
