import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { StreamMemory } from '../../src/core/stream-memory.ts';
import { type Format, packets as identity } from '../../src/media/format.ts';
import { type AVPacket, MetadataPacket } from '../../src/media/packet.ts';
import { fromMillis } from '../../src/media/time.ts';
import type { BodyOptions } from '../../src/protocols/flv/flv-body.ts';
import { FlvDemuxer } from '../../src/protocols/flv/flv-demuxer.ts';
import { createFlvFormat } from '../../src/protocols/flv/flv-muxer.ts';
import { splits } from '../support/splits.ts';
import { type FormatKind, formatKinds } from './format-kinds.ts';

const NEWCOMER_AT_MS = 7000;

interface Capture {
  readonly name: string;
  readonly packets: readonly AVPacket[];
  readonly memory: StreamMemory;
}

function demux(bytes: Buffer): AVPacket[] {
  const demuxer = new FlvDemuxer();
  demuxer.push(bytes);
  const found: AVPacket[] = [];
  for (let packets = demuxer.next(); packets !== null; packets = demuxer.next()) found.push(...packets);
  return found;
}

function capture(name: string, packets: readonly AVPacket[]): Capture {
  const memory = new StreamMemory();
  for (const packet of packets) memory.remember(packet);
  return { name, packets, memory };
}

/** The stream in a format's bytes: what a newcomer gets first, then all of it. */
function write(format: Format, { packets, memory }: Capture): Buffer[] {
  const muxer = format.createMuxer();
  return [...muxer.begin(memory, fromMillis(NEWCOMER_AT_MS)), ...packets.flatMap((packet) => muxer.mux(packet) ?? [])];
}

const vector = (file: string) => demux(readFileSync(new URL(`../vectors/${file}`, import.meta.url)));
const hevc = capture('HEVC and E-AC-3', vector('ffmpeg-8-hevc-eac3.flv'));
const legacy = createFlvFormat({ framing: 'plain', audio: true, video: true, tracks: 'all', hevc: 'legacy' });
const captures: readonly Capture[] = [
  capture('H.264 and AAC', vector('ffmpeg-5-avc-aac.flv')),
  capture('several tracks', vector('ffmpeg-8-multitrack.flv')),
  hevc,
  capture('HEVC with codec id 12', demux(Buffer.concat(write(legacy, hevc)))),
];

function isWanted({ track, type }: AVPacket, options: BodyOptions): boolean {
  if (track.kind === 'data') return true;
  if (options.details === false && (type === 'color' || type === 'channels')) return false;
  if (!options[track.kind] || (options.tracks === 'first' && track.id !== 0)) return false;
  // Codec id 12 has no words for HDR.
  return !(options.hevc === 'legacy' && track.codec === 'hevc' && track.id === 0 && type === 'color');
}

/** A packet in one line; `atMs` where its own time does not count. */
function line(packet: AVPacket, atMs = packet.dts / 1000): string {
  const { track, type, pts, dts, data } = packet;
  const hash = type === 'metadata' ? '' : createHash('md5').update(data).digest('hex');
  return `${track.kind} ${track.id} ${track.codec} ${type} ${type === 'metadata' ? 0 : atMs} +${(pts - dts) / 1000} ${hash}`;
}

/**
 * FFmpeg 8 sends the colour of every track without its id. Before the configuration of its track, as a newcomer gets it,
 * nobody can tell whose it is.
 */
function headerLine(packet: AVPacket): string {
  const whole = line(packet, NEWCOMER_AT_MS);
  if (packet.type !== 'color' || packet.track.id === 0) return whole;
  return whole.replace(/^video \d+ \w+ color/, 'video 0 unknown other');
}

function expected({ options }: FormatKind, { memory, packets }: Capture): string[] {
  const headers = memory.remembered.filter((packet) => isWanted(packet, options));
  const flow = packets.filter((packet) => isWanted(packet, options));
  return [...headers.map(headerLine), ...flow.map((packet) => line(packet))];
}

const digest = (units: readonly Buffer[]) => createHash('md5').update(Buffer.concat(units)).digest('hex');

describe('the formats', () => {
  const written = new Map(
    formatKinds.map((kind) => [kind, captures.map((one) => digest(write(kind.format, one))).join()]),
  );

  test('of equal names make equal bytes', () => {
    const bytesOf = new Map<string, string>();
    for (const [kind, bytes] of written) {
      assert.equal(kind.again.name, kind.format.name);
      assert.equal(captures.map((one) => digest(write(kind.again, one))).join(), bytes, kind.format.name);
      assert.equal(bytesOf.get(kind.format.name) ?? bytes, bytes, kind.format.name);
      bytesOf.set(kind.format.name, bytes);
    }
  });

  test('of different names make different bytes, as far as the streams have what tells them apart', () => {
    const nameOf = new Map<string, string>();
    for (const [kind, bytes] of written) {
      if (!kind.options.video || !kind.options.audio) continue;
      assert.equal(nameOf.get(bytes) ?? kind.format.name, kind.format.name);
      nameOf.set(bytes, kind.format.name);
    }
    assert.equal(nameOf.size, 72);
  });

  test('have names of their own', () => {
    assert.equal(new Set(formatKinds.map(({ format }) => format.name)).size, formatKinds.length);
  });

  test('say whether they write pictures', () => {
    for (const { format, options } of formatKinds) assert.equal(format.hasVideo, options.video, format.name);
  });
});

const wrappings = new Set(formatKinds.map(({ wrapping }) => wrapping));

for (const one of captures) {
  describe(`a stream of ${one.name}`, () => {
    for (const wrapping of wrappings) {
      test(`is read back from ${wrapping}, whatever a player asks for`, () => {
        for (const kind of formatKinds.filter((candidate) => candidate.wrapping === wrapping)) {
          const found = kind.read([Buffer.concat(write(kind.format, one))]);
          assert.deepEqual(
            found.map((packet) => line(packet)),
            expected(kind, one),
            kind.format.name,
          );
        }
      });
    }
  });
}

describe('a newcomer', () => {
  const [avc] = captures;

  for (const kind of formatKinds.filter(({ wrapping }) =>
    /plain|RTMP in chunks of 128 on message stream 1/.test(wrapping),
  )) {
    if (kind.options.hevc !== 'as-is') continue;
    test(`reads the same from ${kind.format.name} however the bytes arrive`, () => {
      const bytes = Buffer.concat(write(kind.format, avc!));
      const whole = expected(kind, avc!);
      for (const { name, chunks } of splits(bytes, { cuts: 16, random: 3 })) {
        assert.deepEqual(
          kind.read(chunks).map((packet) => line(packet)),
          whole,
          name,
        );
      }
    });
  }

  test('without sound or pictures is told so by the metadata', () => {
    for (const kind of formatKinds) {
      const [metadata] = kind.read(write(kind.format, avc!));
      assert.ok(metadata instanceof MetadataPacket);
      const { hasAudio, hasVideo } = metadata.values;
      const told = (isWritten: boolean) => (isWritten ? undefined : false);
      assert.deepEqual([hasAudio, hasVideo], [told(kind.options.audio), told(kind.options.video)], kind.format.name);
    }
  });

  test('of the identity gets the packets themselves, its headers at the time of the media', () => {
    const muxer = identity.createMuxer();
    const begun = muxer.begin(avc!.memory, fromMillis(NEWCOMER_AT_MS));
    assert.deepEqual(
      begun.map(({ dts }) => dts / 1000),
      begun.map(() => NEWCOMER_AT_MS),
    );
    assert.ok(avc!.packets.every((packet) => muxer.mux(packet) === packet));
  });
});
