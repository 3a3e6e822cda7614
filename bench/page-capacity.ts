import {
  assumptions,
  audiences,
  bitrates,
  type Costs,
  costsOf,
  cpuUs,
  loadOf,
  machines,
  machinesFor,
  viewersPerCore,
  viewersPerGbit,
} from './planning.ts';
import type { Report } from './results.ts';
import { table } from './tables.ts';

const { fps, relaxedWritesPerS } = assumptions;

/** The part of the page on capacity that is calculated from the results. */
export function capacityText({ suites, machine }: Report): string {
  const costs = costsOf(suites.fanout ?? []);
  if (costs === null) {
    return 'The results hold no pair to calculate from: 500 players of this server, once with a write per video frame and once relaxed (`--suite fanout --n 500`).';
  }
  return [
    `From the measurement of ${machine.date.slice(0, 10)} with ${costs.players} players over ${costs.transport} ([benchmark](benchmark.md)): **${costs.usPerWrite.toFixed(1)} µs per write** and **${(costs.usPerByte * 1000).toFixed(2)} µs per kilobyte**, on ${machine.processor}; ${costs.kibPerViewer.toFixed(0)} KiB of the server's memory per viewer.`,
    '### One core, one line',
    bitrateTable(costs),
    '### One machine',
    machineTable(costs),
    '### A fleet',
    'Machines for so many viewers at the same time, one of them to spare.',
    fleetTable(costs),
    ...ingest(suites.streams ?? []),
  ].join('\n\n');
}

function bitrateTable(costs: Costs): string {
  return table(
    [
      'bitrate',
      `CPU µs per viewer-s, ${fps} writes/s`,
      `relaxed, ${relaxedWritesPerS} writes/s`,
      'viewers per core',
      'relaxed',
      'viewers per Gbit/s',
    ],
    bitrates.map((bits) => [
      toMbit(bits),
      cpuUs(costs, bits, fps).toFixed(0),
      cpuUs(costs, bits, relaxedWritesPerS).toFixed(0),
      toCount(viewersPerCore(costs, bits, fps)),
      toCount(viewersPerCore(costs, bits, relaxedWritesPerS)),
      toCount(viewersPerGbit(bits)),
    ]),
  );
}

function machineTable(costs: Costs): string {
  return table(
    ['machine', 'bitrate', 'viewers', 'what is used up first', 'cores busy', 'memory for them'],
    machines.flatMap((machine) =>
      bitrates.map((bits) => {
        const { viewers, limit, memoryGib } = loadOf(costs, machine, bits);
        const first = limit === 'line' ? 'the line' : 'the cores';
        const busy = ((viewers * cpuUs(costs, bits, fps)) / 1e6).toFixed(1);
        return [machine.name, toMbit(bits), toCount(viewers), first, busy, `${Math.ceil(memoryGib * 1024)} MiB`];
      }),
    ),
  );
}

function fleetTable(costs: Costs): string {
  return table(
    ['machine', 'bitrate', ...audiences.map((viewers) => `${toCount(viewers)} viewers`)],
    machines.flatMap((machine) =>
      bitrates.map((bits) => {
        const { viewers } = loadOf(costs, machine, bits);
        return [machine.name, toMbit(bits), ...audiences.map((all) => toCount(machinesFor(all, viewers)))];
      }),
    ),
  );
}

function ingest(rows: NonNullable<Report['suites']['streams']>): string[] {
  const most = rows.filter(({ server }) => server === 'ours').sort((a, b) => b.streams - a.streams)[0];
  if (most === undefined) return [];
  const us = most.cpuUsPerStreamS.median;
  const perCore = Math.floor((assumptions.coreShare * 1e6) / us);
  return [
    '### Publishers',
    `A stream of 500 kbit/s with one viewer costs ${us.toFixed(0)} µs a second (measured with ${most.streams} at once): plan ${toCount(perCore)} of them per core, and ${most.rssMibPerStream.median.toFixed(2)} MiB each.`,
  ];
}

function toMbit(bits: number): string {
  return `${bits / 1e6} Mbit/s`;
}

function toCount(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}
