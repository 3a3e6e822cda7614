import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StreamState } from '../../../../src/media/format.ts';
import type { AVPacket } from '../../../../src/media/packet.ts';
import { fromMillis, micros } from '../../../../src/media/time.ts';
import { encodeAmf0 } from '../../../../src/protocols/amf/amf0.ts';
import { FlvDemuxer } from '../../../../src/protocols/flv/flv-demuxer.ts';
import { type FlvFraming, frameUnit } from '../../../../src/protocols/flv/flv-framing.ts';
import { createFlvFormat, type FlvFormatOptions } from '../../../../src/protocols/flv/flv-muxer.ts';
import { FlvPacketReader } from '../../../../src/protocols/flv/flv-packet-reader.ts';
import { encodeTag } from '../../../../src/protocols/flv/flv-tag.ts';
import { hex } from '../../../vectors/amf.ts';
import { avcRecord, cc, idr, slice } from '../../../vectors/flv-bodies.ts';

const usual: FlvFormatOptions = { framing: 'plain', audio: true, video: true, tracks: 'all', hevc: 'as-is' };

const reader = new FlvPacketReader();
const [metadata] = reader.read('data', 0, encodeAmf0(['onMetaData', { a: 1 }]));
const [asc] = reader.read('audio', 0, hex('af00 1190'));
const [avcc] = reader.read('video', 0, hex(`17 00 000000 ${avcRecord}`));
const [key] = reader.read('video', 40, hex(`17 01 000000 ${idr}`));
const [inter] = reader.read('video', 80, hex(`27 01 000000 ${slice}`));
const [sound] = reader.read('audio', 85, hex('af01 2110'));

const both: StreamState = { tracks: reader.tracks, remembered: [metadata!, asc!, avcc!] };
const none: StreamState = { tracks: [], remembered: [] };

function tag(packet: AVPacket, timestampMs: number): Buffer {
  const type = packet.track.kind === 'audio' ? 8 : packet.track.kind === 'video' ? 9 : 18;
  return encodeTag({ type, timestampMs, body: packet.origin! });
}

function flags(stream: StreamState, options: Partial<FlvFormatOptions> = {}): number {
  const [header] = createFlvFormat({ ...usual, ...options })
    .createMuxer()
    .begin(stream, fromMillis(0));
  assert.equal(header!.length, 13);
  return header![4]!;
}

