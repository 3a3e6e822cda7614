import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { StreamMemory } from '../../src/core/stream-memory.ts';
import { AVPacket, MetadataPacket, type PacketType, type Track, type TrackKind } from '../../src/media/packet.ts';
import { fromMillis } from '../../src/media/time.ts';
import { encodeAmf0 } from '../../src/protocols/amf/amf0.ts';
import { FlvDemuxer } from '../../src/protocols/flv/flv-demuxer.ts';
import { createFlvFormat } from '../../src/protocols/flv/flv-muxer.ts';
import { innerFormat } from '../../src/protocols/inner/inner-format.ts';
import {
  encodeAccept,
  encodeEnd,
  encodeHello,
  encodeRefuse,
  encodeRenew,
} from '../../src/protocols/inner/inner-frames.ts';
import { innerLimits } from '../../src/protocols/inner/inner-limits.ts';
import { type InnerEnd, type InnerFrame, InnerReader } from '../../src/protocols/inner/inner-reader.ts';
import { orProtocolError } from '../support/errors.ts';
import { mutated } from '../support/mutated.ts';

const limits = innerLimits({ maxMessageBytes: 50_000, maxTracks: 8 });

function units(name: string): Buffer[] {
  const demuxer = new FlvDemuxer();
  demuxer.push(readFileSync(join(import.meta.dirname, '../vectors', name)));
  const muxer = innerFormat.createMuxer();
  const found: Buffer[] = [];
  for (let some = demuxer.next(); some !== null && found.length < 60; some = demuxer.next()) {
    found.push(...some.map((packet) => muxer.mux(packet)!));
  }
  return found;
}

const streams = ['ffmpeg-5-avc-aac.flv', 'ffmpeg-8-multitrack.flv', 'ffmpeg-8-hevc-eac3.flv'].map((name) =>
  Buffer.concat([
    encodeAccept(),
    ...units(name).filter(({ length }) => length < 4000),
    encodeRenew(),
    encodeEnd(new Error('over')),
  ]),
);
/** Small frames of all kinds: a changed byte hits what steers more often than it hits payloads. */
function smallFrames(): Buffer {
  const body = Buffer.from('0123456789');
  const metadata = encodeAmf0(['onMetaData', { width: 2 }]);
  const track = (id: number, kind: TrackKind, config: Buffer | null = null): Track => ({
    id,
    kind,
    codec: 'av1',
    config,
  });
  const make = (type: PacketType, of: Track, data: Buffer, origin: Buffer | null) =>
    new AVPacket(of, type, fromMillis(40), fromMillis(80), data, origin);
  const config = body.subarray(2, 5);
  const configured = track(0, 'video', config);
  const packets = [
    new MetadataPacket(track(0, 'data'), fromMillis(0), metadata, { width: 2 }),
    make('config', configured, config, body),
    make('key', configured, body.subarray(5), body),
    make('frame', track(1, 'video'), body.subarray(1, 4), body),
    make('frame', track(2, 'audio'), Buffer.from('own'), body),
    make('frame', track(3, 'audio', Buffer.from('unsaid')), Buffer.from('alone'), null),
    make('other', track(9, 'video'), body.subarray(1), Buffer.from('x')),
  ];
  const muxer = innerFormat.createMuxer();
  return Buffer.concat([encodeAccept(), ...packets.map((one) => muxer.mux(one)!), encodeRenew()]);
}

const small = smallFrames();

/** All frames until the end or the error. */
function read(end: InnerEnd, chunks: readonly Buffer[]): { frames: InnerFrame[]; failed: boolean; missed: number } {
  const reader = new InnerReader(end, limits);
  const frames: InnerFrame[] = [];
  let failed = false;
  for (const chunk of chunks) {
    reader.push(chunk);
    for (;;) {
      const step = orProtocolError(() => ({ frame: reader.next() }));
      if (step === null) failed = true;
      if (step === null || step.frame === null) break;
      frames.push(step.frame);
    }
  }
  return { frames, failed, missed: reader.missed };
}

function show(frame: InnerFrame): string {
  if (frame.type !== 'packet') return JSON.stringify(frame);
  const { type, dts, pts, track, data, origin } = frame.packet;
  const bytes = (some: Buffer | null) => some?.toString('base64') ?? null;
  return JSON.stringify([type, dts, pts, { ...track, config: bytes(track.config) }, bytes(data), bytes(origin)]);
}

const input = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(mutated(streams), mutated([small])) },
  { weight: 1, arbitrary: mutated([encodeRefuse(new Error('no')), encodeHello({ token: 't', path: '/live/a' })]) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
);

function assertSound(packet: AVPacket): void {
  const { dts, pts, data, origin, track } = packet;
  assert.ok(Number.isSafeInteger(dts) && Number.isSafeInteger(pts));
  assert.ok(data.length + (origin?.length ?? 0) <= 2 * limits.maxFrameBytes);
  assert.ok((track.config?.length ?? 0) <= limits.maxCommandBytes);
  if (packet instanceof MetadataPacket) assert.equal(typeof packet.values, 'object');
}

describe('inner frames, whatever comes', () => {
  test('are read or refused, and what was read can be kept, sent on and shown', () => {
    fc.assert(
      fc.property(input, fc.constantFrom<InnerEnd>('owner', 'puller'), (bytes, end) => {
        const { frames } = read(end, [bytes]);
        const memory = new StreamMemory();
        const onward = innerFormat.createMuxer();
        const flv = createFlvFormat({ framing: 'plain', audio: true, video: true, tracks: 'all', hevc: 'enhanced' });
        const muxer = flv.createMuxer();
        for (const frame of frames) {
          if (frame.type !== 'packet') continue;
          assertSound(frame.packet);
          memory.remember(frame.packet);
          onward.mux(frame.packet);
          orProtocolError(() => muxer.mux(frame.packet));
        }
        assert.ok(memory.tracks.length <= limits.maxTracks);
        assert.equal(onward.begin(memory, fromMillis(0)).length >= memory.remembered.length, true);
      }),
      { numRuns: 1500 },
    );
  });

  test('are the same however they are cut', () => {
    fc.assert(
      fc.property(input, fc.array(fc.nat({ max: 8000 }), { maxLength: 8 }), (bytes, cuts) => {
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        const whole = read('puller', [bytes]);
        const cut = read('puller', chunks);
        assert.deepEqual(cut.frames.map(show), whole.frames.map(show));
        assert.deepEqual([cut.failed, cut.missed], [whole.failed, whole.missed]);
      }),
      { numRuns: 300 },
    );
  });

  test('are the same byte by byte', () => {
    fc.assert(
      fc.property(mutated([small]), (bytes) => {
        const whole = read('puller', [bytes]);
        const cut = read(
          'puller',
          Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)),
        );
        assert.deepEqual(cut.frames.map(show), whole.frames.map(show));
        assert.equal(cut.failed, whole.failed);
      }),
      { numRuns: 100 },
    );
  });

  test('that were read and written again are the same', () => {
    for (const bytes of [...streams, small]) {
      const first = read('puller', [bytes]).frames;
      const muxer = innerFormat.createMuxer();
      const again = first.flatMap((frame) => (frame.type === 'packet' ? [muxer.mux(frame.packet)!] : []));
      const second = read('puller', [encodeAccept(), ...again]).frames;
      const packetsOf = (frames: readonly InnerFrame[]) => frames.filter(({ type }) => type === 'packet').map(show);
      assert.ok(packetsOf(first).length > 5);
      assert.deepEqual(packetsOf(second), packetsOf(first));
    }
  });
});
