import type { FanoutRow } from './results.ts';
import { stream } from './stream.ts';

/** What a viewer costs, taken apart: so much per write, so much per byte. */
export interface Costs {
  readonly usPerWrite: number;
  readonly usPerByte: number;
  /** Resident memory of the server per viewer. */
  readonly kibPerViewer: number;
  /** How many players were watching when this was measured, and over what. */
  readonly players: number;
  readonly transport: FanoutRow['transport'];
}

/** What a plan takes for granted. */
export const assumptions = {
  /** Of a core and of a line that is used at the peak; the rest is for joins, bursts and the system. */
  coreShare: 0.7,
  lineShare: 0.8,
  /** Bytes on an Ethernet line of 1500 bytes MTU per byte of a TCP stream: 1538 to 1448. */
  wireFactor: 1538 / 1448,
  /** Kernel memory for the sockets of a viewer who keeps up. */
  kernelKibPerViewer: 64,
  fps: 30,
  /** Writes a second in the relaxed gear: each 100 ms after the first message that waits for it, which comes some 8 ms later. */
  relaxedWritesPerS: 9,
} as const;

export interface Machine {
  readonly name: string;
  readonly cores: number;
  readonly gbitPerS: number;
}

export const machines: readonly Machine[] = [
  { name: '2 cores, 1 Gbit/s', cores: 2, gbitPerS: 1 },
  { name: '8 cores, 10 Gbit/s', cores: 8, gbitPerS: 10 },
  { name: '32 cores, 25 Gbit/s', cores: 32, gbitPerS: 25 },
];

export const bitrates = [500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000] as const;
export const audiences = [10_000, 100_000, 1_000_000] as const;

/**
 * The costs behind two measurements that differ in the number of writes only: one per video frame, and `relaxedWritesPerS`.
 * `null` when the results have no such pair.
 */
export function costsOf(rows: readonly FanoutRow[]): Costs | null {
  const row = rows.find(
    ({ players, figures }) => players === 500 && figures.ours !== undefined && figures.relaxed !== undefined,
  );
  const { ours, relaxed } = row?.figures ?? {};
  if (row === undefined || ours === undefined || relaxed === undefined) return null;
  const often = ours.cpuUsPerPlayerS.median;
  const seldom = relaxed.cpuUsPerPlayerS.median;
  const usPerWrite = Math.max(0, (often - seldom) / (stream.fps - assumptions.relaxedWritesPerS));
  const rest = Math.max(0, seldom - usPerWrite * assumptions.relaxedWritesPerS);
  return {
    usPerWrite,
    usPerByte: rest / relaxed.bytesPerPlayerS,
    kibPerViewer: ours.rssKbPerPlayer.median,
    players: row.players,
    transport: row.transport,
  };
}

/** Microseconds of CPU time per viewer and second. */
export function cpuUs(costs: Costs, bitsPerS: number, writesPerS: number): number {
  return costs.usPerWrite * writesPerS + (costs.usPerByte * bitsPerS) / 8;
}

export function viewersPerCore(costs: Costs, bitsPerS: number, writesPerS: number): number {
  return Math.floor((assumptions.coreShare * 1e6) / cpuUs(costs, bitsPerS, writesPerS));
}

export function viewersPerGbit(bitsPerS: number): number {
  return Math.floor((assumptions.lineShare * 1e9) / (bitsPerS * assumptions.wireFactor));
}

export interface Load {
  readonly viewers: number;
  /** What is used up first. */
  readonly limit: 'cores' | 'line';
  readonly memoryGib: number;
}

/** What one machine serves in the gear of a write per video frame. */
export function loadOf(costs: Costs, machine: Machine, bitsPerS: number): Load {
  const byCores = machine.cores * viewersPerCore(costs, bitsPerS, assumptions.fps);
  const byLine = Math.floor(machine.gbitPerS * viewersPerGbit(bitsPerS));
  const viewers = Math.min(byCores, byLine);
  const memoryGib = (viewers * (costs.kibPerViewer + assumptions.kernelKibPerViewer)) / 2 ** 20;
  return { viewers, limit: byCores <= byLine ? 'cores' : 'line', memoryGib };
}

/** So many machines serve them, and still do when one is away. */
export function machinesFor(viewers: number, each: number): number {
  return Math.ceil(viewers / each) + 1;
}
