import { mediaBytesPerS, stream } from './stream.ts';
import type { FanoutRow, SlowRow, SoakResult, Spread, SuiteName, Suites, Verdict } from './results.ts';

/** Ratios are of the peer's figure. */
export const goals = {
  cpuOfPeer: 0.6,
  cpuOfPeerAt500: { rtmp: 0.5, flv: 0.4, ws: 0.6 },
  cpuOfNginxAt500: 0.3,
  cpuOfFloor: 1.25,
  memoryOfPeer: 1 / 3,
  videoMsAt500: { p50: 6, p99: 12 },
  videoP50MsAt50: 1,
  streamsAt500: { cpuUs: 1100, p99Ms: 20, rssMib: 0.5 },
  idleKb: 25,
  burstP50Ms: { rtmp: 60, flv: 20, ws: 20 },
  stormP99Ms: 100,
  stormWatchers: 2,
  besideWatchers: 2,
  capacity: 3000,
} as const;

/** What our server's defaults promise for a player that never reads. */
const slowLimits = {
  sendBufferBytes: 4 * 2 ** 20,
  maxBacklogBytes: 4 * 2 ** 20,
  maxBacklogMs: 10_000,
  slowTimeoutMs: 10_000,
};
/** Of the steps in which the server looks at its players, and the bench at the server. */
const slowSlackS = 3;
/** Until a player that never reads is closed: its send buffer fills, it falls behind, patience ends. */
export const slowClosedS =
  slowLimits.sendBufferBytes / mediaBytesPerS(stream) +
  (slowLimits.maxBacklogMs + slowLimits.slowTimeoutMs) / 1000 +
  slowSlackS;

/** What a heap may keep of a soak, by its own movements. */
const soakHeapMib = 8;
const soakRss = { factor: 1.1, mib: 8 };

/** Everything that was measured held against the goals; only our server is judged. */
export function judge(suites: Suites): Verdict[] {
  return [
    ...(suites.fanout ?? []).flatMap((row) => judgeFanout(row, suites.fanout ?? [])),
    ...judgeStreams(suites),
    ...judgeIdle(suites),
    ...judgeJoins(suites),
    ...(suites.slow ?? []).filter(({ server }) => server === 'ours').flatMap(judgeSlow),
    ...judgeCapacity(suites),
    ...judgeBeside(suites),
    ...(suites.soak === undefined ? [] : judgeSoak(suites.soak)),
  ];
}

/** Collects the verdicts on one subject. */
class Bench {
  readonly verdicts: Verdict[] = [];
  readonly #suite: SuiteName;
  readonly #subject: string;
  readonly #isDisturbed: boolean;

  /** `isDisturbed`: a missed goal about time is not certain. */
  constructor(suite: SuiteName, subject: string, isDisturbed: boolean) {
    this.#suite = suite;
    this.#subject = subject;
    this.#isDisturbed = isDisturbed;
  }

  /** For goals that other programs' work does not touch. */
  steady(goal: string, measured: string, isMet: boolean): void {
    this.#add(goal, measured, isMet ? 'pass' : 'MISSED');
  }

  /** For goals about time. */
  timed(goal: string, measured: string, isMet: boolean): void {
    this.#add(goal, measured, isMet ? 'pass' : this.#isDisturbed ? 'unsure' : 'MISSED');
  }

