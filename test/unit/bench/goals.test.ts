import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge } from '../../../bench/goals.ts';
import type { FanoutRow, Figures, SlowRow, SoakResult, SoakState, Verdict } from '../../../bench/results.ts';

const flat = (value: number) => ({ median: value, low: value, high: value });

function figures(cpu: number, rss: number, p99: number, change: Partial<Figures> = {}): Figures {
  return {
    repetitions: 1,
    cpuUsPerPlayerS: flat(cpu),
    videoP50Ms: flat(p99 / 2),
    videoP99Ms: flat(p99),
    audioP50Ms: flat(20),
    audioP99Ms: flat(40),
    rssKbPerPlayer: flat(rss),
    bytesPerPlayerS: 266_000,
    behind: 0,
    missingFrames: 0,
    isDisturbed: false,
    ...change,
  };
}

function fanout(players: number, row: FanoutRow['figures'], transport: FanoutRow['transport'] = 'flv'): Verdict[] {
  return judge({ fanout: [{ transport, players, figures: row }] });
}

/** Goal to outcome. */
function outcomes(verdicts: readonly Verdict[]): Record<string, string> {
  return Object.fromEntries(verdicts.map(({ goal, outcome }) => [goal, outcome]));
}

describe('the goals of fan-out', () => {
  test('memory, latency and full service are judged at any number of players', () => {
    assert.deepEqual(outcomes(fanout(200, { ours: figures(900, 80, 5), nms: figures(900, 240, 4) })), {
      'every player served in full': 'pass',
      "memory per player at most a third of NMS's": 'pass',
      "video p99 no worse than NMS's": 'MISSED',
    });
  });

  test('CPU is judged from 500 players on, by transport at 500', () => {
    const row = { ours: figures(450, 10, 5), nms: figures(1000, 100, 9) };
    const cpu = (players: number, transport: FanoutRow['transport']) =>
      fanout(players, row, transport)
        .filter(({ goal }) => goal.startsWith('CPU') && goal.endsWith("of NMS's"))
        .map(({ goal, outcome }) => `${/[\d.]+/.exec(goal)?.[0]} ${outcome}`);
    assert.deepEqual(cpu(200, 'flv'), []);
    assert.deepEqual(cpu(500, 'flv'), ['0.4 MISSED']);
    assert.deepEqual(cpu(500, 'rtmp'), ['0.5 pass']);
    assert.deepEqual(cpu(500, 'ws'), ['0.6 pass']);
    assert.deepEqual(cpu(1000, 'flv'), ['0.6 pass']);
  });

  test('every transport is held against the floor, which plays over HTTP-FLV', () => {
    const verdicts = judge({
      fanout: [
        { transport: 'rtmp', players: 500, figures: { ours: figures(376, 10, 5), relaxed: figures(125, 10, 90) } },
        { transport: 'flv', players: 500, figures: { floor: figures(300, 1, 5), floor100: figures(100, 1, 90) } },
      ],
    });
    const found = outcomes(verdicts);
    assert.equal(found["CPU per player-second at most 1.25 of the floor's"], 'MISSED');
    assert.equal(found["CPU per player-second, relaxed, at most 1.25 of the 100 ms floor's"], 'pass');
  });

  test('nginx is a measure at 500 players', () => {
    const row = { ours: figures(450, 10, 5), nginx: figures(1500, 1, 50) };
    assert.equal(outcomes(fanout(500, row, 'rtmp'))["CPU per player-second at most 0.3 of nginx's"], 'pass');
    assert.equal("CPU per player-second at most 0.3 of nginx's" in outcomes(fanout(200, row, 'rtmp')), false);
  });

  test('one player behind or one missing frame misses full service', () => {
    for (const change of [{ behind: 1 }, { missingFrames: 1 }]) {
      const found = outcomes(fanout(200, { ours: figures(1, 1, 1, change) }));
      assert.equal(found['every player served in full'], 'MISSED');
    }
  });

  test('a missed latency is unsure when other programs were busy; a missed ratio of CPU is not', () => {
    const row = { ours: figures(900, 10, 50, { isDisturbed: true }), nms: figures(1000, 100, 9) };
    const found = outcomes(fanout(500, row));
    assert.equal(found["video p99 no worse than NMS's"], 'unsure');
    assert.equal(found['video p99 at most 12 ms'], 'unsure');
    assert.equal(found["CPU per player-second at most 0.4 of NMS's"], 'MISSED');
  });
});

describe('the goals of slow players', () => {
  const row: SlowRow = {
    server: 'ours',
    transport: 'rtmp',
    healthy: 50,
    slow: 20,
    firstClosedS: 20,
    lastClosedS: 30,
    openAtEnd: 0,
    memory: [],
    rssBeforeMib: 100,
    rssPeakMib: 120,
    rssEndMib: 110,
    healthyP99Ms: { before: 2, meanwhile: 2, after: 3 },
    healthyLost: 0,
    missingFrames: 0,
    isDisturbed: false,
  };

  test('are met by a server that closes them in time and keeps the others', () => {
    assert.deepEqual(
      judge({ slow: [row] }).map(({ outcome }) => outcome),
      ['pass', 'pass', 'pass', 'pass'],
    );
  });

  test('are missed when one stays open, memory grows, or the others suffer', () => {
    const missed = (change: Partial<SlowRow>) =>
      judge({ slow: [{ ...row, ...change }] }).filter(({ outcome }) => outcome === 'MISSED').length;
    assert.equal(missed({ lastClosedS: null, openAtEnd: 1 }), 1);
    assert.equal(missed({ lastClosedS: 50 }), 1);
    assert.equal(missed({ rssPeakMib: 201 }), 1);
    assert.equal(missed({ healthyP99Ms: { before: 2, meanwhile: 2, after: 3.1 } }), 1);
    assert.equal(missed({ healthyLost: 1 }), 1);
  });

  test('are not asked of peers', () => {
    assert.deepEqual(judge({ slow: [{ ...row, server: 'nms', lastClosedS: null }] }), []);
  });
});

describe('the goals of the soak', () => {
  const state: SoakState = { rssMib: 150, heapMib: 20, descriptors: 24, timers: 1, sessions: 0 };
  const result: SoakResult = {
    minutes: 60,
    before: state,
    after: state,
    samples: [],
    rssSlopeMibPerH: 0,
    rssEarlyMib: 150,
    rssLateMib: 150,
    publishersCome: 1,
    playersCome: 1,
    watchers: 20,
    watcherP50Ms: 1,
    watcherP99Ms: 2,
    watchersLost: 0,
  };
  const missed = (change: Partial<SoakResult>) =>
    judge({ soak: { ...result, ...change } })
      .filter(({ outcome }) => outcome === 'MISSED')
      .map(({ goal }) => goal);

  test('are met by a server that is as it was before', () => {
    assert.deepEqual(missed({}), []);
  });

  test('a descriptor, a timer or a session too many is a leak', () => {
    assert.deepEqual(missed({ after: { ...state, descriptors: 25 } }), ['descriptors back where they were']);
    assert.deepEqual(missed({ after: { ...state, timers: 2 } }), ['timers back where they were']);
    assert.deepEqual(missed({ after: { ...state, sessions: 1 } }), ['sessions back where they were']);
  });

  test('memory that keeps growing is a leak', () => {
    assert.deepEqual(missed({ after: { ...state, heapMib: 29 } }), ['the heap keeps at most 8 MiB']);
    assert.deepEqual(missed({ rssLateMib: 174 }), ['resident memory flat (a tenth and 8 MiB are noise)']);
  });
});
