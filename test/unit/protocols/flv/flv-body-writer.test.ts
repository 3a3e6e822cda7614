import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AVPacket, type CodecName, type PacketType, type TrackKind } from '../../../../src/media/packet.ts';
import { micros } from '../../../../src/media/time.ts';
import { type BodyOptions, selectBody } from '../../../../src/protocols/flv/flv-body.ts';
import { FlvPacketReader } from '../../../../src/protocols/flv/flv-packet-reader.ts';
import { hex } from '../../../vectors/amf.ts';
import { audioVectors, avcRecord, cc, hevcRecord, idr, slice, videoVectors } from '../../../vectors/flv-bodies.ts';

const options: BodyOptions = { audio: true, video: true, tracks: 'all', hevc: 'as-is' };

interface Piece {
  readonly id?: number;
  readonly kind: TrackKind;
  readonly codec: CodecName;
  readonly type: PacketType;
  readonly cts?: number;
  readonly data: string;
}

/** A packet of a transport that is not of the FLV family. */
function packet({ id = 0, kind, codec, type, cts = 0, data }: Piece): AVPacket {
  const track = { id, kind, codec, config: null };
  return new AVPacket(track, type, micros(0), micros(cts * 1000), hex(data), null);
}

describe('bodies for packets of other transports', () => {
  const cases: readonly [piece: Piece, body: string][] = [
    [{ kind: 'video', codec: 'avc', type: 'config', data: avcRecord }, `17 00 000000 ${avcRecord}`],
    [{ kind: 'video', codec: 'avc', type: 'key', cts: 40, data: idr }, `17 01 000028 ${idr}`],
    [{ kind: 'video', codec: 'avc', type: 'frame', cts: -40, data: slice }, `27 01 ffffd8 ${slice}`],
    [{ kind: 'video', codec: 'avc', type: 'end', data: '' }, '17 02 000000'],
    [{ kind: 'video', codec: 'avc', type: 'frame', cts: 1e9, data: slice }, `27 01 7fffff ${slice}`],
    [{ kind: 'video', codec: 'hevc', type: 'config', data: hevcRecord }, `90 ${cc.hvc1} ${hevcRecord}`],
    [{ kind: 'video', codec: 'hevc', type: 'frame', cts: 1, data: slice }, `a1 ${cc.hvc1} 000001 ${slice}`],
    [{ kind: 'video', codec: 'hevc', type: 'color', data: '0200 0161' }, `94 ${cc.hvc1} 02000161`],
    [{ kind: 'video', codec: 'hevc', type: 'end', data: '' }, `92 ${cc.hvc1}`],
    [{ kind: 'video', codec: 'av1', type: 'key', data: '0a0100' }, `91 ${cc.av01} 0a0100`],
    [{ id: 2, kind: 'video', codec: 'avc', type: 'key', cts: 1, data: idr }, `96 01 ${cc.avc1} 02 000001 ${idr}`],
    [{ kind: 'audio', codec: 'aac', type: 'config', data: '1190' }, 'af 00 1190'],
    [{ kind: 'audio', codec: 'aac', type: 'frame', data: '2110' }, 'af 01 2110'],
    [{ kind: 'audio', codec: 'mp3', type: 'frame', data: 'fffb' }, '2f fffb'],
    [{ kind: 'audio', codec: 'g711a', type: 'frame', data: '01' }, '72 01'],
    [{ kind: 'audio', codec: 'opus', type: 'frame', data: 'fc' }, `91 ${cc.opus} fc`],
    [{ kind: 'audio', codec: 'opus', type: 'channels', data: '0102 00000003' }, `94 ${cc.opus} 010200000003`],
    [{ kind: 'audio', codec: 'aac', type: 'end', data: '' }, `92 ${cc.mp4a}`],
    [{ id: 1, kind: 'audio', codec: 'aac', type: 'config', data: '1190' }, `95 00 ${cc.mp4a} 01 1190`],
    [{ kind: 'data', codec: 'amf0', type: 'frame', data: '02000161' }, '02000161'],
  ];
  for (const [piece, body] of cases) {
    test(`${piece.kind} ${piece.id ?? 0} ${piece.codec} ${piece.type}`, () => {
      const written = selectBody(packet(piece), options);
      assert.equal(written?.toString('hex'), body.replaceAll(' ', ''));
    });
  }

  test('HEVC is written in the form that is wanted', () => {
    const hevc = packet({ kind: 'video', codec: 'hevc', type: 'key', cts: 2, data: idr });
    assert.equal(
      selectBody(hevc, { ...options, hevc: 'legacy' })!.toString('hex'),
      `1c01000002${idr.replaceAll(' ', '')}`,
    );
    assert.equal(selectBody(hevc, { ...options, hevc: 'enhanced' })![0], 0x91);
  });

  test('what FLV has no words for is nothing', () => {
    const none: readonly Piece[] = [
      { kind: 'video', codec: 'h263', type: 'key', data: '00' },
      { kind: 'video', codec: 'avc', type: 'other', data: '00' },
      { kind: 'audio', codec: 'pcm', type: 'frame', data: '00' },
      { kind: 'audio', codec: 'opus', type: 'other', data: '00' },
      { id: 1, kind: 'audio', codec: 'g711a', type: 'frame', data: '00' },
    ];
    for (const piece of none) assert.equal(selectBody(packet(piece), options), null);
  });

  test('what is written is read as the same packet', () => {
    for (const { kind, packets } of [...videoVectors, ...audioVectors]) {
      for (const { id = 0, codec, type, offset = 0, data } of packets) {
        const written = selectBody(packet({ id, kind, codec, type, cts: Math.floor(offset / 1000), data }), options);
        if (written === null) continue;
        const [again] = new FlvPacketReader().read(kind, 0, written);
        const { track } = again!;
        assert.deepEqual([track.id, track.codec, again!.data.toString('hex')], [id, codec, data.replaceAll(' ', '')]);
        assert.equal(again!.type, type);
      }
    }
  });
});
