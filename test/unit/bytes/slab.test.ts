import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_SHARE_BYTES, SLAB_BYTES, SLAB_OWNERS, Slab, SlabPool } from '../../../src/bytes/slab.ts';

describe('Slab', () => {
  test('lays one behind the other and never the same bytes twice', () => {
    const slab = new Slab();
    const taken = Array.from({ length: 1000 }, (_, i) => slab.take(i % 300).fill(i % 256));
    for (const [i, bytes] of taken.entries()) assert.deepEqual(bytes, Buffer.alloc(i % 300, i % 256));
    const [first, second] = [slab.take(10), slab.take(20)];
    assert.equal(first.buffer, second.buffer);
    assert.equal(first.byteOffset + 10, second.byteOffset);
  });

  test('begins another piece of memory when the rest is too small', () => {
    const slab = new Slab();
    const buffers = new Set(
      Array.from({ length: SLAB_BYTES / MAX_SHARE_BYTES + 1 }, () => slab.take(MAX_SHARE_BYTES).buffer),
    );
    assert.deepEqual(
      [...buffers].map((buffer) => buffer.byteLength),
      [SLAB_BYTES, SLAB_BYTES],
    );
  });

  test('gives what is larger than its share memory of its own', () => {
    assert.equal(new Slab().take(MAX_SHARE_BYTES + 1).buffer.byteLength, MAX_SHARE_BYTES + 1);
  });
});

test('a pool gives a slab to so many owners and no more', () => {
  const pool = new SlabPool();
  const shares = Array.from({ length: 2 * SLAB_OWNERS + 1 }, () => pool.share());
  const counts = [...new Set(shares)].map((slab) => shares.filter((share) => share === slab).length);
  assert.deepEqual(counts, [SLAB_OWNERS, SLAB_OWNERS, 1]);
});
