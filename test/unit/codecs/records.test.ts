import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeAacConfig } from '../../../src/codecs/aac.ts';
import { decodeAc3Header } from '../../../src/codecs/ac3.ts';
import { decodeAv1Record, decodeAv1SequenceHeader, findSequenceHeader } from '../../../src/codecs/av1.ts';
import { decodeAvcRecord, decodeAvcSps } from '../../../src/codecs/avc.ts';
import { decodeFlacStreamInfo } from '../../../src/codecs/flac.ts';
import { decodeHevcRecord, decodeHevcSps } from '../../../src/codecs/hevc.ts';
import { decodeMp3Header } from '../../../src/codecs/mp3.ts';
import { unescapeNal } from '../../../src/codecs/nal.ts';
import { decodeOpusHead } from '../../../src/codecs/opus.ts';
import { decodeVpxRecord } from '../../../src/codecs/vpx.ts';
import { decodeVvcRecord } from '../../../src/codecs/vvc.ts';
import { assertProtocolError } from '../../support/errors.ts';
import { codecVectors } from '../../vectors/codecs.ts';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function recordOf(codec: string): Buffer {
  return hex(codecVectors.find((vector) => vector.codec === codec)!.config!);
}

describe('decoder configuration records', () => {
  test('an AVC record gives its parameter sets and the size of its lengths', () => {
    const record = decodeAvcRecord(recordOf('avc'));
    assert.equal(record.lengthSize, 4);
    assert.deepEqual([record.profile, record.compatibility, record.level], [100, 0, 13]);
    assert.deepEqual(record.sps.map(String), [String(recordOf('avc').subarray(8, 34))]);
    assert.equal(record.pps.length, 1);
    assert.equal(record.pps[0]!.toString('hex'), '68ebe3cb22c0');
  });

  test('a HEVC record gives its NAL units with their types', () => {
    const record = decodeHevcRecord(recordOf('hevc'));
    assert.deepEqual(
      record.nalUnits.map(({ type, nal }) => [type, nal.length]),
      [
        [32, 24],
        [33, 42],
        [34, 7],
      ],
    );
    assert.equal(record.lengthSize, 4);
    assert.equal(record.constraints.toString('hex'), '900000000000');
    assert.deepEqual(decodeHevcSps(record.nalUnits[1]!.nal), { width: 1920, height: 1080 });
  });

  test('a VVC record may leave its profile to the parameter sets', () => {
    assert.deepEqual(decodeVvcRecord(hex('fe 00')), { lengthSize: 4, native: null });
  });

  test('an AV1 sequence header with timing tells the frame rate', () => {
    // timing_info of 1001/30000 with equal pictures, no decoder model, one operating point of level 8, 1280x720.
    const payload = bits(
      '000 0 0 1',
      number(1001, 32),
      number(30000, 32),
      '1 1 0 0 00000',
      '000000000000 01000 0',
      '1010 1001',
      number(1279, 11),
      number(719, 10),
    );
    const { frameRate, ...header } = decodeAv1SequenceHeader(payload);
    assert.deepEqual(header, { profile: 0, level: 8, width: 1280, height: 720 });
    assert.equal(frameRate, 30000 / 1001);
  });

  test('an AV1 sequence header with a decoder model and delays is read past them', () => {
    const payload = bits(
      '001 0 0 1',
      number(1, 32),
      number(25, 32),
      '0 1 00111',
      number(1, 32),
      '00000 00000',
      '1 00001',
      '000000000000 00101 1 00000000 00000000 0 1 0000',
      '000000000000 00101 0 0',
      '0111 0111 11111111 10000000',
    );
    assert.deepEqual(decodeAv1SequenceHeader(payload), {
      profile: 1,
      level: 5,
      width: 256,
      height: 129,
      frameRate: null,
    });
  });

  test('an AV1 still picture has a reduced header', () => {
    const payload = bits('000 1 1 00100', '0011 0011 1111 0111');
    assert.deepEqual(decodeAv1SequenceHeader(payload), { profile: 0, level: 4, width: 16, height: 8, frameRate: null });
  });

  test('the sequence header is found behind other units, with extensions and without a size', () => {
    assert.equal(findSequenceHeader(hex('12 00 0a 01 aa'))!.toString('hex'), 'aa');
    assert.equal(findSequenceHeader(hex('36 00 02 0000 08 aabb'))!.toString('hex'), 'aabb');
    assert.equal(findSequenceHeader(hex('32 02 0000')), null);
    assert.equal(findSequenceHeader(hex('32 05 00')), null);
    assert.equal(findSequenceHeader(hex('0a ffffffffffffffffff')), null);
    assert.equal(findSequenceHeader(hex('0a ff')), null);
    assert.equal(findSequenceHeader(Buffer.alloc(0)), null);
  });

  test('emulation prevention is taken out, other threes stay', () => {
    assert.equal(unescapeNal(hex('67 000003 01 0003 000003 000003 03')).toString('hex'), '670000010003000000' + '0003');
  });

  test('AVC parameter sets of other picture orders, scaling lists and aspect ratios are read', () => {
    // High, scaling matrix with one list that ends at once, picture order type 1 with a cycle of 2, extended aspect ratio.
    const sps = bits(
      '01100111 01100100 00000000 00101000',
      // Chroma 4:2:0, the first scaling list present with a delta of -8.
      '1 010 1 1 0 1',
      '1 000010001 0000000',
      // Picture order type 1, two frames in its cycle.
      '1 010 0 1 1 011 1 1',
      '1 0 000010100 00000101100 1 1 0',
      // VUI: aspect ratio 1:1 in full, overscan, colours, chroma location, timing.
      '1',
      '1 11111111 0000000000000001 0000000000000001',
      '1 1',
      '1 101 1 1 00000001 00000001 00000001',
      '1 1 1',
      '1',
      number(1, 32),
      number(100, 32),
      '1',
    );
    const { width, height, frameRate } = decodeAvcSps(sps);
    assert.deepEqual({ width, height, frameRate }, { width: 320, height: 704, frameRate: 50 });
  });

  test('AVC scaling lists of 8x8 are four times as long as those of 4x4', () => {
    const sps = bits(
      '01100111 01100100 00000000 00101000',
      '1 010 1 1 0 1',
      `1 ${'1'.repeat(16)} 00000 1 ${'1'.repeat(64)} 0`,
      '1 1 1 1 0 000010100 00000101100 1 1 0 0 1',
    );
    const { width, height, frameRate } = decodeAvcSps(sps);
    assert.deepEqual({ width, height, frameRate }, { width: 320, height: 704, frameRate: null });
  });

  test('a HEVC parameter set with sub-layers is read past their profiles and levels', () => {
    const sps = bits(
      '0100001000000001 0000 010 1',
      '0'.repeat(96),
      '11 01 000000000000',
      '0'.repeat(88 + 8 + 8),
      '1 010',
      '0000000001010000001 0000000001011010001 0',
    );
    assert.deepEqual(decodeHevcSps(sps), { width: 640, height: 720 });
  });

  test('the GASpecificConfig of scalable and error resilient AAC is read past', () => {
    const config = bits('10001 0110 0010', '0 1 00000000000000 1', '000 0', '01010110111 00101 1 0011');
    assert.deepEqual(decodeAacConfig(config), {
      objectType: 17,
      sampleRate: 48000,
      channels: 2,
      hasSbr: true,
      hasPs: false,
    });
  });

  test('a program config element without channels leaves their number open, though all else is told', () => {
    const config = bits(
      '10011 0000 0000',
      '0 0 0',
      '0000 00 0000',
      '0000 0000 0000 00 000 0000',
      '0 0 0',
      '0000000',
      '00000000',
    );
    const { sampleRate, channels } = decodeAacConfig(config);
    assert.deepEqual([sampleRate, channels], [96000, null]);
  });

  test('object types above 31 are escaped', () => {
    assert.equal(decodeAacConfig(bits('11111 001010 0011 0010 0000')).objectType, 42);
  });

  const refused: readonly [name: string, run: () => unknown, message: RegExp][] = [
    ['an AVC record of another version', () => decodeAvcRecord(hex('0064001fffe10000')), /AVC record version 0/],
    [
      'an AVC record whose parameter set is something else',
      () => decodeAvcRecord(hex('0164001fffe1000165')),
      /NAL type 5, not 7/,
    ],
    [
      'an AVC record that ends in a parameter set',
      () => decodeAvcRecord(hex('0164001fffe1001067')),
      /16 bytes needed, 1 left/,
    ],
    ['an AVC picture of no size', () => decodeAvcSps(hex('674d401fe8f8')), /bits needed|picture of/],
    [
      'an AVC picture wider than any level has',
      () =>
        decodeAvcSps(bits('01100111 01000010 00000000 00101000', '1 1 1 1 1 0 0000000000001001110001000 1 1 1 0 0 1')),
      /picture of 80000x16/,
    ],
    ['a HEVC record of another version', () => decodeHevcRecord(Buffer.alloc(23, 2)), /HEVC record version 2/],
    [
      'a HEVC record that promises more units',
      () => decodeHevcRecord(Buffer.concat([Buffer.alloc(22), hex('01 20 0001 0010')])),
      /16 bytes needed/,
    ],
    ['an AV1 record without marker', () => decodeAv1Record(hex('01000000')), /marker/],
    ['an AV1 record of another version', () => decodeAv1Record(hex('82000000')), /version 2/],
    ['a VP9 record of profile 4', () => decodeVpxRecord(hex('0400000000000000')), /profile 4/],
    ['AAC of a reserved rate', () => decodeAacConfig(hex('1690')), /index 13 is reserved/],
    ['AAC of no rate', () => decodeAacConfig(bits('00010 1111 000000000000000000000000 0010 0000')), /0 Hz/],
    ['OpusHead of another magic', () => decodeOpusHead(Buffer.alloc(19)), /no "OpusHead"/],
    ['OpusHead cut short', () => decodeOpusHead(Buffer.from('OpusHead')), /OpusHead of 8 bytes/],
    ['OpusHead of no channels', () => decodeOpusHead(hex('4f7075734865616401003801 80bb000000000000')), /0 channels/],
    [
      'a FLAC block that is not STREAMINFO',
      () => decodeFlacStreamInfo(Buffer.concat([Buffer.from('fLaC'), hex('04000022'), Buffer.alloc(34)])),
      /not STREAMINFO/,
    ],
    ['STREAMINFO cut short', () => decodeFlacStreamInfo(Buffer.alloc(20, 1)), /bits needed/],
    ['STREAMINFO without a rate', () => decodeFlacStreamInfo(Buffer.alloc(34)), /sample rate of 0/],
    ['MPEG audio without sync', () => decodeMp3Header(hex('00fb5400')), /sync/],
    ['MPEG audio of a reserved layer', () => decodeMp3Header(hex('fff95400')), /reserved/],
    ['MPEG audio cut short', () => decodeMp3Header(hex('fffb')), /2 bytes/],
    ['AC-3 without sync', () => decodeAc3Header(Buffer.alloc(8)), /sync word 0/],
    ['AC-3 of a reserved rate', () => decodeAc3Header(hex('0b770000c0400000')), /fscod 3/],
    ['AC-3 of the future', () => decodeAc3Header(hex('0b77000000880000')), /bsid 17/],
    ['E-AC-3 of a reserved rate', () => decodeAc3Header(hex('0b770000f0800000')), /fscod2 3/],
  ];
  for (const [name, run, message] of refused) {
    test(`refuses ${name}`, () => {
      assertProtocolError(run, 'NMS_PROTOCOL_CODEC', message);
    });
  }

  test('AC-3 of bsid 10 has a quarter of the rate', () => {
    assert.equal(decodeAc3Header(hex('0b77 0000 00 50 40 00')).sampleRate, 12000);
  });

  test('MPEG audio of versions 2 and 2.5 halves and quarters the rate', () => {
    assert.deepEqual(decodeMp3Header(hex('fff3 8400')), { version: 2, layer: 3, sampleRate: 24000, channels: 2 });
    assert.deepEqual(decodeMp3Header(hex('ffe3 8800')), { version: 2.5, layer: 3, sampleRate: 8000, channels: 2 });
    assert.deepEqual(decodeMp3Header(hex('fffd 84c0')), { version: 1, layer: 2, sampleRate: 48000, channels: 1 });
  });
});

function number(value: number, count: number): string {
  return value.toString(2).padStart(count, '0');
}

/** Groups of bits, filled up to whole bytes. */
function bits(...groups: readonly string[]): Buffer {
  const all = groups.join('').replaceAll(' ', '');
  const bytes = all.match(/.{1,8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)));
}
