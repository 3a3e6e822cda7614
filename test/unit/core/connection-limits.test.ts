import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AddressList } from '../../../src/core/address-list.ts';
import { ConnectionLimits } from '../../../src/core/connection-limits.ts';

class Connection {
  remoteAddress: string | undefined;
  isDestroyed = false;
  readonly #listeners: (() => void)[] = [];

  constructor(remoteAddress?: string) {
    this.remoteAddress = remoteAddress;
  }

  once(_event: 'close', listener: () => void): void {
    this.#listeners.push(listener);
  }

  destroy(): void {
    this.isDestroyed = true;
    this.close();
  }

  close(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

const limitsOf = (maxConnections: number, maxConnectionsPerAddress: number) =>
  new ConnectionLimits({ maxConnections, maxConnectionsPerAddress }, new AddressList(['10.0.0.0/8']));

describe('limits of connections', () => {
  test('one address has its fill while others come in, and room again when one of its connections closes', () => {
    const limits = limitsOf(10, 2);
    const first = new Connection('192.0.2.7');
    assert.equal(limits.admit(first), true);
    assert.equal(limits.admit(new Connection('::ffff:192.0.2.7')), true);
    const third = new Connection('192.0.2.7');
    assert.equal(limits.admit(third), false);
    assert.equal(third.isDestroyed, true);
    assert.equal(limits.admit(new Connection('192.0.2.8')), true);
    assert.match(limits.takeRefused()?.reason ?? '', /^2 connections from 192\.0\.2\.7 are open/);
    first.close();
    assert.equal(limits.admit(new Connection('192.0.2.7')), true);
    assert.equal(limits.total, 3);
  });

  test('a proxy runs into no limit of an address, its client does once he is named', () => {
    const limits = limitsOf(10, 2);
    const connections = Array.from({ length: 5 }, () => new Connection('10.0.0.1'));
    for (const connection of connections) assert.equal(limits.admit(connection), true);
    for (const connection of connections) connection.remoteAddress = '192.0.2.7';
    assert.deepEqual(
      connections.map((connection) => limits.admit(connection)),
      [true, true, false, false, false],
    );
    assert.equal(limits.total, 2);
    assert.equal(limits.takeRefused()?.count, 3);
    assert.equal(limits.admit(new Connection('192.0.2.7')), false, 'directly he has none left either');
    connections[0]!.close();
    assert.equal(limits.total, 1);
    assert.equal(limits.admit(new Connection('192.0.2.7')), true);
    assert.equal(limits.admit(new Connection('192.0.2.7')), false);
  });

  test('to be named twice, or as the same, counts once', () => {
    const limits = limitsOf(10, 2);
    const connection = new Connection('10.0.0.1');
    limits.admit(connection);
    limits.admit(connection);
    assert.equal(limits.total, 1);
    connection.remoteAddress = '192.0.2.7';
    limits.admit(connection);
    limits.admit(connection);
    connection.remoteAddress = '192.0.2.8';
    limits.admit(connection);
    assert.equal(limits.total, 1);
    for (const address of ['192.0.2.7', '192.0.2.7', '192.0.2.8']) {
      assert.equal(limits.admit(new Connection(address)), true, address);
    }
    assert.equal(limits.admit(new Connection('192.0.2.8')), false);
    connection.close();
    assert.equal(limits.total, 3);
  });

  test('connections of a proxy count in total', () => {
    const limits = limitsOf(2, 1);
    assert.equal(limits.admit(new Connection('10.0.0.1')), true);
    assert.equal(limits.admit(new Connection('10.0.0.1')), true);
    assert.equal(limits.admit(new Connection('10.0.0.1')), false);
    assert.match(limits.takeRefused()?.reason ?? '', /limits\.maxConnections is 2/);
  });

  test('those without an address share one', () => {
    const limits = limitsOf(10, 1);
    assert.equal(limits.admit(new Connection()), true);
    assert.equal(limits.admit(new Connection()), false);
  });
});
