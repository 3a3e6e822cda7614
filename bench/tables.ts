import type {
  ApiRow,
  BurstRow,
  CapacityRow,
  ChangeRow,
  FanoutRow,
  IdleRow,
  LatencyRow,
  LinkResult,
  MicroReport,
  ServerName,
  SlowRow,
  SoakResult,
  Spread,
  StormRow,
  StreamsRow,
  SuiteName,
  Suites,
  Verdict,
  Watched,
} from './results.ts';

/** What servers are called in tables. */
export const serverNames: Readonly<Record<ServerName, string>> = {
  ours: 'this server',
  relaxed: 'this server, relaxed',
  nms: 'NMS 4.4.3',
  nginx: 'nginx',
  floor: 'floor',
  floor100: 'floor, 100 ms',
  relay: 'floor, reads and writes alone',
  lobby: 'floor, newcomers alone',
};

/** The results of one suite as a Markdown table; `null` when it was not run. */
export function toTable(suite: SuiteName, suites: Suites): string | null {
  switch (suite) {
    case 'fanout':
      return suites.fanout === undefined ? null : fanoutTable(suites.fanout);
    case 'streams':
      return suites.streams === undefined ? null : streamsTable(suites.streams);
    case 'idle':
      return suites.idle === undefined ? null : idleTable(suites.idle);
    case 'burst':
      return suites.burst === undefined ? null : burstTable(suites.burst);
    case 'storm':
      return suites.storm === undefined ? null : stormTable(suites.storm);
    case 'slow':
      return suites.slow === undefined ? null : slowTable(suites.slow);
    case 'latency':
      return suites.latency === undefined ? null : latencyTable(suites.latency);
    case 'capacity':
      return suites.capacity === undefined ? null : capacityTable(suites.capacity);
    case 'link':
      return suites.link === undefined ? null : `${linkTable(suites.link)}\n\n${oddTable(suites.link)}`;
    case 'api':
      return suites.api === undefined ? null : apiTable(suites.api);
    case 'change':
      return suites.change === undefined ? null : changeTable(suites.change);
    case 'soak':
      return suites.soak === undefined ? null : soakTable(suites.soak);
  }
}