describe('the FLV format', () => {
  test('begins with the header, then what is remembered, stamped with the time of what follows', () => {
    const units = createFlvFormat(usual).createMuxer().begin(both, fromMillis(70_000));
    assert.deepEqual(units, [
      hex('464c5601 05 00000009 00000000'),
      // With another stamp FFmpeg takes onMetaData for a stream of subtitles.
      tag(metadata!, 0),
      tag(asc!, 70_000),
      tag(avcc!, 70_000),
    ]);
  });

  test('then one tag for each packet, stamped with its own time', () => {
    const muxer = createFlvFormat(usual).createMuxer();
    assert.deepEqual(
      [key, inter, sound].map((packet) => muxer.mux(packet!)),
      [tag(key!, 40), tag(inter!, 80), tag(sound!, 85)],
    );
  });

  test('each tag ends with its size and 11', () => {
    const unit = createFlvFormat(usual).createMuxer().mux(key!)!;
    assert.equal(unit.readUInt32BE(unit.length - 4), unit.length - 4);
    assert.equal(unit.readUInt32BE(unit.length - 4), key!.origin!.length + 11);
  });

  test('stamps above 24 bits have the high byte last; below zero and above 2^32 they wrap', () => {
    const muxer = createFlvFormat(usual).createMuxer();
    const stamp = (time: number) => muxer.mux(key!.at(micros(time)))!.toString('hex', 4, 8);
    assert.equal(stamp(0x01020304 * 1000), '02030401');
    assert.equal(stamp(0x1_0000_0005 * 1000), '00000500');
    assert.equal(stamp(-1000), 'ffffffff');
    assert.equal(stamp(1999), '00000100', 'rounded down');
  });

  test('flags tell the tracks there are and the kinds that are wanted', () => {
    const audio: StreamState = { tracks: [asc!.track], remembered: [asc!] };
    const video: StreamState = { tracks: [avcc!.track], remembered: [avcc!] };
    assert.deepEqual([flags(both), flags(audio), flags(video)], [5, 4, 1]);
    assert.deepEqual([flags(both, { audio: false }), flags(both, { video: false })], [1, 4]);
    assert.equal(flags(audio, { audio: false }), 0);
  });

  test('flags promise what is wanted while no track is known', () => {
    assert.deepEqual([flags(none), flags(none, { audio: false }), flags(none, { video: false })], [5, 1, 4]);
    const dataOnly: StreamState = { tracks: [metadata!.track], remembered: [metadata!] };
    assert.equal(flags(dataOnly), 5);
  });

  test('a kind that is not wanted has no units', () => {
    const muxer = createFlvFormat({ ...usual, audio: false }).createMuxer();
    assert.equal(muxer.mux(sound!), null);
    assert.notEqual(muxer.mux(key!), null);
    assert.deepEqual(
      muxer.begin(both, fromMillis(0)).map((unit) => unit[0]),
      [0x46, 18, 9],
    );
  });

  test('a message of several tracks is one unit, with the first packet of it', () => {
    const packets = new FlvPacketReader().read('audio', 0, hex(`95 11 ${cc.mp4a} 01 000001 aa 00 000001 bb`));
    const muxer = createFlvFormat(usual).createMuxer();
    assert.deepEqual(
      packets.map((packet) => muxer.mux(packet) !== null),
      [true, false],
    );
    assert.equal(packets[0]!.track.id, 0);
    const first = createFlvFormat({ ...usual, tracks: 'first' }).createMuxer();
    assert.deepEqual(
      packets.map((packet) => first.mux(packet)?.toString('hex', 11, 17) ?? null),
      [`91${cc.mp4a}bb`, null],
    );
  });

  test('its name tells its options, and it tells what a newcomer waits for', () => {
    const framings: readonly FlvFraming[] = ['plain', 'chunked', 'websocket'];
    const variants = framings.flatMap((framing) =>
      (
        [
          [true, true],
          [true, false],
          [false, true],
        ] as const
      ).flatMap(([audio, video]) =>
        (['all', 'first'] as const).flatMap((tracks) =>
          (['as-is', 'legacy', 'enhanced'] as const).map((hevc) => ({ framing, audio, video, tracks, hevc })),
        ),
      ),
    );
    const names = new Set(variants.map((options) => createFlvFormat(options).name));
    assert.equal(names.size, 54);
    assert.equal(createFlvFormat(usual).name, createFlvFormat({ ...usual }).name);
    const { needsTracks, hasVideo } = createFlvFormat(usual);
    assert.deepEqual(
      [needsTracks, hasVideo, createFlvFormat({ ...usual, video: false }).hasVideo],
      [true, true, false],
    );
  });

  for (const framing of ['chunked', 'websocket'] as const) {
    test(`${framing}: each unit is the plain unit in a frame of its own`, () => {
      const plain = createFlvFormat(usual).createMuxer();
      const framed = createFlvFormat({ ...usual, framing }).createMuxer();
      const expected = [
        ...plain.begin(both, fromMillis(7)),
        ...[key, inter, sound].map((packet) => plain.mux(packet!)!),
      ];
      const units = [
        ...framed.begin(both, fromMillis(7)),
        ...[key, inter, sound].map((packet) => framed.mux(packet!)!),
      ];
      assert.deepEqual(
        units,
        expected.map((unit) => frameUnit(framing, unit)),
      );
    });
  }

  test('units lie one behind the other, so that they leave as one piece without a copy', () => {
    for (const framing of ['plain', 'chunked', 'websocket'] as const) {
      const muxer = createFlvFormat({ ...usual, framing }).createMuxer();
      const [first, second] = [muxer.mux(key!)!, muxer.mux(sound!)!];
      assert.equal(first.buffer, second.buffer);
      assert.equal(first.byteOffset + first.length, second.byteOffset);
    }
  });

  test('large frames have the large heads', () => {
    for (const [length, head] of [
      [100, '827d'],
      [101, '827e007e'],
      [65510, '827effff'],
      [65511, '827f0000000000010000'],
    ] as const) {
      const [packet] = new FlvPacketReader().read('audio', 0, Buffer.concat([hex('af01'), Buffer.alloc(length + 8)]));
      const unit = createFlvFormat({ ...usual, framing: 'websocket' })
        .createMuxer()
        .mux(packet!)!;
      assert.equal(unit.toString('hex', 0, head.length / 2), head);
      assert.equal(unit.length, head.length / 2 + 15 + length + 10);
    }
  });

  test('what is written is read as the same packets', () => {
    const muxer = createFlvFormat(usual).createMuxer();
    const bytes = Buffer.concat([
      ...muxer.begin(both, fromMillis(40)),
      muxer.mux(key!)!,
      muxer.mux(inter!)!,
      muxer.mux(sound!)!,
    ]);
    const demuxer = new FlvDemuxer();
    demuxer.push(bytes);
    const packets: AVPacket[] = [];
    for (let list = demuxer.next(); list !== null; list = demuxer.next()) packets.push(...list);
    assert.deepEqual(
      packets.map(({ type, dts, track, data }) => [type, dts, track.codec, data.toString('hex')]),
      [metadata!, asc!.at(fromMillis(40)), avcc!.at(fromMillis(40)), key!, inter!, sound!].map(
        ({ type, dts, track, data }) => [type, dts, track.codec, data.toString('hex')],
      ),
    );
  });
});
