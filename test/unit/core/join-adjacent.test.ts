import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinAdjacent } from '../../../src/core/join-adjacent.ts';

test('neighbours in memory become one view, the rest stays as it is, the bytes are the same', () => {
  const memory = Buffer.from('abcdefghij');
  const other = Buffer.from('xyz');
  const pieces = [
    memory.subarray(0, 2),
    memory.subarray(2, 3),
    memory.subarray(3, 3),
    memory.subarray(3, 6),
    other,
    memory.subarray(6, 8),
    memory.subarray(0, 1),
  ];
  const joined = joinAdjacent(pieces);
  assert.deepEqual(joined.map(String), ['abcdef', 'xyz', 'gh', 'a']);
  assert.equal(joined[0]!.buffer, memory.buffer);
  assert.equal(joined[1], other);
  assert.deepEqual(joinAdjacent([]), []);
});
