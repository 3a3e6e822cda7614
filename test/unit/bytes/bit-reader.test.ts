import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BitReader } from '../../../src/bytes/bit-reader.ts';
import { codecError } from '../../../src/codecs/codec-error.ts';
import { assertProtocolError } from '../../support/errors.ts';

function reader(bits: string): BitReader {
  const bytes = bits.match(/.{1,8}/g)!.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2));
  return new BitReader(Buffer.from(bytes), codecError);
}

describe('BitReader', () => {
  test('reads numbers across bytes, most significant bit first', () => {
    const bits = reader('10110011100011110000111110000011');
    assert.deepEqual(
      [bits.bits(1), bits.bits(3), bits.bits(12), bits.bits(0), bits.bits(16)],
      [1, 3, 0x38f, 0, 0x0f83],
    );
    assert.equal(bits.remaining, 0);
  });

  test('reads 32 bits as an unsigned number, aligned or not', () => {
    assert.equal(reader('1'.repeat(32)).bits(32), 0xffffffff);
    const bits = reader(`0${'1'.repeat(32)}`);
    bits.skip(1);
    assert.equal(bits.bits(32), 0xffffffff);
    assert.equal(bits.position, 33);
  });

  test('reads Exp-Golomb codes (ISO/IEC 14496-10, table 9-2)', () => {
    const bits = reader('1 010 011 00100 00101 00110 00111 0001000'.replaceAll(' ', ''));
    assert.deepEqual(
      Array.from({ length: 8 }, () => bits.ue()),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
    const signed = reader('1 010 011 00100 00101'.replaceAll(' ', ''));
    assert.deepEqual(
      Array.from({ length: 5 }, () => signed.se()),
      [0, 1, -1, 2, -2],
    );
  });

  test('the longest code is 2^32 - 2, a longer one is refused', () => {
    assert.equal(reader(`${'0'.repeat(31)}1${'1'.repeat(31)}`).ue(), 2 ** 32 - 2);
    assertProtocolError(() => reader('0'.repeat(80)).ue(), 'NMS_PROTOCOL_CODEC', /longer than 32 bits/);
  });

  test('reading past the end says how much was missing and where', () => {
    const bits = reader('10101010');
    bits.skip(6);
    const error = assertProtocolError(() => bits.bits(3), 'NMS_PROTOCOL_CODEC', /3 bits needed, 2 left/);
    assert.equal(error.position, 0);
    assertProtocolError(() => bits.skip(3), 'NMS_PROTOCOL_CODEC', /3 bits needed, 2 left/);
    assert.equal(bits.bits(2), 2);
  });

  test('any division of the bits gives the same bits', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 32 }),
        fc.array(fc.integer({ min: 0, max: 32 })),
        (bytes, counts) => {
          const bits = new BitReader(Buffer.from(bytes), codecError);
          const expected = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
          let read = '';
          for (const count of counts) {
            if (count > bits.remaining) break;
            const value = bits.bits(count);
            if (count > 0) read += value.toString(2).padStart(count, '0');
          }
          assert.equal(read, expected.slice(0, read.length));
          assert.equal(bits.position, read.length);
        },
      ),
    );
  });
});