  #add(goal: string, measured: string, outcome: Verdict['outcome']): void {
    this.verdicts.push({ suite: this.#suite, subject: this.#subject, goal, measured, outcome });
  }
}

function judgeFanout({ transport, players, figures }: FanoutRow, all: readonly FanoutRow[]): Verdict[] {
  const { ours, nms, nginx } = figures;
  if (ours === undefined) return [];
  const others = Object.values(figures).some((figure) => figure.isDisturbed);
  const bench = new Bench('fanout', `${transport} ${players}`, others);
  const ratio = (what: string, whose: string, mine: Spread, theirs: Spread, most: number) => {
    const measured = mine.median / theirs.median;
    bench.steady(`${what} at most ${toShare(most)} of ${whose}`, measured.toFixed(2), measured <= most);
  };
  const cpu = 'CPU per player-second';
  bench.steady(
    'every player served in full',
    `${ours.behind} behind, ${ours.missingFrames} frames missing`,
    ours.behind === 0 && ours.missingFrames === 0,
  );
  if (nms !== undefined) {
    ratio('memory per player', "NMS's", ours.rssKbPerPlayer, nms.rssKbPerPlayer, goals.memoryOfPeer);
    bench.timed(
      "video p99 no worse than NMS's",
      `${ours.videoP99Ms.median.toFixed(1)} against ${nms.videoP99Ms.median.toFixed(1)} ms`,
      ours.videoP99Ms.median <= nms.videoP99Ms.median,
    );
    const cpuMost = players === 500 ? goals.cpuOfPeerAt500[transport] : goals.cpuOfPeer;
    if (players >= 500) ratio(cpu, "NMS's", ours.cpuUsPerPlayerS, nms.cpuUsPerPlayerS, cpuMost);
  }
  if (nginx !== undefined && players === 500) {
    ratio(cpu, "nginx's", ours.cpuUsPerPlayerS, nginx.cpuUsPerPlayerS, goals.cpuOfNginxAt500);
  }
  if (players >= 500) {
    const { floor, floor100 } = all.find((row) => row.transport === 'flv' && row.players === players)?.figures ?? {};
    if (floor !== undefined) {
      ratio(cpu, "the floor's", ours.cpuUsPerPlayerS, floor.cpuUsPerPlayerS, goals.cpuOfFloor);
    }
    const { relaxed } = figures;
    if (floor100 !== undefined && relaxed !== undefined) {
      ratio(
        `${cpu}, relaxed,`,
        "the 100 ms floor's",
        relaxed.cpuUsPerPlayerS,
        floor100.cpuUsPerPlayerS,
        goals.cpuOfFloor,
      );
    }
  }
  const { p50, p99 } = goals.videoMsAt500;
  if (players === 500) {
    mostMs(bench, 'video p50', ours.videoP50Ms.median, p50);
    mostMs(bench, 'video p99', ours.videoP99Ms.median, p99);
  }
  if (players === 50) mostMs(bench, 'video p50', ours.videoP50Ms.median, goals.videoP50MsAt50);
  return bench.verdicts;
}

function mostMs(bench: Bench, what: string, measured: number, most: number): void {
  bench.timed(`${what} at most ${most} ms`, `${measured.toFixed(1)} ms`, measured <= most);
}

function judgeStreams({ streams = [] }: Suites): Verdict[] {
  return streams
    .filter(({ server }) => server === 'ours')
    .flatMap((row) => {
      const bench = new Bench('streams', `${row.streams} streams`, row.isDisturbed);
      bench.steady('every player served in full', `${row.behind} behind`, row.behind === 0);
      if (row.streams === 500) {
        const { cpuUs, p99Ms, rssMib } = goals.streamsAt500;
        const cpu = row.cpuUsPerStreamS.median;
        bench.steady(`CPU at most ${cpuUs} µs per stream-second`, cpu.toFixed(0), cpu <= cpuUs);
        const bare = streams.find(({ server, streams: count }) => server === 'relay' && count === row.streams);
        if (bare !== undefined) {
          const share = cpu / bare.cpuUsPerStreamS.median;
          bench.steady(
            `CPU at most ${toShare(goals.cpuOfFloor)} of the floor's`,
            share.toFixed(2),
            share <= goals.cpuOfFloor,
          );
        }
        mostMs(bench, 'video p99', row.videoP99Ms.median, p99Ms);
        const memory = row.rssMibPerStream.median;
        bench.steady(`memory per stream at most ${rssMib} MiB`, memory.toFixed(2), memory <= rssMib);
      }
      return bench.verdicts;
    });
}

function judgeIdle({ idle = [] }: Suites): Verdict[] {
  return idle
    .filter(({ server }) => server === 'ours')
    .flatMap(({ transport, connections, rssKbEach, lost }) => {
      const bench = new Bench('idle', `${transport} ${connections}`, false);
      bench.steady('nobody is lost', `${lost} lost`, lost === 0);
      if (connections >= 2000) {
        const { median } = rssKbEach;
        bench.steady(`memory each at most ${goals.idleKb} KiB`, median.toFixed(1), median <= goals.idleKb);
      }
      return bench.verdicts;
    });
}

function judgeJoins({ burst = [], storm = [] }: Suites): Verdict[] {
  const bursts = burst
    .filter(({ server, players }) => server === 'ours' && players === 200)
    .flatMap((row) => {
      const bench = new Bench('burst', `${row.transport} ${row.players}`, row.isDisturbed);
      bench.steady('everybody sees a frame', `${row.missed} did not`, row.missed === 0);
      mostMs(bench, 'first frame p50', row.p50Ms.median, goals.burstP50Ms[row.transport]);
      return bench.verdicts;
    });
  const storms = storm
    .filter(({ server }) => server === 'ours')
    .flatMap((row) => {
      const bench = new Bench('storm', `${row.transport} ${row.players}`, row.isDisturbed);
      bench.steady('everybody sees a frame', `${row.missed} did not`, row.missed === 0);
      mostMs(bench, 'first frame p99', row.p99Ms, goals.stormP99Ms);
      const { before, meanwhile } = row.watcherP99Ms;
      const measured = `${before.toFixed(1)} before, ${meanwhile.toFixed(1)} ms meanwhile`;
      bench.timed("the watchers' p99 at most doubled", measured, meanwhile <= goals.stormWatchers * before);
      return bench.verdicts;
    });
  return [...bursts, ...storms];
}

function judgeSlow(row: SlowRow): Verdict[] {
  const bench = new Bench('slow', `${row.transport} ${row.healthy} + ${row.slow}`, row.isDisturbed);
  const { lastClosedS } = row;
  bench.steady(
    `slow players closed within ${slowClosedS.toFixed(0)} s`,
    lastClosedS === null ? `${row.openAtEnd} still open` : `the last after ${lastClosedS.toFixed(0)} s`,
    lastClosedS !== null && lastClosedS <= slowClosedS,
  );
  const most = (row.slow * 1.25 * slowLimits.maxBacklogBytes) / 2 ** 20;
  const growth = row.rssPeakMib - row.rssBeforeMib;
  bench.steady(`memory grows by at most ${most.toFixed(0)} MiB`, `${growth.toFixed(0)} MiB`, growth <= most);
  const { before, after } = row.healthyP99Ms;
  const measured = `${before.toFixed(1)} before, ${after.toFixed(1)} ms after`;
  bench.timed('p99 of the others unchanged (a quarter and 0.5 ms are noise)', measured, after <= 1.25 * before + 0.5);
  const { healthyLost, missingFrames } = row;
  bench.steady(
    'the others are served in full',
    `${healthyLost} lost, ${missingFrames} frames missing`,
    healthyLost === 0 && missingFrames === 0,
  );
  return bench.verdicts;
}

function judgeBeside({ api = [], change = [] }: Suites): Verdict[] {
  const rows = [
    ...api.map((row) => ({ suite: 'api' as const, row })),
    ...change.map((row) => ({ suite: 'change' as const, row })),
  ];
  return rows.flatMap(({ suite, row }) => {
    const bench = new Bench(
      suite,
      `${row.transport}, ${row.workers} ${row.workers === 1 ? 'process' : 'workers'}`,
      row.isDisturbed,
    );
    const { lost, missingFrames, p99Ms } = row;
    bench.steady(
      'those who watch are served in full',
      `${lost} lost, ${missingFrames} frames missing`,
      lost === 0 && missingFrames === 0,
    );
    const measured = `${p99Ms.before.toFixed(1)} before, ${p99Ms.meanwhile.toFixed(1)} ms meanwhile`;
    bench.timed("the watchers' p99 at most doubled", measured, p99Ms.meanwhile <= goals.besideWatchers * p99Ms.before);
    if ('applied' in row)
      bench.steady('every change counts', `${row.applied} of ${row.changes}`, row.applied === row.changes);
    else bench.steady('every request is answered', `${row.failedAnswers} failed`, row.failedAnswers === 0);
    return bench.verdicts;
  });
}

function judgeCapacity({ capacity = [] }: Suites): Verdict[] {
  return capacity
    .filter(({ server }) => server === 'ours')
    .flatMap(({ transport, served, end, steps }) => {
      const bench = new Bench('capacity', transport, false);
      const tried = steps.at(-1)?.players ?? 0;
      if (tried >= goals.capacity || end !== null) {
        bench.timed(
          `at least ${goals.capacity} players of one process`,
          end === null ? `${served}` : `${served}; ${end}`,
          served >= goals.capacity,
        );
      }
      return bench.verdicts;
    });
}

function judgeSoak({ minutes, before, after, rssEarlyMib, rssLateMib, watchersLost }: SoakResult): Verdict[] {
  const bench = new Bench('soak', `${minutes} min`, false);
  const same = (what: string, was: number, is: number) =>
    bench.steady(`${what} back where they were`, `${was} to ${is}`, is <= was);
  same('descriptors', before.descriptors, after.descriptors);
  same('timers', before.timers, after.timers);
  same('sessions', before.sessions, after.sessions);
  const heap = after.heapMib - before.heapMib;
  bench.steady(`the heap keeps at most ${soakHeapMib} MiB`, `${heap.toFixed(1)} MiB`, heap <= soakHeapMib);
  bench.steady(
    'resident memory flat (a tenth and 8 MiB are noise)',
    `${rssEarlyMib.toFixed(0)} to ${rssLateMib.toFixed(0)} MiB`,
    rssLateMib <= soakRss.factor * rssEarlyMib + soakRss.mib,
  );
  bench.steady('nobody who stays is lost', `${watchersLost} lost`, watchersLost === 0);
  return bench.verdicts;
}

function toShare(ratio: number): string {
  return ratio === goals.memoryOfPeer ? 'a third' : String(ratio);
}
