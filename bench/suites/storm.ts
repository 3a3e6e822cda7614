import type { Job, Lab } from '../lab.ts';
import type { StormRow, Transport } from '../results.ts';
import { type Candidate, lobby } from '../servers.ts';
import { isDisturbed } from '../load-report.ts';
import { joinLimitS } from '../stage.ts';
import { settle } from './settle.ts';

const players = 1_000;
const watchers = 50;
const beforeS = 6;
const afterS = 4;

/** As many players as there are come within a second, while others watch. */
export function storm(lab: Lab): Job {
  const { options } = lab;
  const rows: StormRow[] = [];
  const points = options.transports.flatMap((transport) =>
    (options.players ?? [players]).flatMap((count) =>
      [...lab.servers, lobby()]
        .filter((server) => server.transports.includes(transport))
        .map((candidate) => ({ candidate, transport, count })),
    ),
  );
  const steps = points.map(({ candidate, transport, count }) => ({
    label: `${candidate.name.padEnd(8)} ${transport.padEnd(4)} ${String(count).padStart(4)} in 1 s`,
    seconds: 5 + beforeS + 2 + afterS,
    run: async () => {
      const row = await measure(lab, candidate, transport, count);
      rows.push(row);
      const { before, meanwhile } = row.watcherP99Ms;
      const seen = `watchers' p99 ${before.toFixed(1)}, then ${meanwhile.toFixed(1)} ms`;
      return `first frame ${row.p50Ms.toFixed(0)}, ${row.p99Ms.toFixed(0)} ms, ${row.missed} missed; ${seen}`;
    },
  }));
  return { suite: 'storm', steps, finish: () => ({ storm: rows }) };
}

function measure(lab: Lab, candidate: Candidate, transport: Transport, count: number): Promise<StormRow> {
  const lifeS = 30 + beforeS + afterS + 2 * joinLimitS;
  return lab.withServer(candidate, lifeS, async (stage) => {
    const publisher = await stage.publish();
    await settle(2);
    const watch = { transport, players: watchers, parsed: -1, joinPerS: 500, warmupS: 2 };
    const watching = stage.play({ ...watch, windowS: lifeS });
    await watching.joined;
    await settle(watch.warmupS + beforeS);
    watching.nextSlice();
    const comers = stage.play({ transport, players: count, parsed: 0, joinPerS: count, warmupS: afterS, windowS: 0.5 });
    await comers.joined;
    watching.nextSlice();
    const came = await comers.report;
    const watched = await watching.end();
    await publisher.end();
    const [before, meanwhile, after] = watched.series;
    if (before === undefined || meanwhile === undefined || after === undefined || watched.lost > 0) {
      throw new Error(`${watched.lost} of ${watchers} watchers were lost`);
    }
    return {
      server: candidate.name,
      transport,
      players: count,
      p50Ms: came.joinMs.p50,
      p99Ms: came.joinMs.p99,
      missed: count - came.started,
      watchers,
      watcherP99Ms: { before: before.p99, meanwhile: meanwhile.p99, after: after.p99 },
      isDisturbed: isDisturbed(came, null),
    };
  });
}
