import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ByteQueue } from '../../../src/bytes/byte-queue.ts';

describe('ByteQueue', () => {
  test('gives back what was pushed, however it was cut and wherever it was kept', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.nat(25), fc.boolean()), { maxLength: 40 }),
        (steps) => {
          const queue = new ByteQueue();
          const pushed: number[] = [];
          const read: number[] = [];
          for (const [bytes, wanted, keeps] of steps) {
            const chunk = Buffer.from(bytes);
            queue.push(chunk);
            pushed.push(...bytes);
            const count = Math.min(wanted, queue.size);
            if (count > 0) assert.equal(queue.peek(count - 1), pushed[read.length + count - 1]);
            const target = Buffer.alloc(count);
            queue.copyTo(target, 0, count);
            read.push(...target);
            if (keeps) {
              queue.keep();
              chunk.fill(0xee);
            }
          }
          assert.equal(queue.position, read.length);
          assert.equal(queue.size, pushed.length - read.length);
          read.push(...queue.take(queue.size));
          assert.deepEqual(read, pushed);
        },
      ),
    );
  });

  test('holds none of the pushed memory once it was used up and kept', () => {
    const queue = new ByteQueue();
    const chunk = Buffer.from('abc');
    queue.push(chunk);
    queue.skip(2);
    queue.keep();
    chunk.fill(0);
    assert.equal(queue.u8(), 0x63);
    queue.keep();
    assert.equal(queue.size, 0);
    assert.throws(() => queue.u8(), RangeError);
  });

  test('throws a RangeError for more than is in hand', () => {
    const queue = new ByteQueue();
    queue.push(Buffer.from([1, 2]));
    assert.throws(() => queue.peek(2), RangeError);
    assert.throws(() => queue.skip(3), RangeError);
    assert.throws(() => queue.take(3), RangeError);
    assert.equal(queue.size, 2);
  });
});
