import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AVPacket } from '../../../../src/media/packet.ts';
import { FlvPacketReader } from '../../../../src/protocols/flv/flv-packet-reader.ts';
import { assertProtocolError } from '../../../support/errors.ts';
import { hex } from '../../../vectors/amf.ts';
import { av1Record, avcRecord, cc, hevcRecord, idr, slice } from '../../../vectors/flv-bodies.ts';

const avcHeader = hex(`17 00 000000 ${avcRecord}`);
const aacHeader = hex('af 00 1190');
const key = hex(`17 01 000000 ${idr}`);
const inter = hex(`27 01 000000 ${slice}`);
const sound = hex('af 01 2110');

function one(packets: readonly AVPacket[]): AVPacket {
  assert.equal(packets.length, 1);
  return packets[0]!;
}

/** Milliseconds of the packets that a list of stamped bodies makes. */
function times(
  reader: FlvPacketReader,
  list: readonly (readonly ['audio' | 'video' | 'data', number, Buffer])[],
): number[] {
  return list.flatMap(([kind, time, body]) => reader.read(kind, time, body).map((packet) => packet.dts / 1000));
}

describe('tracks', () => {
  test('a configuration makes a track, frames belong to it', () => {
    const reader = new FlvPacketReader();
    const config = one(reader.read('video', 0, avcHeader));
    assert.equal(config.track.config!.toString('hex'), avcRecord);
    assert.deepEqual(reader.tracks, [config.track]);
    assert.equal(one(reader.read('video', 0, key)).track, config.track);
    assert.equal(one(reader.read('video', 40, inter)).track, config.track);
  });

  test('frames without a configuration have a track without one', () => {
    const reader = new FlvPacketReader();
    const first = one(reader.read('audio', 0, sound));
    assert.deepEqual(first.track, { id: 0, kind: 'audio', codec: 'aac', config: null });
    assert.equal(one(reader.read('audio', 23, sound)).track, first.track);
    const config = one(reader.read('audio', 23, aacHeader));
    assert.notEqual(config.track, first.track);
    assert.equal(one(reader.read('audio', 46, sound)).track, config.track);
    assert.deepEqual(reader.tracks, [config.track]);
  });

  test('the same configuration again keeps the track, another makes a new one', () => {
    const reader = new FlvPacketReader();
    const first = one(reader.read('audio', 0, aacHeader)).track;
    const again = one(reader.read('audio', 0, Buffer.from(aacHeader)));
    assert.equal(again.type, 'config');
    assert.equal(again.track, first);
    const changed = one(reader.read('audio', 0, hex('af 00 1210'))).track;
    assert.notEqual(changed, first);
    assert.equal(changed.config!.toString('hex'), '1210');
    assert.deepEqual(reader.tracks, [changed]);
  });

  test('audio and video with one id are two tracks, in the order they came', () => {
    const reader = new FlvPacketReader();
    reader.read('audio', 0, aacHeader);
    reader.read('video', 0, avcHeader);
    assert.deepEqual(
      reader.tracks.map(({ kind }) => kind),
      ['audio', 'video'],
    );
  });

  test('another codec replaces the track and its configuration', () => {
    const reader = new FlvPacketReader();
    reader.read('audio', 0, aacHeader);
    const frame = one(reader.read('audio', 0, hex('2f fffb5400')));
    assert.deepEqual(frame.track, { id: 0, kind: 'audio', codec: 'mp3', config: null });
    assert.deepEqual(reader.tracks, [frame.track]);
  });

  test('silence and commands belong to the track there is', () => {
    const reader = new FlvPacketReader();
    const audio = one(reader.read('audio', 0, aacHeader)).track;
    const video = one(reader.read('video', 0, avcHeader)).track;
    assert.equal(one(reader.read('audio', 0, Buffer.alloc(0))).track, audio);
    assert.equal(one(reader.read('video', 0, hex('57 00'))).track, video);
    assert.equal(one(reader.read('video', 0, hex('d1 00'))).track, video);
    assert.deepEqual(reader.tracks, [audio, video]);
  });

  test('what is not understood makes no track and harms none', () => {
    const reader = new FlvPacketReader();
    assert.equal(one(reader.read('video', 0, hex(`91 ${cc.unknown} 00`))).track.codec, 'unknown');
    assert.deepEqual(reader.tracks, []);
    const video = one(reader.read('video', 0, avcHeader)).track;
    assert.equal(one(reader.read('video', 0, hex(`91 ${cc.unknown} 00`))).track.codec, 'unknown');
    assert.deepEqual(reader.tracks, [video]);
  });

  test('colour may come before the configuration (OBS)', () => {
    const reader = new FlvPacketReader();
    const color = one(reader.read('video', 0, hex(`84 ${cc.hvc1} 020009636f6c6f72496e666f 05`)));
    assert.deepEqual([color.type, color.track.codec, color.track.config], ['color', 'hevc', null]);
    const config = one(reader.read('video', 0, hex(`90 ${cc.hvc1} ${hevcRecord}`)));
    assert.deepEqual(reader.tracks, [config.track]);
  });

  test('colour of another codec, which FFmpeg 8 sends without its track id, is of the track of that codec', () => {
    const reader = new FlvPacketReader();
    const video = one(reader.read('video', 0, avcHeader)).track;
    const color = hex(`d4 ${cc.hvc1} 020009636f6c6f72496e666f 05`);
    const early = one(reader.read('video', 0, color));
    assert.deepEqual([early.type, early.track], ['other', { id: 0, kind: 'video', codec: 'unknown', config: null }]);
    assert.deepEqual(reader.tracks, [video]);

    const second = one(reader.read('video', 0, hex(`96 00 ${cc.hvc1} 02 ${hevcRecord}`))).track;
    const late = one(reader.read('video', 0, color));
    assert.deepEqual([late.type, late.track], ['color', second]);
    assert.deepEqual(reader.tracks, [video, second]);
    assert.equal(one(reader.read('video', 0, key)).track, video);
  });

  test('an end of another codec ends no track but one of that codec', () => {
    const reader = new FlvPacketReader();
    const video = one(reader.read('video', 0, avcHeader)).track;
    assert.equal(one(reader.read('video', 0, hex(`92 ${cc.av01}`))).type, 'other');
    assert.equal(one(reader.read('video', 0, hex(`92 ${cc.avc1}`))).track, video);
  });

  test('HEVC in the clothes of AVC (OBS before 29.1) stays HEVC, and AVC may follow', () => {
    const reader = new FlvPacketReader();
    reader.read('video', 0, hex(`17 00 000000 ${hevcRecord}`));
    assert.equal(one(reader.read('video', 0, hex('17 01 000000 00000003 260100'))).track.codec, 'hevc');
    assert.equal(one(reader.read('video', 0, hex('17 02 000000'))).track.codec, 'hevc');
    reader.read('video', 0, avcHeader);
    assert.equal(one(reader.read('video', 0, key)).track.codec, 'avc');
  });

  test('an AVC record that cannot be read, but is no HEVC record either, stays AVC', () => {
    const record = '0142c00dffe10019 00'.padEnd(60, '0');
    assert.equal(one(new FlvPacketReader().read('video', 0, hex(`17 00 000000 ${record}`))).track.codec, 'avc');
  });

  test('the size of NAL lengths is taken from the record when frames are looked into', () => {
    const reader = new FlvPacketReader();
    reader.read('video', 0, hex(`90 ${cc.avc1} ${avcRecord.replace('0142c00dff', '0142c00dfd')}`));
    assert.equal(one(reader.read('video', 0, hex(`83 ${cc.avc1} 0002 6588`))).type, 'key');
    assert.equal(one(reader.read('video', 0, hex(`83 ${cc.avc1} 0002 4188`))).type, 'frame');
  });

  test('packets of one message share its body and follow each other', () => {
    const body = hex(`96 10 ${cc.av01} 01 000011 ${av1Record} 00 000011 ${av1Record}`);
    const packets = new FlvPacketReader().read('video', 0, body);
    assert.deepEqual(
      packets.map(({ track }) => track.id),
      [0, 1],
    );
    const [{ origin: shared }] = packets as [AVPacket];
    assert.deepEqual(shared, body);
    assert.ok(packets.every(({ origin, track }) => origin === shared && track.config?.toString('hex') === av1Record));
  });

  test('a message that is refused in the middle changes no track', () => {
    const reader = new FlvPacketReader();
    assertProtocolError(
      () => reader.read('audio', 0, hex(`95 10 ${cc.mp4a} 00 000002 1190 01 000001 11`)),
      'NMS_PROTOCOL_FLV',
    );
    assert.deepEqual(reader.tracks, []);
  });

  test('a header is bounded by maxCommandBytes, a frame is not', () => {
    const reader = new FlvPacketReader({ maxCommandBytes: 20 });
    const padded = (packetType: string) => hex(`95 0${packetType} ${cc.mp4a} 01 ${'11'.repeat(20)}`);
    assertProtocolError(
      () => reader.read('audio', 0, padded('0')),
      'NMS_PROTOCOL_FLV',
      /header in a body of 27 bytes exceeds maxCommandBytes 20/,
    );
    assert.deepEqual(reader.tracks, []);
    assert.equal(one(reader.read('audio', 0, padded('1'))).type, 'frame');
  });

  test('maxTracks is for all kinds together; what makes no new track still passes', () => {
    const reader = new FlvPacketReader({ maxTracks: 3 });
    reader.read('video', 0, avcHeader);
    reader.read('audio', 0, hex(`95 11 ${cc.mp4a} 00 000000 01 000000`));
    const more = hex(`95 01 ${cc.mp4a} 02 00`);
    assertProtocolError(() => reader.read('audio', 0, more), 'NMS_PROTOCOL_FLV', /track 4 exceeds maxTracks 3/);
    assert.equal(reader.tracks.length, 3);
    assert.equal(one(reader.read('audio', 0, sound)).type, 'frame');
  });
});

