import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { costsOf, cpuUs, loadOf, machinesFor, viewersPerCore, viewersPerGbit } from '../../../bench/planning.ts';
import type { FanoutRow, Figures } from '../../../bench/results.ts';

function figures(cpuUsPerPlayerS: number): Figures {
  const flat = (value: number) => ({ median: value, low: value, high: value });
  return {
    repetitions: 1,
    cpuUsPerPlayerS: flat(cpuUsPerPlayerS),
    videoP50Ms: flat(4),
    videoP99Ms: flat(8),
    audioP50Ms: flat(20),
    audioP99Ms: flat(40),
    rssKbPerPlayer: flat(48),
    bytesPerPlayerS: 250_000,
    behind: 0,
    missingFrames: 0,
    isDisturbed: false,
  };
}

/** 30 writes at 8 µs and 250 kB at 0.0004 µs, then 9 writes of the same bytes. */
const row: FanoutRow = { transport: 'flv', players: 500, figures: { ours: figures(340), relaxed: figures(172) } };

describe('the plan for a number of viewers', () => {
  test('takes a write and a byte apart from two measurements of the same bytes', () => {
    const costs = costsOf([row]);
    assert.ok(costs !== null);
    assert.equal(costs.usPerWrite, 8);
    assert.equal(costs.usPerByte, 0.0004);
    assert.equal(costs.kibPerViewer, 48);
  });

  test('gives back what was measured for the rate at which it was measured', () => {
    const costs = costsOf([row])!;
    assert.equal(cpuUs(costs, 2_000_000, 30), 340);
    assert.equal(cpuUs(costs, 2_000_000, 9), 172);
  });

  test('has nothing to say without the pair', () => {
    assert.equal(costsOf([{ ...row, figures: { ours: figures(340) } }]), null);
    assert.equal(costsOf([{ ...row, players: 200 }]), null);
  });

  test('leaves 30 % of a core and 20 % of a line, and counts the headers', () => {
    assert.equal(viewersPerCore(costsOf([row])!, 2_000_000, 30), Math.floor(700_000 / 340));
    assert.equal(viewersPerGbit(2_000_000), Math.floor(8e8 / (2_000_000 * (1538 / 1448))));
  });

  test('a machine serves what its scarcer part allows', () => {
    const costs = costsOf([row])!;
    const machine = { name: 'any', cores: 2, gbitPerS: 1 };
    assert.deepEqual(
      [loadOf(costs, machine, 2_000_000).limit, loadOf(costs, machine, 2_000_000).viewers],
      ['line', 376],
    );
    const fast = loadOf(costs, { ...machine, gbitPerS: 100 }, 2_000_000);
    assert.deepEqual([fast.limit, fast.viewers], ['cores', 4116]);
  });

  test('a fleet has one machine to spare', () => {
    assert.equal(machinesFor(10_000, 5_000), 3);
    assert.equal(machinesFor(10_001, 5_000), 4);
  });
});
