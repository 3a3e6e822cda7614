import { barChart, lineChart, type Series } from './charts.ts';
import type { FanoutRow, Figures, MicroReport, Report, ServerName, SoakResult, SuiteName, Suites } from './results.ts';
import { microTable, serverNames, toTable, verdictTable } from './tables.ts';

interface Chart {
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

/** `link` has a page of its own. */
type ShownSuite = Exclude<SuiteName, 'link'>;

const headings: Readonly<Record<ShownSuite, { readonly title: string; readonly note: string }>> = {
  fanout: {
    title: 'One stream, many players',
    note: 'Where there are several repetitions: the median, and the lowest and highest in brackets.',
  },
  streams: { title: 'Many streams', note: '500 kbit/s and sound each, with one RTMP player each.' },
  idle: { title: 'Connections that wait', note: 'For a stream that nobody publishes.' },
  burst: {
    title: 'Many at once',
    note: 'In the middle of a group of pictures; from `connect()` to the first complete video frame. Over several bursts: the median, and the lowest and highest.',
  },
  storm: { title: 'Many within a second', note: 'While 50 others watch.' },
  slow: {
    title: 'Players that never read',
    note: '20 of them, beside 50 that do. The time counts from their arrival; the operating system takes up to 4 MiB for each of them first.',
  },
  latency: { title: 'Second by second', note: '' },
  capacity: {
    title: 'Players of one process',
    note: 'In steps, each at a fresh server, until somebody gets less than 95 % of the stream or the p99 passes 250 ms. The load generator has the other core.',
  },
  api: {
    title: 'Requests beside players',
    note: '500 requests a second for `GET /api/v1/streams`, from ten connections, beside 200 players; every frame of each is looked at, once requests have come for two seconds. With several processes a request goes through a worker to the primary.',
  },
  change: {
    title: 'Changes under players',
    note: 'The configuration file is changed ten times, a second apart, while 200 players watch: a stream key, an address list, a limit for players. Every frame of each is looked at.',
  },
  soak: {
    title: 'Coming and going',
    note: 'Four publishers and six groups of players live for some seconds each, all the time. Before and after: nobody is connected, garbage is collected.',
  },
};

/** The part of the benchmark's page that holds figures, and its charts. */
export function figuresText(results: Report, micro: MicroReport | null): { text: string; charts: readonly Chart[] } {
  const charts = chartsOf(results.suites);
  const sections = (Object.keys(headings) as ShownSuite[]).flatMap((suite) => {
    const shown = toTable(suite, results.suites);
    if (shown === null) return [];
    const { title, note } = headings[suite];
    const images = charts
      .filter(({ file }) => file.startsWith(suite))
      .map((chart) => `![${chart.title}](charts/${chart.file})`);
    return [`### ${title}`, ...(note === '' ? [] : [note]), shown, ...soakNote(suite, results.suites), ...images];
  });
  const parsers =
    micro === null
      ? []
      : [
          '### Parsers and muxers',
          `By themselves, with one group of pictures (${micro.packets} packets, ${micro.bytes} bytes) at a time, Node ${micro.node}. \`npm run bench:micro\`.`,
          microTable(micro),
        ];
  return { text: [...provenance(results), ...goalsOf(results), ...sections, ...parsers].join('\n\n'), charts };
}

function provenance({ machine, mtu, command, servers }: Report): string[] {
  const commit = machine.commit === null ? 'an unknown commit' : `commit \`${machine.commit.slice(0, 12)}\``;
  return [
    `Measured on ${machine.date.slice(0, 10)} at ${commit}${machine.isClean ? '' : ' with changes'}, with \`${command}\`: ${machine.processor}, ${machine.cores} cores, ${Math.round(machine.memoryMiB / 1024)} GiB, Linux ${machine.kernel} (${machine.congestionControl}), Node ${machine.node}, loopback MTU ${mtu}. Servers: ${Object.values(servers).join(', ')}. All figures: [benchmark.json](benchmark.json).`,
    'A star marks a point during which other programs were busy: its latency is not to be trusted.',
  ];
}

function goalsOf({ verdicts, failures }: Report): string[] {
  const count = (outcome: string) => verdicts.filter((verdict) => verdict.outcome === outcome).length;
  const missed = verdicts.filter(({ outcome }) => outcome !== 'pass');
  return [
    '### The goals',
    `${count('pass')} of ${verdicts.length} met, ${count('MISSED')} missed, ${count('unsure')} unsure because other programs were busy.`,
    ...(missed.length === 0 ? [] : [verdictTable(missed)]),
    ...(failures.length === 0
      ? []
      : [
          'Could not be measured:',
          failures.map(({ suite, label, failed }) => `- ${suite}, ${label.trim()}: ${failed}`).join('\n'),
        ]),
    ...(verdicts.length === 0
      ? []
      : [`<details><summary>All ${verdicts.length}</summary>\n\n${verdictTable(verdicts)}\n\n</details>`]),
  ];
}

function soakNote(suite: SuiteName, { soak }: Suites): string[] {
  if (suite !== 'soak' || soak === undefined) return [];
  return [
    `In ${soak.minutes} minutes ${soak.publishersCome} publishers and ${soak.playersCome} players came and went. Resident memory: ${soak.rssEarlyMib.toFixed(0)} MiB in the second sixth of the time, ${soak.rssLateMib.toFixed(0)} MiB in the last, a slope of ${soak.rssSlopeMibPerH.toFixed(1)} MiB an hour. The ${soak.watchers} players that watched all the time: p50 ${soak.watcherP50Ms.toFixed(1)}, p99 ${soak.watcherP99Ms.toFixed(1)} ms, ${soak.watchersLost} lost.`,
  ];
}

function chartsOf(suites: Suites): Chart[] {
  return [
    ...fanoutCharts(suites.fanout ?? []),
    ...latencyCharts(suites),
    ...slowCharts(suites),
    ...capacityCharts(suites),
    ...soakCharts(suites),
  ];
}

function fanoutCharts(rows: readonly FanoutRow[]): Chart[] {
  const most = rows.find(({ players }) => players === 500)?.players ?? rows.at(-1)?.players;
  const here = rows.filter(({ players }) => players === most);
  if (most === undefined || here.length === 0) return [];
  const bars = (file: string, what: string, read: (figure: Figures) => number): Chart => {
    const title = `${what}, ${most} players`;
    const names = (Object.keys(serverNames) as ServerName[]).filter((name) =>
      here.some(({ figures }) => figures[name] !== undefined),
    );
    const series = names.map((name) => ({
      name: serverNames[name],
      values: here.map(({ figures }) => {
        const figure = figures[name];
        return figure === undefined ? null : read(figure);
      }),
    }));
    return { file, title, svg: barChart({ title, groups: here.map(({ transport }) => transport), series }) };
  };
  return [
    bars('fanout-cpu.svg', 'CPU µs per player-second', ({ cpuUsPerPlayerS }) => cpuUsPerPlayerS.median),
    bars('fanout-p99.svg', 'Video latency p99, ms', ({ videoP99Ms }) => videoP99Ms.median),
    bars('fanout-memory.svg', 'Resident memory, KiB per player', ({ rssKbPerPlayer }) => rssKbPerPlayer.median),
  ];
}

function lines(
  file: string,
  title: string,
  xLabel: string,
  series: readonly Series<readonly (readonly [number, number])[]>[],
): Chart {
  return { file, title, svg: lineChart({ title, xLabel, series }) };
}

function latencyCharts({ latency = [] }: Suites): Chart[] {
  return [...new Set(latency.map(({ transport }) => transport))].map((transport) => {
    const here = latency.filter((row) => row.transport === transport);
    const series = here.map(({ server, players, seconds }) => ({
      name: `${serverNames[server]}, ${players} players`,
      values: seconds.map(({ atS, p99Ms }) => [atS, p99Ms] as const),
    }));
    return lines(`latency-${transport}.svg`, `Video latency p99 of each second, ms, ${transport}`, 'seconds', series);
  });
}

function slowCharts({ slow = [] }: Suites): Chart[] {
  return [...new Set(slow.map(({ transport }) => transport))].map((transport) => {
    const here = slow.filter((row) => row.transport === transport);
    const series = here.map(({ server, memory }) => ({
      name: serverNames[server],
      values: memory.map(({ atS, rssMib }) => [atS, rssMib] as const),
    }));
    return lines(
      `slow-${transport}.svg`,
      `Resident MiB after 20 players stopped reading, ${transport}`,
      'seconds',
      series,
    );
  });
}

function capacityCharts({ capacity = [] }: Suites): Chart[] {
  const series = capacity
    .filter(({ server, steps }) => server === 'ours' && steps.length > 1)
    .map(({ transport, steps }) => ({
      name: transport,
      values: steps.map(({ players, cores }) => [players, cores] as const),
    }));
  return series.length === 0 ? [] : [lines('capacity-cores.svg', 'Cores that one process uses', 'players', series)];
}

function soakCharts({ soak }: Suites): Chart[] {
  if (soak === undefined || soak.samples.length < 2) return [];
  const over = (name: string, read: (sample: SoakResult['samples'][number]) => number) => ({
    name,
    values: soak.samples.map((sample) => [sample.atS / 60, read(sample)] as const),
  });
  return [
    lines('soak-memory.svg', 'Memory while publishers and players come and go, MiB', 'minutes', [
      over('resident', ({ rssMib }) => rssMib),
      over('heap after a collection', ({ heapMib }) => heapMib),
    ]),
    lines('soak-open.svg', 'Open while publishers and players come and go', 'minutes', [
      over('descriptors', ({ descriptors }) => descriptors),
      over('sessions', ({ sessions }) => sessions),
      over('timers', ({ timers }) => timers),
    ]),
  ];
}
