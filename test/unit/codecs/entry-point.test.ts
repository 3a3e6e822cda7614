import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEntryPoint } from '../../../src/codecs/entry-point.ts';
import type { CodecName } from '../../../src/media/packet.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

describe('isEntryPoint', () => {
  const cases: readonly [name: string, codec: CodecName, data: string, expected: boolean][] = [
    ['an IDR slice', 'avc', '00000002 6588', true],
    ['an IDR slice behind SEI', 'avc', '00000001 06 00000002 6588', true],
    ['another slice', 'avc', '00000002 4188', false],
    ['a length that does not fit', 'avc', '000000ff 6588', false],
    ['a length of 0', 'avc', '00000000 00000002 6588', false],
    ['nothing', 'avc', '', false],
    ['IDR_W_RADL', 'hevc', '00000002 2601', true],
    ['CRA', 'hevc', '00000002 2a01', true],
    ['TRAIL_R', 'hevc', '00000002 0201', false],
    ['a parameter set', 'hevc', '00000002 4001', false],
    ['IDR_W_RADL', 'vvc', '00000003 003900', true],
    ['CRA', 'vvc', '00000003 004900', true],
    ['a trailing picture', 'vvc', '00000003 000100', false],
    ['half a header', 'vvc', '00000001 00', false],
    ['a sequence header', 'av1', '12 00 0a 01 00 32 01 00', true],
    ['a frame alone', 'av1', '12 00 32 01 00', false],
    ['a key frame', 'vp8', '1002009d012a', true],
    ['an inter frame', 'vp8', '1102', false],
    ['a key frame', 'vp9', '82498342', true],
    ['an inter frame', 'vp9', '86', false],
    ['a frame shown again', 'vp9', '88', false],
    ['a key frame of profile 3', 'vp9', 'b0', true],
    ['an inter frame of profile 3', 'vp9', 'b2', false],
    ['no VP9 at all', 'vp9', '02', false],
    ['a codec without the notion', 'h263', 'ffff', false],
  ];
  for (const [name, codec, data, expected] of cases) {
    test(`${codec}: ${name} is ${expected ? '' : 'not '}one`, () => {
      assert.equal(isEntryPoint(codec, hex(data), null), expected);
    });
  }

  test('the record tells how long NAL lengths are', () => {
    const two = hex('0164000dfde1');
    assert.equal(isEntryPoint('avc', hex('0002 6588'), two), true);
    assert.equal(isEntryPoint('avc', hex('00000002 6588'), two), false);
    const hevc = Buffer.alloc(23);
    hevc[21] = 0xfc;
    assert.equal(isEntryPoint('hevc', hex('02 2601'), hevc), true);
    assert.equal(isEntryPoint('vvc', hex('0003 003900'), hex('fa')), true);
  });
});