describe('the clock', () => {
  test('the first media value is taken as it is, whatever it is', () => {
    for (const start of [0, 20_000_000, 2 ** 31, 2 ** 32 - 4000]) {
      const reader = new FlvPacketReader();
      assert.deepEqual(
        times(reader, [
          ['video', start, key],
          ['audio', (start + 23) >>> 0, sound],
          ['video', (start + 40) >>> 0, inter],
        ]),
        [start, start + 23, start + 40],
      );
    }
  });

  test('it goes on past 2^32 milliseconds, again and again', () => {
    const reader = new FlvPacketReader();
    let time = 2 ** 32 - 100;
    for (let turn = 0; turn < 10; turn++) {
      assert.deepEqual(times(reader, [['audio', time >>> 0, sound]]), [time]);
      time += 2 ** 30;
    }
    assert.ok(time > 2 ** 33);
  });

  test('a step back is a step back, also over the wrap', () => {
    const reader = new FlvPacketReader();
    const list = [
      ['video', 10, key],
      ['audio', 2 ** 32 - 10, sound],
      ['video', 50, inter],
    ] as const;
    assert.deepEqual(times(reader, list), [10, -10, 50]);
  });

  test('audio at 0 and video behind an offset keep their distance', () => {
    assert.deepEqual(
      times(new FlvPacketReader(), [
        ['audio', 0, sound],
        ['video', 5000, key],
        ['audio', 23, sound],
      ]),
      [0, 5000, 23],
    );
  });

  test('headers, colour, ends, data and silence do not move it', () => {
    const reader = new FlvPacketReader();
    reader.read('video', 0, avcHeader);
    assert.deepEqual(times(reader, [['video', 3_000_000_000, key]]), [3_000_000_000]);
    const still: readonly (readonly ['audio' | 'video' | 'data', Buffer])[] = [
      ['video', avcHeader],
      ['audio', aacHeader],
      ['video', hex('17 02 000000')],
      ['video', hex(`84 ${cc.avc1} 020009636f6c6f72496e666f 05`)],
      ['audio', hex(`94 ${cc.mp4a} 0000`)],
      ['audio', Buffer.alloc(0)],
      ['video', hex('57 00')],
      ['data', hex('02 000a 6f6e4d65746144617461 08 00000000 000009')],
      ['data', hex('02 0001 61')],
    ];
    for (const [kind, body] of still) assert.equal(reader.read(kind, 0, body).length, 1);
    assert.deepEqual(times(reader, [['video', 3_000_000_040, inter]]), [3_000_000_040]);
  });

  test('before the first media value headers are stamped as they say', () => {
    assert.deepEqual(
      times(new FlvPacketReader(), [
        ['video', 700, avcHeader],
        ['video', 20, key],
      ]),
      [700, 20],
    );
  });

  test('presentation is decoding plus composition, in microseconds', () => {
    const packet = one(
      new FlvPacketReader().read('video', 2 ** 32 - 1, hex(`97 02 0f423f 01 ${cc.hvc1} ffffff ${idr}`)),
    );
    assert.equal(packet.dts, 4_294_967_295_000);
    assert.equal(packet.pts, 4_294_967_295_000 - 1000 + 999);
  });
});
