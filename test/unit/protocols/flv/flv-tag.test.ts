import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeFlvHeader,
  decodeTagHeader,
  encodeFlvHeader,
  encodeTag,
  flvTagType,
} from '../../../../src/protocols/flv/flv-tag.ts';
import { assertProtocolError } from '../../../support/errors.ts';
import { hex } from '../../../vectors/amf.ts';

const headers: readonly [hasAudio: boolean, hasVideo: boolean, bytes: string][] = [
  [true, true, '464c5601 05 00000009 00000000'],
  [true, false, '464c5601 04 00000009 00000000'],
  [false, true, '464c5601 01 00000009 00000000'],
  [false, false, '464c5601 00 00000009 00000000'],
];

const tags: readonly [name: string, type: number, timestampMs: number, body: string, bytes: string][] = [
  ['audio', 8, 0, 'af01', '08 000002 000000 00 000000 af01 0000000d'],
  ['video of no bytes', 9, 1, '', '09 000000 000001 00 000000 0000000b'],
  ['data', 18, 0xffffff, '02', '12 000001 ffffff 00 000000 02 0000000c'],
  ['a stamp beyond 24 bits: the high byte comes last', 9, 0x01020304, '', '09 000000 020304 01 000000 0000000b'],
  ['the last stamp', 9, 0xffffffff, '', '09 000000 ffffff ff 000000 0000000b'],
];

describe('the FLV header', () => {
  for (const [hasAudio, hasVideo, bytes] of headers) {
    test(`audio ${hasAudio}, video ${hasVideo}`, () => {
      assert.deepEqual(encodeFlvHeader({ hasAudio, hasVideo }), hex(bytes));
      assert.deepEqual(decodeFlvHeader(hex(bytes)), { hasAudio, hasVideo, headerBytes: 9 });
    });
  }

  test('its size may be more than 9', () => {
    assert.equal(decodeFlvHeader(hex('464c5601 05 00000010')).headerBytes, 16);
    assert.equal(decodeFlvHeader(hex('464c5601 05 00010000')).headerBytes, 65536);
  });

  test('a size below 9, or without bounds, is refused', () => {
    assertProtocolError(
      () => decodeFlvHeader(hex('464c5601 05 00000008')),
      'NMS_PROTOCOL_FLV',
      /header size 8, 9 to 65536 allowed/,
    );
    assertProtocolError(
      () => decodeFlvHeader(hex('464c5601 05 ffffffff')),
      'NMS_PROTOCOL_FLV',
      /header size 4294967295/,
    );
  });

  test('what is something else is refused', () => {
    assertProtocolError(() => decodeFlvHeader(hex('474554202f 00000009')), 'NMS_PROTOCOL_FLV', /signature 474554/);
    assertProtocolError(() => decodeFlvHeader(hex('464c56')), 'NMS_PROTOCOL_FLV', /3 bytes, 9 needed/);
  });
});

describe('FLV tags', () => {
  for (const [name, type, timestampMs, body, bytes] of tags) {
    test(name, () => {
      assert.equal(encodeTag({ type, timestampMs, body: hex(body) }).toString('hex'), hex(bytes).toString('hex'));
      assert.deepEqual(decodeTagHeader(hex(bytes)), { type, isFiltered: false, size: hex(body).length, timestampMs });
    });
  }

  test('the filter bit and the reserved bits are not of the type', () => {
    assert.deepEqual(decodeTagHeader(hex('29 000000 000000 00 000000')), {
      type: 9,
      isFiltered: true,
      size: 0,
      timestampMs: 0,
    });
    assert.equal(decodeTagHeader(hex('d2 000000 000000 00 000000')).type, flvTagType.data);
  });

  test('stamps are written modulo 2^32', () => {
    const stamp = (timestampMs: number) =>
      decodeTagHeader(encodeTag({ type: 8, timestampMs, body: Buffer.alloc(0) })).timestampMs;
    assert.equal(stamp(2 ** 32 + 5), 5);
    assert.equal(stamp(-1), 0xffffffff);
  });

  test('any tag is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(8, 9, 15, 18),
        fc.nat({ max: 0xffffffff }),
        fc.uint8Array({ maxLength: 300 }),
        (type, timestampMs, body) => {
          const bytes = encodeTag({ type, timestampMs, body: Buffer.from(body) });
          assert.deepEqual(decodeTagHeader(bytes), { type, isFiltered: false, size: body.length, timestampMs });
          assert.deepEqual(bytes.subarray(11, -4), Buffer.from(body));
          assert.equal(bytes.readUInt32BE(bytes.length - 4), 11 + body.length);
        },
      ),
    );
  });
});
