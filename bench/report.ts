import { type Transport, transports } from './options.ts';
import type { FailedPoint, Point } from './point.ts';
import type { ServerName } from './servers.ts';

/** Whether one goal was met over one transport. */
export interface Verdict {
  readonly transport: Transport;
  readonly goal: string;
  readonly measured: string;
  /** `unsure`: not met, but other programs were busy meanwhile and the goal is about time. */
  readonly outcome: 'pass' | 'MISSED' | 'unsure';
}

/** Median figures of one server at one point. */
export interface Figures {
  readonly cpuUsPerPlayerS: number;
  readonly videoP50Ms: number;
  readonly videoP99Ms: number;
  readonly audioP50Ms: number;
  readonly audioP99Ms: number;
  readonly rssKbPerPlayer: number;
  readonly joinP99Ms: number;
  /** Players that got less than 95 % of the stream, or were disconnected; the worst repetition. */
  readonly behind: number;
  readonly missingFrames: number;
  /** Other programs were busy in at least one repetition. */
  readonly isDisturbed: boolean;
}

export interface Row {
  readonly transport: Transport;
  readonly players: number;
  readonly figures: Readonly<Partial<Record<ServerName, Figures>>>;
}

/** The goals hold at this many players. */
const judgedPlayers = 500;
const cpuGoal = 0.6;
const memoryGoal = 1 / 3;
/** Other work beyond this moves latencies. */
const disturbingCores = 0.25;

/** One row per transport and number of players. */
export function toRows(points: readonly Point[]): Row[] {
  return transports.flatMap((transport) => {
    const mine = points.filter((point) => point.transport === transport);
    const counts = [...new Set(mine.map((point) => point.players))].sort((a, b) => a - b);
    return counts.map((players) => {
      const here = mine.filter((point) => point.players === players);
      const names = [...new Set(here.map((point) => point.server))];
      const figures = Object.fromEntries(
        names.map((name) => [name, toFigures(here.filter((point) => point.server === name))]),
      );
      return { transport, players, figures };
    });
  });
}

