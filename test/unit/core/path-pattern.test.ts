import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPathPattern, isPattern, matchesPath } from '../../../src/core/path-pattern.ts';

test('a star stands for exactly one part, and everything else for itself', () => {
  const cases: [string, string, boolean][] = [
    ['/live/*', '/live/a', true],
    ['/live/*', '/live/a/b', false],
    ['/live/*', '/live', false],
    ['/*/*', '/live/a', true],
    ['/*/a', '/live/b', false],
    ['/live/a', '/live/a', true],
    ['/live/a', '/live/A', false],
    ['/live/a*', '/live/ab', false],
    ['/live/.', '/live/a', false],
  ];
  for (const [pattern, path, fits] of cases) assert.equal(matchesPath(pattern, path), fits, `${pattern} ${path}`);
});

test('a pattern is a path whose parts may be stars', () => {
  const patterns = [
    '/live/a',
    '/live/*',
    '/*/*',
    '/a/*/c',
    '/live',
    'live/a',
    '/live/',
    '/live/a*',
    '/live/**',
    '',
    '/../a',
  ];
  assert.deepEqual(patterns.filter(isPathPattern), ['/live/a', '/live/*', '/*/*', '/a/*/c']);
  assert.deepEqual(patterns.filter(isPathPattern).filter(isPattern), ['/live/*', '/*/*', '/a/*/c']);
});
