import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { configEffects, effectOf, effectsOf } from '../../../src/core/config-effects.ts';
import { listAllKeys } from '../../../src/core/config-keys.ts';
import { NodeMediaServer, servers } from '../../../src/index.ts';

const effects = effectsOf(servers);
const keys = listAllKeys(NodeMediaServer.sections).map(({ path }) => path.join('.'));

describe('when a new value counts', () => {
  test('is said of every key of every section', () => {
    assert.ok(keys.length > 100);
    assert.deepEqual(
      keys.filter((key) => effectOf(key, effects) === null),
      [],
    );
  });

  test('is said of nothing but keys', () => {
    const isKnown = (prefix: string) => keys.some((key) => key === prefix || key.startsWith(`${prefix}.`));
    assert.deepEqual(
      Object.keys(effects).filter((prefix) => !isKnown(prefix)),
      [],
    );
  });

  test('is in the page about the configuration', () => {
    const page = readFileSync(resolve(import.meta.dirname, '../../../docs/4-operate/configuration.md'), 'utf8');
    const rows: readonly [effect: string, words: string][] = [
      ['now', 'at once, for everybody'],
      ['new', 'for connections, sessions and streams that begin afterwards'],
      ['listener', 'when its door has moved, at once'],
      ['restart', 'after a restart of the process'],
    ];
    for (const [effect, words] of rows) {
      const [, cell = ''] = new RegExp(`^\\| ${words} \\| (.*) \\|$`, 'm').exec(page) ?? [];
      const told = [...cell.matchAll(/`([^`]+)`/g)].map(([, key]) => key!);
      const known = Object.keys(effects).filter((prefix) => effects[prefix] === effect);
      assert.deepEqual(told.toSorted(), known.toSorted(), effect);
    }
  });

  test('is what the longest prefix says, by whole names', () => {
    const table = { a: 'now', 'a.b': 'new', 'a.b.c': 'restart' } as const;
    assert.deepEqual(
      ['a', 'a.x', 'a.bc', 'a.b', 'a.b.x', 'a.b.c', 'a.b.c.d', 'b', ''].map((key) => effectOf(key, table)),
      ['now', 'now', 'now', 'new', 'new', 'restart', 'restart', null, null],
    );
  });

  test('is the word of a part of its own, over that of the core', () => {
    assert.equal(effectOf('mine.x', effectsOf([{ effects: { mine: 'now' } }, {}])), 'now');
    assert.equal(effectOf('gop.maxMs', effectsOf([{ effects: { 'gop.maxMs': 'restart' } }])), 'restart');
    assert.equal(effectOf('gop.maxMs', configEffects), 'new');
  });
});
