import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { letHeapGrow } from '../../src/heap.ts';

describe('the heap of the command and its workers', () => {
  test('may grow to twice what lives, unless its operator says how far', () => {
    const set: string[] = [];
    letHeapGrow(['--max-semi-space-size=8'], (flag) => void set.push(flag));
    assert.deepEqual(set, ['--heap-growing-percent=100']);
    letHeapGrow(['--heap-growing-percent=10'], (flag) => void set.push(flag));
    letHeapGrow(['--heap_growing_percent=10'], (flag) => void set.push(flag));
    assert.equal(set.length, 1);
  });

  test('is set in words that this Node knows', () => {
    const heap = new URL('../../src/heap.ts', import.meta.url).href;
    const code = `import { letHeapGrow } from '${heap}'; letHeapGrow();`;
    const run = (...args: string[]) => execFileSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(run('--input-type=module', '-e', `${code} console.log('set');`), 'set\n');
    assert.match(run('--v8-options'), /--heap-growing-percent /);
  });
});
