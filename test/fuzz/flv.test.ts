import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AVPacket } from '../../src/media/packet.ts';
import { fromMillis } from '../../src/media/time.ts';
import { encodeAmf0 } from '../../src/protocols/amf/amf0.ts';
import { splitAggregate } from '../../src/protocols/flv/aggregate.ts';
import { type BodyOptions, selectBody, selectRemembered } from '../../src/protocols/flv/flv-body.ts';
import { FlvDemuxer } from '../../src/protocols/flv/flv-demuxer.ts';
import { createFlvFormat } from '../../src/protocols/flv/flv-muxer.ts';
import { type FlvBodyKind, FlvPacketReader } from '../../src/protocols/flv/flv-packet-reader.ts';
import { encodeFlvHeader, encodeTag } from '../../src/protocols/flv/flv-tag.ts';
import { orProtocolError } from '../support/errors.ts';
import { mutated } from '../support/mutated.ts';
import { hex } from '../vectors/amf.ts';
import { audioVectors, refusedVectors, videoVectors } from '../vectors/flv-bodies.ts';

const kinds: readonly FlvBodyKind[] = ['audio', 'video', 'data', 'data-amf3'];
const options: fc.Arbitrary<BodyOptions> = fc.record({
  audio: fc.boolean(),
  video: fc.boolean(),
  tracks: fc.constantFrom('all', 'first'),
  hevc: fc.constantFrom('as-is', 'legacy', 'enhanced'),
});

const bodiesOf = (kind: 'audio' | 'video') =>
  [...videoVectors, ...audioVectors, ...refusedVectors]
    .filter((vector) => vector.kind === kind)
    .map(({ body }) => hex(body))
    .filter(({ length }) => length < 1000);

const dataBodies = [
  encodeAmf0(['@setDataFrame', 'onMetaData', { duration: 1, width: 2, keyframes: { times: [1, 2] } }]),
  encodeAmf0(['onMetaData', { width: 2, list: [null, undefined, 'x'] }]),
  hex('02 000a 6f6e4d65746144617461 11 0a0b 01 0361 0405 01'),
  encodeAmf0(['onCuePoint', { a: 1 }]),
];

/** A message of any kind: a valid one with changed bytes, more often than bytes without sense. */
const message: fc.Arbitrary<{ kind: FlvBodyKind; body: Buffer; timestampMs: number }> = fc
  .tuple(
    fc.oneof(
      mutated(bodiesOf('video')).map((body) => ({ kind: 'video' as FlvBodyKind, body })),
      mutated(bodiesOf('audio')).map((body) => ({ kind: 'audio' as FlvBodyKind, body })),
      fc
        .tuple(fc.constantFrom<FlvBodyKind>('data', 'data-amf3'), mutated(dataBodies))
        .map(([kind, body]) => ({ kind, body })),
      fc
        .tuple(fc.constantFrom(...kinds), fc.uint8Array({ maxLength: 60 }))
        .map(([kind, bytes]) => ({ kind, body: Buffer.from(bytes) })),
    ),
    fc.oneof(fc.nat({ max: 0xffffffff }), fc.constantFrom(0, 0x7fffffff, 0x80000000, 0xffffffff)),
  )
  .map(([{ kind, body }, timestampMs]) => ({ kind, body, timestampMs }));

function isView(packet: AVPacket): boolean {
  const { data, origin } = packet;
  if (origin === null || data.buffer !== origin.buffer) return false;
  return data.byteOffset >= origin.byteOffset && data.byteOffset + data.length <= origin.byteOffset + origin.length;
}

