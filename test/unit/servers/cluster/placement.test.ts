import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { ConnectionLimits } from '../../../../src/core/connection-limits.ts';
import { type Host, Placement } from '../../../../src/servers/cluster/placement.ts';
import type { Visitor } from '../../../../src/servers/cluster/visitor.ts';
import { type LogLine, recordingLogger } from '../../../support/house.ts';

class FakeHost implements Host {
  readonly number: number;
  isReady = true;
  readonly visitors = new Map<number, Visitor>();

  constructor(number: number) {
    this.number = number;
  }

  welcome(visitor: Visitor): void {
    this.visitors.set(visitor.id, visitor);
  }

  /** The first of its visitors leaves. */
  lose(): void {
    const [id, visitor] = [...this.visitors][0]!;
    this.visitors.delete(id);
    visitor.leave();
  }
}

function scene(maxConnections = 10_000) {
  const hosts = [new FakeHost(1), new FakeHost(2), new FakeHost(3)];
  const lines: LogLine[] = [];
  const limits = new ConnectionLimits({ maxConnections, maxConnectionsPerAddress: 10_000 });
  const refused = { count: 0 };
  const placement = new Placement({
    connections: limits,
    logger: recordingLogger(lines),
    hosts: () => hosts,
    onRefused: () => void refused.count++,
  });
  const arrive = () => {
    const socket = new Socket();
    placement.arrive(socket, 'rtmp');
    return socket;
  };
  const counts = () => hosts.map(({ visitors }) => visitors.size);
  return { hosts, lines, limits, placement, arrive, counts, refused };
}

describe('placing connections', () => {
  test('the one with the fewest gets the next, the first among equals', () => {
    const { hosts, arrive, counts } = scene();
    for (let i = 0; i < 4; i++) arrive();
    assert.deepEqual(counts(), [2, 1, 1]);
    hosts[2]!.lose();
    arrive();
    assert.deepEqual(counts(), [2, 1, 1]);
    hosts[0]!.lose();
    hosts[0]!.lose();
    arrive();
    arrive();
    assert.deepEqual(counts(), [2, 1, 1]);
  });

  test('beyond the limits of the house a connection is cut, and room is made by whoever leaves', () => {
    const { hosts, limits, arrive, counts } = scene(2);
    arrive();
    arrive();
    assert.equal(arrive().destroyed, true);
    assert.deepEqual([counts(), limits.total], [[1, 1, 0], 2]);
    hosts[1]!.lose();
    assert.equal(arrive().destroyed, false);
    assert.equal(limits.total, 2);
  });

  test('while nobody is ready they wait, as many as there is room for, and the log says so', () => {
    const { hosts, lines, limits, placement, arrive, counts } = scene();
    for (const host of hosts) host.isReady = false;
    const sockets = Array.from({ length: 1030 }, arrive);
    assert.equal(sockets.filter(({ destroyed }) => destroyed).length, 6);
    assert.equal(limits.total, 1024);
    placement.report();
    assert.deepEqual(lines, [
      {
        level: 'warn',
        fields: { waiting: 1024, refused: 6 },
        message: 'no worker is ready: 1024 connections wait, 6 more were refused',
      },
    ]);
    hosts[1]!.isReady = true;
    placement.placeWaiting();
    assert.deepEqual(counts(), [0, 1024, 0]);
    placement.report();
    assert.equal(lines.length, 1);
  });

  test('those who still wait at the end are cut', () => {
    const { hosts, limits, placement, arrive } = scene();
    for (const host of hosts) host.isReady = false;
    const socket = arrive();
    placement.end();
    assert.deepEqual([socket.destroyed, limits.total], [true, 0]);
  });
});
