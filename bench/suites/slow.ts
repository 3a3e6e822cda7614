import type { Job, Lab } from '../lab.ts';
import { rssKb, sockets } from '../proc.ts';
import type { SlowRow, Transport } from '../results.ts';
import type { Candidate } from '../servers.ts';
import { isDisturbed } from '../load-report.ts';
import { joinLimitS, type Stage } from '../stage.ts';
import { settle } from './settle.ts';

const healthy = 50;
const slow = 20;
const beforeS = 10;
/** From the slow players' arrival to the end. */
const withS = 60;
const afterS = 10;

/** Players that never read beside others: what they cost, and when the server closes them. */
export function slowReaders(lab: Lab): Job {
  const rows: SlowRow[] = [];
  // Closed WebSockets could be the heartbeat's doing: those that do not read answer no ping.
  const points = lab.options.transports
    .filter((transport) => transport !== 'ws')
    .flatMap((transport) =>
      lab.servers
        .filter((server) => server.transports.includes(transport))
        .map((candidate) => ({ candidate, transport })),
    );
  const steps = points.map(({ candidate, transport }) => ({
    label: `${candidate.name.padEnd(8)} ${transport.padEnd(4)} ${healthy} + ${slow} slow`,
    seconds: 5 + beforeS + withS + afterS,
    run: async () => {
      const row = await measure(lab, candidate, transport);
      rows.push(row);
      const closed =
        row.lastClosedS === null ? `${row.openAtEnd} never closed` : `closed by ${row.lastClosedS.toFixed(0)} s`;
      const memory = `RSS ${row.rssBeforeMib.toFixed(0)}, peak ${row.rssPeakMib.toFixed(0)}, end ${row.rssEndMib.toFixed(0)} MiB`;
      const { before, after } = row.healthyP99Ms;
      return `${closed}  ${memory}  healthy p99 ${before.toFixed(1)}, then ${after.toFixed(1)} ms`;
    },
  }));
  return { suite: 'slow', steps, finish: () => ({ slow: rows }) };
}

function measure(lab: Lab, candidate: Candidate, transport: Transport): Promise<SlowRow> {
  const lifeS = 10 + beforeS + withS + afterS + 2 * joinLimitS;
  return lab.withServer(candidate, lifeS, async (stage) => {
    const publisher = await stage.publish();
    await settle(2);
    const play = { transport, players: healthy, parsed: -1, joinPerS: 500, warmupS: 2 };
    const watching = stage.play({ ...play, windowS: lifeS });
    await watching.joined;
    await settle(play.warmupS + beforeS);
    const rssBeforeMib = rssKb(stage.pids) / 1024;
    const open = sockets(stage.pids);
    watching.nextSlice();
    const never = { transport, players: slow, slow, parsed: 0, joinPerS: 0, warmupS: 0, windowS: lifeS };
    const stalled = stage.play(never);
    await stalled.joined;
    const seen = await observe(stage, open);
    watching.nextSlice();
    await settle(afterS);
    await stalled.kill();
    const watched = await watching.end();
    const published = await publisher.end();
    const [before, meanwhile, after] = watched.series;
    if (before === undefined || meanwhile === undefined || after === undefined) throw new Error('a slice is missing');
    const rss = seen.memory.map(({ rssMib }) => rssMib);
    return {
      server: candidate.name,
      transport,
      healthy,
      slow,
      ...seen,
      rssBeforeMib,
      rssPeakMib: Math.max(...rss),
      rssEndMib: rss.at(-1) ?? Number.NaN,
      healthyP99Ms: { before: before.p99, meanwhile: meanwhile.p99, after: after.p99 },
      healthyLost: watched.lost,
      missingFrames: watched.missingFrames,
      isDisturbed: isDisturbed(watched, published),
    };
  });
}

/**
 * Looks at the server's memory and sockets for `withS`. A reader that never reads cannot tell that it was closed: the
 * end waits behind what it has not read, so the server's sockets tell. `open`: without the slow players.
 */
async function observe(stage: Stage, open: number) {
  const from = performance.now();
  const memory: { atS: number; rssMib: number }[] = [];
  let firstClosedS: number | null = null;
  let lastClosedS: number | null = null;
  let left = slow;
  for (let second = 0; second <= withS; second++) {
    await settle(Math.max(0, from / 1000 + second - performance.now() / 1000));
    const atS = (performance.now() - from) / 1000;
    memory.push({ atS, rssMib: rssKb(stage.pids) / 1024 });
    left = Math.max(0, sockets(stage.pids) - open);
    if (left < slow) firstClosedS ??= atS;
    if (left === 0) lastClosedS ??= atS;
  }
  return { memory, firstClosedS, lastClosedS, openAtEnd: left };
}