/** Rows of cells under a head. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function fanoutTable(rows: readonly FanoutRow[]): string {
  return table(
    [
      'transport',
      'players',
      'server',
      'CPU µs per player-s',
      'of NMS',
      'of the floor',
      'video ms p50, p99',
      'audio ms p50, p99',
      'RSS KiB per player',
      'of NMS',
      'behind',
    ],
    rows.flatMap(({ transport, players, figures }) => {
      const bare = rows.find((row) => row.transport === 'flv' && row.players === players)?.figures;
      return Object.entries(figures).map(([name, figure]) => {
        const floor = name === 'relaxed' || name === 'floor100' ? bare?.floor100 : bare?.floor;
        return [
          transport,
          String(players),
          serverNames[name as ServerName],
          toSpread(figure.cpuUsPerPlayerS, 0),
          ratio(figure.cpuUsPerPlayerS, figures.nms?.cpuUsPerPlayerS),
          ratio(figure.cpuUsPerPlayerS, floor?.cpuUsPerPlayerS),
          `${figure.videoP50Ms.median.toFixed(1)}, ${toSpread(figure.videoP99Ms, 1)}${figure.isDisturbed ? ' *' : ''}`,
          `${figure.audioP50Ms.median.toFixed(1)}, ${figure.audioP99Ms.median.toFixed(1)}`,
          toSpread(figure.rssKbPerPlayer, 0),
          ratio(figure.rssKbPerPlayer, figures.nms?.rssKbPerPlayer),
          String(figure.behind),
        ];
      });
    }),
  );
}

function streamsTable(rows: readonly StreamsRow[]): string {
  return table(
    ['streams', 'server', 'CPU µs per stream-s', 'video ms p50, p99', 'RSS MiB per stream', 'behind'],
    [...rows]
      .sort((a, b) => a.streams - b.streams)
      .map((row) => [
        String(row.streams),
        serverNames[row.server],
        toSpread(row.cpuUsPerStreamS, 0),
        `${row.videoP50Ms.median.toFixed(1)}, ${toSpread(row.videoP99Ms, 1)}${row.isDisturbed ? ' *' : ''}`,
        toSpread(row.rssMibPerStream, 2),
        String(row.behind),
      ]),
  );
}

function idleTable(rows: readonly IdleRow[]): string {
  return table(
    ['transport', 'connections', 'server', 'RSS KiB each', 'lost'],
    rows.map((row) => [
      row.transport,
      String(row.connections),
      serverNames[row.server],
      toSpread(row.rssKbEach, 1),
      String(row.lost),
    ]),
  );
}

function burstTable(rows: readonly BurstRow[]): string {
  return table(
    ['transport', 'players', 'server', 'first video frame ms p50', 'p99', 'without'],
    rows.map((row) => [
      row.transport,
      String(row.players),
      serverNames[row.server],
      `${toSpread(row.p50Ms, 0)}${row.isDisturbed ? ' *' : ''}`,
      toSpread(row.p99Ms, 0),
      String(row.missed),
    ]),
  );
}

function stormTable(rows: readonly StormRow[]): string {
  return table(
    [
      'transport',
      'players in 1 s',
      'server',
      'first video frame ms p50, p99',
      'without',
      'p99 ms of those who watch: before',
      'meanwhile',
      'after',
    ],
    rows.map((row) => [
      row.transport,
      String(row.players),
      serverNames[row.server],
      `${row.p50Ms.toFixed(0)}, ${row.p99Ms.toFixed(0)}${row.isDisturbed ? ' *' : ''}`,
      String(row.missed),
      row.watcherP99Ms.before.toFixed(1),
      row.watcherP99Ms.meanwhile.toFixed(1),
      row.watcherP99Ms.after.toFixed(1),
    ]),
  );
}

function slowTable(rows: readonly SlowRow[]): string {
  return table(
    [
      'transport',
      'server',
      'slow players closed after s: first, last',
      'open at the end',
      'RSS MiB before, peak, end',
      'p99 ms of the others: before',
      'meanwhile',
      'after',
      'lost',
    ],
    rows.map((row) => [
      row.transport,
      serverNames[row.server],
      `${row.firstClosedS?.toFixed(0) ?? 'never'}, ${row.lastClosedS?.toFixed(0) ?? 'never'}`,
      String(row.openAtEnd),
      `${row.rssBeforeMib.toFixed(0)}, ${row.rssPeakMib.toFixed(0)}, ${row.rssEndMib.toFixed(0)}`,
      row.healthyP99Ms.before.toFixed(1),
      row.healthyP99Ms.meanwhile.toFixed(1),
      `${row.healthyP99Ms.after.toFixed(1)}${row.isDisturbed ? ' *' : ''}`,
      String(row.healthyLost),
    ]),
  );
}

const watchedHead = ['lost', 'frames missing', 'p99 ms of those who watch: before', 'meanwhile', 'after'];

function watchedCells({ lost, missingFrames, p99Ms, isDisturbed }: Watched): string[] {
  const { before, meanwhile, after } = p99Ms;
  const times = [before, meanwhile, after].map((ms) => ms.toFixed(1));
  return [String(lost), String(missingFrames), ...times.slice(0, 2), `${times[2]}${isDisturbed ? ' *' : ''}`];
}

function apiTable(rows: readonly ApiRow[]): string {
  return table(
    ['transport', 'processes', 'answers a second', 'answers ms p50, p99', 'failed', ...watchedHead],
    rows.map((row) => [
      row.transport,
      String(row.workers),
      row.answersPerS.toFixed(0),
      `${row.answerP50Ms.toFixed(0)}, ${row.answerP99Ms.toFixed(0)}`,
      String(row.failedAnswers),
      ...watchedCells(row),
    ]),
  );
}

function changeTable(rows: readonly ChangeRow[]): string {
  return table(
    ['transport', 'processes', 'changes', ...watchedHead],
    rows.map((row) => [row.transport, String(row.workers), `${row.applied} of ${row.changes}`, ...watchedCells(row)]),
  );
}

function latencyTable(rows: readonly LatencyRow[]): string {
  return table(
    ['transport', 'players', 'server', 'seconds', 'p50 ms: best, worst second', 'p99 ms: best, worst second', 'max ms'],
    rows.map((row) => {
      const range = (read: (second: LatencyRow['seconds'][number]) => number) => {
        const values = row.seconds.map(read);
        return `${Math.min(...values).toFixed(1)}, ${Math.max(...values).toFixed(1)}`;
      };
      return [
        row.transport,
        String(row.players),
        serverNames[row.server],
        String(row.seconds.length),
        range(({ p50Ms }) => p50Ms),
        range(({ p99Ms }) => p99Ms),
        `${Math.max(...row.seconds.map(({ maxMs }) => maxMs)).toFixed(1)}${row.isDisturbed ? ' *' : ''}`,
      ];
    }),
  );
}

/** Where the steps of a capacity run ended by themselves. */
export const notTried = 'more were not tried';

