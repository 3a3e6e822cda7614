import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ByteQueue } from '../../../../src/bytes/byte-queue.ts';
import { wireLimits } from '../../../../src/media/limits.ts';
import { ChunkReader } from '../../../../src/protocols/rtmp/chunk-reader.ts';
import { encodeChunks } from '../../../../src/protocols/rtmp/chunk-writer.ts';
import { encodeSetChunkSize } from '../../../../src/protocols/rtmp/messages/protocol-control.ts';

const header = { chunkStreamId: 6, timestamp: 0x010203, typeId: 9, streamId: 1 };

function written(overrides: Partial<typeof header>, payload: string, chunkSize: number): string {
  return encodeChunks({ ...header, ...overrides }, Buffer.from(payload, 'hex'), chunkSize).toString('hex');
}

describe('encodeChunks', () => {
  test('writes a full header, the message stream little-endian', () => {
    assert.equal(
      written({ streamId: 0x04030201 }, 'aabb', 128),
      '06' + '010203' + '000002' + '09' + '01020304' + 'aabb',
    );
  });

  test('writes no data for no payload', () => {
    assert.equal(written({}, '', 128), '06' + '010203' + '000000' + '09' + '01000000');
  });

  test('cuts at the chunk size, and not when the payload ends there', () => {
    assert.equal(written({}, 'aabbccdd', 4), '06' + '010203' + '000004' + '09' + '01000000' + 'aabbccdd');
    assert.equal(
      written({}, 'aabbccddee', 4),
      '06' + '010203' + '000005' + '09' + '01000000' + 'aabbccdd' + 'c6' + 'ee',
    );
    assert.equal(written({}, 'aabb', 1), '06' + '010203' + '000002' + '09' + '01000000' + 'aa' + 'c6' + 'bb');
  });

  test('writes an extended timestamp from 0xFFFFFF on and repeats it in every chunk', () => {
    assert.equal(written({ timestamp: 0xfffffe }, 'aa', 4), '06' + 'fffffe' + '000001' + '09' + '01000000' + 'aa');
    assert.equal(
      written({ timestamp: 0xffffff }, 'aa', 4),
      '06' + 'ffffff' + '000001' + '09' + '01000000' + '00ffffff' + 'aa',
    );
    assert.equal(
      written({ timestamp: 20_000_000 }, 'aabbccdd', 2),
      '06' + 'ffffff' + '000004' + '09' + '01000000' + '01312d00' + 'aabb' + 'c6' + '01312d00' + 'ccdd',
    );
  });

  test('writes times modulo 2^32, negative ones too', () => {
    assert.equal(written({ timestamp: 2 ** 32 + 5 }, 'aa', 4).slice(2, 8), '000005');
    assert.equal(written({ timestamp: -1 }, 'aa', 4).slice(24), 'ffffffffaa');
  });

  test('writes chunk stream ids in one, two and three bytes', () => {
    for (const [id, first, next] of [
      [63, '3f', 'ff'],
      [64, '0000', 'c000'],
      [319, '00ff', 'c0ff'],
      [320, '010001', 'c10001'],
      [65599, '01ffff', 'c1ffff'],
    ] as const) {
      const bytes = written({ chunkStreamId: id }, 'aabb', 1);
      assert.equal(bytes, `${first}010203000002090100 0000aa${next}bb`.replace(' ', ''));
    }
  });

  test('writes what the reader reads, for any message', () => {
    fc.assert(
      fc.property(
        fc.record({
          chunkStreamId: fc.integer({ min: 2, max: 65599 }),
          timestamp: fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0xfffffe, max: 0x1000001 })),
          typeId: fc.constantFrom(8, 9, 18, 22),
          streamId: fc.integer({ min: 0, max: 0xffffffff }),
        }),
        fc.uint8Array({ maxLength: 700 }).map((bytes) => Buffer.from(bytes)),
        fc.integer({ min: 1, max: 300 }),
        (message, payload, chunkSize) => {
          const input = new ByteQueue();
          input.push(
            encodeChunks(
              { chunkStreamId: 2, timestamp: 0, typeId: 1, streamId: 0 },
              encodeSetChunkSize(chunkSize),
              128,
            ),
          );
          input.push(encodeChunks(message, payload, chunkSize));
          assert.deepEqual(new ChunkReader(input, wireLimits).next(), { ...message, payload });
          assert.equal(input.size, 0);
        },
      ),
    );
  });
});