describe('FLV, whatever comes', () => {
  test('any sequence of bodies makes packets or is refused, and what was read can be sent', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), options, (messages, want) => {
        const reader = new FlvPacketReader({ maxTracks: 4 });
        const muxer = createFlvFormat({ ...want, framing: 'plain' }).createMuxer();
        const headers: AVPacket[] = [];
        for (const { kind, body, timestampMs } of messages) {
          const packets = orProtocolError(() => reader.read(kind, timestampMs, body)) ?? [];
          for (const packet of packets) {
            assert.ok(isView(packet), 'the payload is a view of the body');
            assert.ok(Number.isSafeInteger(packet.dts) && Number.isSafeInteger(packet.pts));
            const unit = muxer.mux(packet);
            assert.ok(unit === null || unit.length >= 15);
            if (packet.isHeader) headers.push(packet);
          }
          assert.ok(reader.tracks.length <= 4);
        }
        assert.ok(selectRemembered(headers, want).length <= headers.length);
        assert.ok(muxer.begin({ tracks: reader.tracks, remembered: headers }, fromMillis(0)).length >= 1);
      }),
      { numRuns: 1500 },
    );
  });

  test('what the first-track selection gives is read again as the same packet of track 0', () => {
    fc.assert(
      fc.property(message, ({ kind, body, timestampMs }) => {
        for (const packet of orProtocolError(() => new FlvPacketReader().read(kind, timestampMs, body)) ?? []) {
          const single = selectBody(packet, { audio: true, video: true, tracks: 'first', hevc: 'as-is' });
          if (single === null || packet.track.kind === 'data') continue;
          const [again, ...more] = new FlvPacketReader().read(packet.track.kind, timestampMs, single);
          assert.deepEqual(more, []);
          assert.deepEqual(
            [again!.type, again!.track.codec, again!.pts],
            [packet.type, packet.track.codec, packet.pts],
          );
          assert.ok(again!.data.equals(packet.data));
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('HEVC goes to the other form and back without a change of packet', () => {
    fc.assert(
      fc.property(message, fc.constantFrom('legacy', 'enhanced'), ({ kind, body }, hevc) => {
        for (const packet of orProtocolError(() => new FlvPacketReader().read(kind, 0, body)) ?? []) {
          if (packet.track.codec !== 'hevc' || packet.type === 'other') continue;
          const converted = selectBody(packet, { audio: true, video: true, tracks: 'first', hevc });
          if (converted === null) continue;
          const [again] = new FlvPacketReader().read('video', 0, converted);
          const offset = Math.floor((packet.pts - packet.dts) / 1000);
          assert.deepEqual([again!.type, Math.floor((again!.pts - again!.dts) / 1000)], [packet.type, offset]);
          // A legacy end has no data.
          if (packet.type !== 'end') assert.ok(again!.data.equals(packet.data));
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('any file gives packets or one error, the same however it is cut', () => {
    const capture = readFileSync(join(import.meta.dirname, '../vectors/ffmpeg-5-avc-aac.flv'));
    const made = Buffer.concat([
      encodeFlvHeader({ hasAudio: true, hasVideo: true }),
      ...bodiesOf('video').map((body) => encodeTag({ type: 9, timestampMs: 0, body })),
      ...bodiesOf('audio').map((body) => encodeTag({ type: 8, timestampMs: 0, body })),
      ...dataBodies.map((body) => encodeTag({ type: 18, timestampMs: 0, body })),
    ]);
    fc.assert(
      fc.property(mutated([capture, made]), fc.array(fc.nat({ max: 8000 }), { maxLength: 8 }), (bytes, cuts) => {
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        assert.deepEqual(outcome(chunks), outcome([bytes]));
      }),
      { numRuns: 300 },
    );
  });

  test('any aggregate is split or refused', () => {
    const aggregate = Buffer.concat(
      [1, 2, 3].map((timestampMs) => encodeTag({ type: 8, timestampMs, body: hex('af0121') })),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          mutated([aggregate]),
          fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          const tags = orProtocolError(() => splitAggregate(bytes, 0xffffffff)) ?? [];
          assert.ok(tags.reduce((sum, { body }) => sum + body.length + 11, 0) <= bytes.length);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

function outcome(chunks: readonly Buffer[]): unknown {
  const demuxer = new FlvDemuxer({ maxMessageBytes: 100_000 });
  const packets: string[] = [];
  let failed = false;
  for (const chunk of chunks) {
    demuxer.push(chunk);
    for (;;) {
      const list = orProtocolError(() => ({ packets: demuxer.next() }));
      if (list === null) failed = true;
      if (list === null || list.packets === null) break;
      packets.push(
        ...list.packets.map(
          ({ type, dts, pts, track, data }) =>
            `${track.kind}${track.id} ${type} ${dts} ${pts} ${data.toString('base64')}`,
        ),
      );
    }
  }
  return { packets, failed, malformed: demuxer.malformed, skipped: demuxer.skipped };
}