function capacityTable(rows: readonly CapacityRow[]): string {
  return table(
    ['transport', 'server', 'players of one process', 'its cores', 'video ms p50, p99', 'then'],
    rows.map((row) => {
      const last = row.steps.findLast(({ players }) => players === row.served);
      return [
        row.transport,
        serverNames[row.server],
        String(row.served),
        last?.cores.toFixed(2) ?? '-',
        last === undefined ? '-' : `${last.videoP50Ms.toFixed(1)}, ${last.videoP99Ms.toFixed(1)}`,
        row.end ?? notTried,
      ];
    }),
  );
}

/** All players on one line. */
export function linkTable({ rows }: LinkResult): string {
  return table(
    [
      'TCP',
      'transport',
      'loss',
      'server',
      'video ms p50',
      'p99',
      'max',
      'first frame ms p50',
      'p99',
      'CPU µs per player-s',
      'behind, lost, frames left out',
      'the line late by, ms p99',
    ],
    rows.map((row) => [
      row.congestion,
      row.transport,
      `${row.lossPercent} %`,
      serverNames[row.server],
      `${toSpread(row.videoP50Ms, 0)}${row.isDisturbed ? ' *' : ''}`,
      toSpread(row.videoP99Ms, 0),
      row.videoMaxMs.median.toFixed(0),
      toSpread(row.firstP50Ms, 0),
      row.firstP99Ms.median.toFixed(0),
      toSpread(row.cpuUsPerPlayerS, 0),
      `${row.behind}, ${row.lost}, ${row.missingFrames}`,
      row.lineLateMs.toFixed(1),
    ]),
  );
}

/** One player on a worse line. */
export function oddTable({ odd }: LinkResult): string {
  return table(
    [
      'TCP',
      'transport',
      'server',
      'its line',
      'its video ms p50, max',
      'frames left out',
      'connection',
      'p99 ms of the others: before',
      'meanwhile',
    ],
    odd.map((row) => [
      row.congestion,
      row.transport,
      serverNames[row.server],
      row.line,
      `${row.videoP50Ms.toFixed(0)}, ${row.videoMaxMs.toFixed(0)}`,
      `${row.missingFrames} in ${row.seconds} s`,
      row.isLost ? 'lost' : 'kept',
      row.othersP99Ms.before.toFixed(0),
      `${row.othersP99Ms.meanwhile.toFixed(0)}${row.isDisturbed ? ' *' : ''}`,
    ]),
  );
}

function soakTable(result: SoakResult): string {
  const { before, after } = result;
  return table(
    ['', 'before', 'after'],
    [
      ['heap MiB, after a collection', before.heapMib.toFixed(1), after.heapMib.toFixed(1)],
      ['resident MiB', before.rssMib.toFixed(0), after.rssMib.toFixed(0)],
      ['descriptors', String(before.descriptors), String(after.descriptors)],
      ['timers', String(before.timers), String(after.timers)],
      ['sessions', String(before.sessions), String(after.sessions)],
    ],
  );
}

/** A line for each verdict. */
export function toVerdictLines(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(
    ({ suite, subject, goal, measured, outcome }) =>
      `${outcome.padEnd(6)}  ${suite.padEnd(8)}  ${subject.padEnd(12)}  ${goal}: ${measured}`,
  );
}

/** The verdicts as a Markdown table. */
export function verdictTable(verdicts: readonly Verdict[]): string {
  return table(
    ['suite', 'point', 'goal', 'measured', ''],
    verdicts.map(({ suite, subject, goal, measured, outcome }) => [suite, subject, goal, measured, outcome]),
  );
}

/** Median, and lowest and highest when there are several. */
function toSpread({ median, low, high }: Spread, digits: number): string {
  const middle = median.toFixed(digits);
  const range = `${low.toFixed(digits)} to ${high.toFixed(digits)}`;
  return low === high ? middle : `${middle} (${range})`;
}

function ratio(a: Spread | undefined, b: Spread | undefined): string {
  return a === undefined || b === undefined ? '-' : (a.median / b.median).toFixed(2);
}

export function microTable({ rows }: MicroReport): string {
  return table(
    ['', 'µs per packet: median', 'p99', 'GB/s'],
    rows.map(({ name, medianUs, p99Us, gbPerS }) => [name, medianUs.toFixed(2), p99Us.toFixed(2), gbPerS.toFixed(2)]),
  );
}
