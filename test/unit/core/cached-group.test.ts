import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CachedBytes, CachedUnits, MIN_TAIL_BYTES } from '../../../src/core/cached-group.ts';

const text = (pieces: readonly Buffer[]) => pieces.map((piece) => piece.toString());

function cached(units: readonly (string | null)[], maySplit = true): CachedBytes {
  const group = new CachedBytes(maySplit);
  for (const unit of units) group.push(unit === null ? null : Buffer.from(unit));
  return group;
}

describe('a cached group of bytes', () => {
  test('a small one is one piece', () => {
    assert.deepEqual(text(cached(['a', null, 'bc', 'd']).read(0)!.now), ['abcd']);
  });

  test('a large one is the first picture, and the rest in one piece', () => {
    const tail = 'x'.repeat(MIN_TAIL_BYTES);
    const { now, later } = cached([null, 'picture', tail, 'end']).read(0)!;
    assert.deepEqual(text(now), ['picture']);
    assert.deepEqual(text(later), [`${tail}end`]);
    assert.deepEqual(text(cached(['picture', tail], false).read(0)!.now), [`picture${tail}`]);
  });

  test('what waits for the next flush is left out, with what has no unit behind it', () => {
    const group = cached(['a', 'b', null, 'c', null]);
    assert.deepEqual(text(group.read(1)!.now), ['ab']);
    assert.deepEqual(text(group.read(2)!.now), ['a']);
    assert.equal(group.read(3), null);
  });

  test('of packets that this format has no words for is an empty one, and a newcomer begins with it', () => {
    assert.deepEqual(cached([null, null]).read(0), { now: [], later: [] });
    assert.equal(cached([]).read(0), null);
  });

  test('loses its front packet by packet', () => {
    const group = cached(['a', null, 'b', 'c']);
    group.trim(2);
    assert.deepEqual(text(group.read(0)!.now), ['bc']);
    group.trim(2);
    assert.equal(group.read(0), null);
  });

  test('what one newcomer got stays as it is while the group grows and loses its front', () => {
    const group = new CachedBytes(false);
    const seen: { bytes: Buffer; copy: Buffer }[] = [];
    for (let i = 0; i < 200; i++) {
      group.push(Buffer.alloc(10_000, i));
      if (i >= 50) group.trim(1);
      const bytes = group.read(0)!.now[0]!;
      assert.equal(bytes.length, Math.min(i + 1, 50) * 10_000);
      assert.equal(bytes[0], Math.max(0, i - 49));
      assert.equal(bytes.at(-1), i);
      if (i % 20 === 0) seen.push({ bytes, copy: Buffer.from(bytes) });
    }
    for (const { bytes, copy } of seen) assert.ok(bytes.equals(copy));
  });
});

test('a cached group of other units hands out those that do not wait', () => {
  const group = new CachedUnits<object>();
  const [a, b, c] = [{}, {}, {}];
  for (const unit of [a, null, b, c, null]) group.push(unit);
  assert.deepEqual(group.read(1), { now: [a, b], later: [] });
  group.trim(2);
  assert.deepEqual(group.read(0), { now: [b, c], later: [] });
  group.trim(3);
  assert.equal(group.read(0), null);
});
