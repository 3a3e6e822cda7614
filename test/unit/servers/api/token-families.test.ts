import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Store } from '../../../../src/core/store.ts';
import { TokenFamilies } from '../../../../src/servers/api/token-families.ts';
import { type LogLine, recordingLogger } from '../../../support/house.ts';

const LATER = Date.now() + 3600_000;

/** Families in a store of their own, which is gone at the end of the block. */
function open(folder = mkdtempSync(join(tmpdir(), 'nms-families-'))) {
  const lines: LogLine[] = [];
  const logger = recordingLogger(lines);
  const store = new Store({ folder, durability: 'none', logger });
  const families = new TokenFamilies(store, logger);
  families.open();
  return {
    families,
    store,
    folder,
    lines,
    [Symbol.dispose]: () => {
      families.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const entry = (generation: number, username = 'admin', expiresAt = LATER) => ({ username, generation, expiresAt });

describe('token families', () => {
  test('nothing is written, and no file made, before one is refreshed or ends', () => {
    using house = open();
    assert.equal(house.families.isEnded('a', entry(0)), false);
    assert.equal(house.store.exists, false);
    house.families.end('a', entry(0));
    assert.equal(house.store.exists, true);
  });

  test('each generation is good once, in its order', () => {
    using house = open();
    const { families } = house;
    assert.deepEqual([families.advance('a', entry(0)), families.advance('a', entry(1))], [true, true]);
    assert.equal(families.advance('a', entry(1)), false);
    assert.deepEqual([families.isEnded('a', entry(0)), families.advance('a', entry(2))], [true, false]);
    assert.equal(families.advance('b', entry(1)), false, 'a generation that was never reached');
    assert.equal(families.isEnded('b', entry(0)), true);
  });

  test('of one user a thousand are remembered, and another’s are not pushed out', () => {
    using house = open();
    const { families } = house;
    families.end('of another', entry(0, 'other', LATER - 1));
    families.end('first to expire', entry(0, 'admin', LATER - 1));
    for (let i = 0; i < 1000; i++) families.end(`a${i}`, entry(0));
    assert.equal(families.size, 1002);
    const isEnded = (family: string, username = 'admin') => families.isEnded(family, entry(0, username));
    assert.deepEqual([isEnded('of another', 'other'), isEnded('a0'), isEnded('a999')], [true, true, true]);
  });

  test('an end that had to make room holds all the same, for a script that signs in and out all day', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nms-families-'));
    const first = open(folder);
    for (let i = 0; i <= 1001; i++) first.families.end(`a${i}`, entry(0, 'admin', LATER + i));
    assert.equal(first.families.size, 1001);
    first.families.close();
    using second = open(folder);
    const isEnded = (family: string, expiresAt: number, username = 'admin') =>
      second.families.isEnded(family, { username, expiresAt });
    assert.deepEqual([isEnded('a0', LATER), isEnded('a1', LATER + 1), isEnded('a2', LATER + 2)], [true, true, true]);
    assert.equal(isEnded('never heard of, and no younger', LATER + 1), true);
    assert.equal(isEnded('never heard of, and younger', LATER + 2), false);
    assert.equal(isEnded('of another', LATER, 'other'), false);
    second.families.sweep(LATER + 1);
    assert.equal(second.families.size, 1000);
  });

  test('what has expired is forgotten, here and in the store', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nms-families-'));
    const first = open(folder);
    first.families.end('a', entry(0, 'admin', LATER));
    first.families.end('b', entry(0, 'admin', LATER + 1000));
    first.families.sweep(LATER);
    assert.deepEqual([first.families.size, first.families.isEnded('b', entry(0))], [1, true]);
    first.families.close();
    using second = open(folder);
    assert.deepEqual(
      [second.families.size, second.families.isEnded('a', entry(0)), second.families.isEnded('b', entry(0))],
      [1, false, true],
    );
  });

  test('an end is remembered as long as any of its tokens could be good, whatever the configuration says meanwhile', () => {
    using house = open();
    const { families } = house;
    families.advance('a', entry(0, 'admin', LATER));
    families.end('a', entry(1, 'admin', LATER - 10_000));
    families.sweep(LATER - 1);
    assert.equal(families.isEnded('a', entry(0)), true);
    families.sweep(LATER);
    assert.equal(families.size, 0);
  });

  test('what could not be written is written when the disk is well again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nms-families-'));
    const first = open(folder);
    first.families.end('a', entry(0));
    first.store.write((database) => database.exec('ALTER TABLE api_token_families RENAME TO away'));
    first.families.end('b', entry(0));
    assert.equal(first.families.isEnded('b', entry(0)), true);
    assert.equal(first.store.isFailing, true);
    first.store.write((database) => database.exec('ALTER TABLE away RENAME TO api_token_families'));
    first.families.sweep(Date.now());
    first.families.close();
    using second = open(folder);
    assert.deepEqual([second.families.isEnded('a', entry(0)), second.families.isEnded('b', entry(0))], [true, true]);
  });
});
