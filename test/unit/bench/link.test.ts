import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Played } from '../../../bench/load-report.ts';
import { linksText } from '../../../bench/page-links.ts';
import { type OddRow, type Report, report } from '../../../bench/results.ts';
import { type Sample, toResult } from '../../../bench/suites/link.ts';
import { toTable } from '../../../bench/tables.ts';

const latency = (p50: number, p99: number, max: number) => ({ frames: 1, p50, p90: p50, p99, max });

function played(given: { p50: number; lost?: number; started?: number; behind?: number }): Played {
  return {
    players: 100,
    started: given.started ?? 100,
    refused: 0,
    lost: given.lost ?? 0,
    slowLost: 0,
    protocolErrors: 0,
    windowFromUs: 0,
    windowS: 10,
    joinS: 1,
    joinMs: { p50: 160, p99: 300 },
    bytesPerS: 26_600_000,
    behindNominal: given.behind ?? 0,
    missingFrames: 0,
    videoMs: latency(given.p50, given.p50 + 10, given.p50 + 50),
    audioMs: latency(40, 50, 60),
    series: [],
    userS: 0.2,
    systemS: 0.3,
    onCpuS: 0.5,
    rssBeforeKb: 0,
    rssKb: 0,
    ownCpuS: 0,
    idleS: 1000,
    stolenS: 0,
  };
}

function sample(given: { p50: number; lateMs?: number } & Partial<Sample> & Parameters<typeof played>[0]): Sample {
  const carried = { packets: 1, lost: 0, dropped: 0, overrun: 0 };
  return {
    server: 'ours',
    transport: 'flv',
    congestion: 'reno',
    lossPerMille: 5,
    players: 100,
    played: played(given),
    published: { lost: 0, skipped: 0, seconds: 12, lateMs: { mean: 0, max: 1 }, ownCpuS: 0 },
    line: { seconds: 12, cpuS: 2, down: carried, up: carried, lateMs: { p99: given.lateMs ?? 1, max: 5 } },
    ...given,
  };
}

const odd: OddRow = {
  server: 'ours',
  transport: 'flv',
  congestion: 'reno',
  line: '5 % loss',
  others: 99,
  othersP99Ms: { before: 30, meanwhile: 31 },
  othersLost: 0,
  seconds: 24,
  videoP50Ms: 5000,
  videoP99Ms: 9000,
  videoMaxMs: 10_000,
  latencyMs: [400, 1200, -1],
  missingFrames: 54,
  isLost: false,
  isDisturbed: false,
};

describe('the results of players behind a line', () => {
  test('repetitions of a point make one row: medians, and the worst of what may not happen', () => {
    const { rows } = toResult(
      [sample({ p50: 22, lateMs: 3 }), sample({ p50: 26, lost: 1, started: 99, behind: 4 }), sample({ p50: 24 })],
      [],
    );
    assert.equal(rows.length, 1);
    const [row] = rows;
    assert.deepEqual(row?.videoP50Ms, { median: 24, low: 22, high: 26 });
    assert.deepEqual(row?.cpuUsPerPlayerS, { median: 500, low: 500, high: 500 });
    assert.deepEqual([row?.repetitions, row?.rttMs, row?.lossPercent], [3, 40, 0.5]);
    assert.deepEqual([row?.behind, row?.lost, row?.lineLateMs], [4, 2, 3]);
  });

  test('what differs in its line or its server stays apart, this server first in each line', () => {
    const { rows } = toResult(
      [
        sample({ p50: 2, server: 'nms' }),
        sample({ p50: 3, lossPerMille: 20 }),
        sample({ p50: 4, congestion: 'bbr' }),
        sample({ p50: 1 }),
        sample({ p50: 5, transport: 'ws' }),
      ],
      [],
    );
    assert.deepEqual(
      rows.map(({ videoP50Ms }) => videoP50Ms.median),
      [1, 2, 3, 4, 5],
    );
  });

  test('their table has the odd one below', () => {
    const shown = toTable('link', { link: toResult([sample({ p50: 22 })], [odd]) });
    assert.deepEqual(shown?.split('\n').slice(2), [
      '| reno | flv | 0.5 % | this server | 22 | 32 | 72 | 160 | 300 | 500 | 0, 0, 0 | 1.0 |',
      '',
      '| TCP | transport | server | its line | its video ms p50, max | frames left out | connection | p99 ms of the others: before | meanwhile |',
      '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
      '| reno | flv | this server | 5 % loss | 5000, 10000 | 54 in 24 s | kept | 30 | 31 |',
    ]);
  });

  test('their page shows the seconds of the odd one, and is left alone without them', () => {
    const results: Report = report.parse({
      machine: {
        date: '2026-01-02T03:04:05Z',
        commit: null,
        isClean: false,
        processor: 'a processor',
        cores: 2,
        memoryMiB: 1024,
        kernel: '6',
        congestionControl: 'bbr',
        node: 'v24',
        loadAverage: 0,
      },
      mtu: 1500,
      command: 'node bench/run.ts --suite link',
      servers: { ours: 'this server' },
      stream: { videoBps: 1, audioBps: 1, fps: 1, gop: 1 },
      suites: { link: toResult([sample({ p50: 22 })], [odd]) },
      verdicts: [],
      failures: [],
    });
    assert.match(linksText(results)!, /^- 5 % loss: 0\.4 · 1\.2 · – s$/m);
    assert.equal(linksText({ ...results, suites: {} }), null);
  });
});