function toFigures(points: readonly Point[]): Figures {
  const middle = (read: (point: Point) => number) => median(points.map(read));
  return {
    cpuUsPerPlayerS: middle((point) => point.cpuUsPerPlayerS),
    videoP50Ms: middle((point) => point.videoMs.p50),
    videoP99Ms: middle((point) => point.videoMs.p99),
    audioP50Ms: middle((point) => point.audioMs.p50),
    audioP99Ms: middle((point) => point.audioMs.p99),
    rssKbPerPlayer: middle((point) => point.rssKbPerPlayer),
    joinP99Ms: middle((point) => point.joinMs.p99),
    behind: Math.max(...points.map((point) => Math.max(point.behindNominal, point.lost))),
    missingFrames: Math.max(...points.map((point) => point.missingFrames)),
    isDisturbed: points.some((point) => point.otherCores > disturbingCores),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** Our figures held against the peer's at 500 players; empty when that was not measured for both. */
export function judge(rows: readonly Row[]): Verdict[] {
  return rows
    .filter((row) => row.players === judgedPlayers)
    .flatMap(({ transport, figures: { ours, nms } }) => {
      if (ours === undefined || nms === undefined) return [];
      const cpu = ours.cpuUsPerPlayerS / nms.cpuUsPerPlayerS;
      const memory = ours.rssKbPerPlayer / nms.rssKbPerPlayer;
      return [
        {
          transport,
          goal: `CPU per player-second at most ${cpuGoal} of the peer's`,
          measured: cpu.toFixed(2),
          outcome: outcome(cpu <= cpuGoal),
        },
        {
          transport,
          goal: 'memory per player at most a third',
          measured: memory.toFixed(2),
          outcome: outcome(memory <= memoryGoal),
        },
        {
          transport,
          goal: 'video p99 no worse',
          measured: `${ours.videoP99Ms.toFixed(1)} against ${nms.videoP99Ms.toFixed(1)} ms`,
          outcome: outcome(ours.videoP99Ms <= nms.videoP99Ms, ours.isDisturbed || nms.isDisturbed),
        },
        {
          transport,
          goal: 'every player served in full',
          measured: `${ours.behind} behind, ${ours.missingFrames} frames missing`,
          outcome: outcome(ours.behind === 0 && ours.missingFrames === 0),
        },
      ];
    });
}

function outcome(isMet: boolean, isDisturbed = false): Verdict['outcome'] {
  if (isMet) return 'pass';
  return isDisturbed ? 'unsure' : 'MISSED';
}

/** A Markdown table; with nginx when it was measured. */
export function toMarkdown(rows: readonly Row[], mtu: number): string {
  const withNginx = rows.some((row) => row.figures.nginx !== undefined);
  const head = [
    'transport',
    'players',
    'CPU µs per player-s: ours / NMS',
    'ratio',
    'video ms p50, p99: ours',
    'NMS',
    'audio ms p50, p99: ours',
    'NMS',
    'RSS KiB per player: ours / NMS',
    'ratio',
    'behind: ours / NMS',
    ...(withNginx ? ['nginx: CPU µs, video p50, p99, RSS KiB'] : []),
  ];
  const lines = [toLine(head), toLine(head.map(() => '---'))];
  for (const { transport, players, figures } of rows) {
    const { ours, nms, nginx } = figures;
    const cells = [
      transport,
      String(players),
      `${fixed(ours?.cpuUsPerPlayerS, 0)} / ${fixed(nms?.cpuUsPerPlayerS, 0)}`,
      ratio(ours?.cpuUsPerPlayerS, nms?.cpuUsPerPlayerS),
      pair(ours?.videoP50Ms, ours?.videoP99Ms),
      pair(nms?.videoP50Ms, nms?.videoP99Ms),
      pair(ours?.audioP50Ms, ours?.audioP99Ms),
      pair(nms?.audioP50Ms, nms?.audioP99Ms),
      `${fixed(ours?.rssKbPerPlayer, 0)} / ${fixed(nms?.rssKbPerPlayer, 0)}`,
      ratio(ours?.rssKbPerPlayer, nms?.rssKbPerPlayer),
      `${ours?.behind ?? '-'} / ${nms?.behind ?? '-'}`,
    ];
    if (withNginx) {
      cells.push(
        nginx === undefined
          ? '-'
          : `${fixed(nginx.cpuUsPerPlayerS, 0)}, ${pair(nginx.videoP50Ms, nginx.videoP99Ms)}, ${fixed(nginx.rssKbPerPlayer, 0)}`,
      );
    }
    lines.push(toLine(cells));
  }
  if (mtu > 1500) {
    lines.push(
      '',
      `Warning: measured at a loopback MTU of ${mtu}. Servers that leave Nagle on look up to four times cheaper than on a network; do not compare.`,
    );
  }
  return lines.join('\n');
}

/** Which points to distrust because the machine had other work, in words; '' when none. */
export function toDisturbances(points: readonly Point[]): string {
  const lines = points
    .filter((point) => point.otherCores > disturbingCores)
    .map((p) => `${p.server} ${p.transport} ${p.players} (${p.otherCores.toFixed(1)} cores)`);
  return lines.length === 0
    ? ''
    : `Warning: other programs were busy during ${lines.join(', ')}. Do not trust the latency there; repeat on a quiet machine.`;
}

/** The verdict in words, with what could not be measured. */
export function toVerdict(verdicts: readonly Verdict[], failures: readonly FailedPoint[], isSpread: boolean): string {
  const lines = failures.map((f) => `FAILED  ${f.server} over ${f.transport} with ${f.players} players: ${f.failed}`);
  if (isSpread) {
    lines.push('No verdict: both columns are the peer, so every ratio that is not 1 is the spread of the method.');
  } else if (verdicts.length === 0) {
    lines.push(`No verdict: the goals are about ${judgedPlayers} players on both servers.`);
  }
  for (const { transport, goal, measured, outcome } of verdicts) {
    lines.push(`${outcome.padEnd(6)}  ${transport.padEnd(4)}  ${goal}: ${measured}`);
  }
  return lines.join('\n');
}

function toLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '-' : value.toFixed(digits);
}

function pair(a: number | undefined, b: number | undefined): string {
  return a === undefined || b === undefined ? '-' : `${a.toFixed(1)}, ${b.toFixed(1)}`;
}

function ratio(a: number | undefined, b: number | undefined): string {
  return a === undefined || b === undefined ? '-' : (a / b).toFixed(2);
}
