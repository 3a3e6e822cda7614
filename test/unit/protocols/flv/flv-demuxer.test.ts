import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { WireLimits } from '../../../../src/media/limits.ts';
import type { AVPacket } from '../../../../src/media/packet.ts';
import { FlvDemuxer } from '../../../../src/protocols/flv/flv-demuxer.ts';
import { encodeFlvHeader, encodeTag, writeTagHeader } from '../../../../src/protocols/flv/flv-tag.ts';
import { assertProtocolError } from '../../../support/errors.ts';
import { splits } from '../../../support/splits.ts';
import { hex } from '../../../vectors/amf.ts';
import { avcRecord, idr, slice } from '../../../vectors/flv-bodies.ts';

const header = encodeFlvHeader({ hasAudio: true, hasVideo: true });
const sound = encodeTag({ type: 8, timestampMs: 23, body: hex('af012110') });
const config = encodeTag({ type: 9, timestampMs: 0, body: hex(`1700000000${avcRecord}`) });
const key = encodeTag({ type: 9, timestampMs: 0, body: hex(`1701000000 ${idr}`) });
const inter = encodeTag({ type: 9, timestampMs: 40, body: hex(`2701000000 ${slice}`) });

interface Outcome {
  readonly packets: readonly string[];
  readonly error: string | null;
  readonly malformed: number;
  readonly skipped: number;
}

function demux(chunks: readonly Buffer[], limits: Partial<WireLimits> = {}): Outcome {
  const demuxer = new FlvDemuxer(limits);
  const packets: string[] = [];
  let error: string | null = null;
  for (const chunk of chunks) {
    demuxer.push(chunk);
    try {
      for (let list = demuxer.next(); list !== null; list = demuxer.next()) packets.push(...list.map(line));
    } catch (thrown) {
      error = (thrown as Error).message;
      break;
    }
  }
  return { packets, error, malformed: demuxer.malformed, skipped: demuxer.skipped };
}

function line({ track, type, dts, pts, data }: AVPacket): string {
  return `${dts / 1000}+${(pts - dts) / 1000} ${track.kind}${track.id} ${track.codec} ${type} ${data.toString('hex')}`;
}

function file(...tags: readonly Buffer[]): Buffer {
  return Buffer.concat([header, ...tags]);
}

const usual = [
  '0+0 video0 avc config ' + avcRecord,
  '0+0 video0 avc key 000000026588',
  '23+0 audio0 aac frame 2110',
  '40+0 video0 avc frame 000000024188',
];

describe('FlvDemuxer', () => {
  test('gives the packets of a file, however it is cut', () => {
    for (const { name, chunks } of splits(file(config, key, sound, inter))) {
      assert.deepEqual(demux(chunks), { packets: usual, error: null, malformed: 0, skipped: 0 }, name);
    }
  });

  test('tells the header as soon as it has it', () => {
    const demuxer = new FlvDemuxer();
    assert.equal(demuxer.header, null);
    demuxer.push(header.subarray(0, 9));
    assert.equal(demuxer.next(), null);
    assert.deepEqual(demuxer.header, { hasAudio: true, hasVideo: true, headerBytes: 9 });
    assert.equal(demuxer.position, 9);
  });

  test('gives a packet as soon as its body is whole, before its back pointer', () => {
    const demuxer = new FlvDemuxer();
    demuxer.push(file(sound).subarray(0, -4));
    assert.equal(demuxer.next()!.length, 1);
    assert.equal(demuxer.next(), null);
    assert.deepEqual(
      demuxer.tracks.map(({ codec }) => codec),
      ['aac'],
    );
  });

  test('respects a longer header', () => {
    const long = hex(`464c5601 05 00000010 ${'ee'.repeat(7)} 00000000`);
    for (const { name, chunks } of splits(Buffer.concat([long, config, key, sound, inter]))) {
      assert.deepEqual(demux(chunks).packets, usual, name);
    }
  });

  test('does not believe back pointers', () => {
    const wrong = [config, key, sound, inter].map((tag) => Buffer.concat([tag.subarray(0, -4), hex('deadbeef')]));
    assert.deepEqual(demux([file(...wrong)]).packets, usual);
    const first = Buffer.from(file(config, key, sound, inter));
    first.fill(0xff, 9, 13);
    assert.deepEqual(demux([first]).packets, usual);
  });

  test('passes over encrypted tags and unknown types without losing its place', () => {
    const encrypted = Buffer.from(sound);
    encrypted[0] = 8 | 0x20;
    const unknown = encodeTag({ type: 31, timestampMs: 5, body: Buffer.alloc(3000, 0x09) });
    const bytes = file(unknown, config, encrypted, key, unknown, sound, encrypted, inter);
    for (const { name, chunks } of splits(bytes, { cuts: 40 })) {
      assert.deepEqual(demux(chunks), { packets: usual, error: null, malformed: 0, skipped: 4 }, name);
    }
  });

  test('passes over an unknown tag without keeping it', () => {
    const demuxer = new FlvDemuxer({ maxMessageBytes: 100 });
    const head = Buffer.alloc(11);
    writeTagHeader(head, 0, { type: 1, size: 1_000_000, timestampMs: 0 });
    demuxer.push(file(head));
    for (let sent = 0; sent < 1_000_000; sent += 1000) {
      demuxer.push(Buffer.alloc(1000));
      const isWhole = sent + 1000 === 1_000_000;
      assert.deepEqual(demuxer.next(), isWhole ? [] : null);
      assert.equal(demuxer.position, 13 + 11 + sent + 1000);
    }
    demuxer.push(Buffer.concat([Buffer.alloc(4), sound]));
    assert.equal(demuxer.next()!.length, 1);
  });

  test('hands out tags one by one, also those without packets: whoever reads them can stop between any two', () => {
    const demuxer = new FlvDemuxer();
    const unknown = Buffer.concat([Buffer.of(1), encodeTag({ type: 9, timestampMs: 0, body: hex('00') }).subarray(1)]);
    const empty = encodeTag({ type: 9, timestampMs: 0, body: Buffer.alloc(0) });
    demuxer.push(file(unknown, empty, config));
    const counts = [];
    for (let packets = demuxer.next(); packets !== null; packets = demuxer.next()) counts.push(packets.length);
    assert.deepEqual(counts, [0, 0, 1]);
  });

  test('counts bodies that cannot be read, and goes on', () => {
    const broken = [
      encodeTag({ type: 9, timestampMs: 0, body: hex('17') }),
      encodeTag({ type: 9, timestampMs: 0, body: Buffer.alloc(0) }),
      encodeTag({ type: 8, timestampMs: 0, body: hex('af00') }),
      encodeTag({ type: 18, timestampMs: 0, body: hex('02000a6f6e4d65746144617461 03 0001') }),
      encodeTag({ type: 18, timestampMs: 0, body: hex('02000a6f6e4d65746144617461 7f') }),
    ];
    assert.deepEqual(demux([file(...broken, config, key, sound, inter)]), {
      packets: usual,
      error: null,
      malformed: 5,
      skipped: 0,
    });
  });

  test('data tags without packets do not stop it', () => {
    const nameless = encodeTag({ type: 18, timestampMs: 0, body: hex('00000001') });
    assert.deepEqual(demux([file(nameless, config, nameless, key, sound, inter)]).packets, usual);
  });

  test('reads AMF3 data tags', () => {
    const data = encodeTag({ type: 15, timestampMs: 9, body: hex('00 02 0001 61 11 0405') });
    assert.deepEqual(demux([file(data)]).packets, ['9+0 data0 amf0 frame 02000161004014000000000000']);
  });

  test('stamps beyond 24 bits have their high byte last, and go on past 2^32', () => {
    const late = [0x01020304, 0xffffffff, 5].map((timestampMs) =>
      encodeTag({ type: 8, timestampMs, body: hex('af0121') }),
    );
    assert.deepEqual(demux([file(late[0]!)]).packets, ['16909060+0 audio0 aac frame 21']);
    assert.deepEqual(demux([file(late[1]!, late[2]!)]).packets, [
      '4294967295+0 audio0 aac frame 21',
      '4294967301+0 audio0 aac frame 21',
    ]);
  });

  test('a body is a copy: what was pushed is not kept alive by it', () => {
    const demuxer = new FlvDemuxer();
    const bytes = file(sound, Buffer.alloc(60_000));
    demuxer.push(bytes);
    const { origin } = demuxer.next()![0]!;
    const before = Buffer.from(origin!);
    bytes.fill(0);
    assert.deepEqual(origin, before);
    assert.notEqual(origin!.buffer, bytes.buffer);
  });

  test('a body that comes in crumbs is put together as they come: none of them is kept', (context) => {
    const body = Buffer.concat([
      hex('2701000000 00004e1c 41'),
      Buffer.from(Array.from({ length: 20_000 }, (_, i) => i)),
    ]);
    const demuxer = new FlvDemuxer();
    demuxer.push(Buffer.concat([header, encodeTag({ type: 9, timestampMs: 40, body }).subarray(0, 11)]));
    assert.equal(demuxer.next(), null);
    const allocate = context.mock.method(Buffer, 'allocUnsafeSlow');
    // One piece of memory for all of them, as of a caller who uses it again.
    const crumb = Buffer.alloc(1);
    for (const byte of body.subarray(0, -1)) {
      crumb[0] = byte;
      demuxer.push(crumb);
      assert.equal(demuxer.next(), null);
    }
    demuxer.push(body.subarray(-1));
    const [packet] = demuxer.next()!;
    assert.ok(packet!.data.equals(body.subarray(5)));
    const sizes = allocate.mock.calls.map(({ arguments: [size] }) => size);
    assert.deepEqual(sizes, [4, 20, 84, 340, 1364, 5460, body.length]);
  });

  test('a tag above maxMessageBytes is refused before its body comes', () => {
    const head = Buffer.alloc(11);
    writeTagHeader(head, 0, { type: 9, size: 1001, timestampMs: 0 });
    const outcome = demux([file(sound, head)], { maxMessageBytes: 1000 });
    assert.equal(outcome.packets.length, 1);
    assert.match(outcome.error!, /tag of 1001 bytes exceeds maxMessageBytes 1000 \(FLV byte 43\)/);
  });

  test('what is not FLV from its first byte is refused, however it is cut', () => {
    const inputs: readonly [Buffer, RegExp][] = [
      [Buffer.concat([hex('00'), file(sound)]), /byte 0 where "FLV" begins a file \(FLV byte 0\)/],
      [Buffer.from('FLx----------'), /byte 78 where .* \(FLV byte 2\)/],
      [Buffer.from('GET /live/a HTTP/1.1\r\n'), /byte 47 where/],
      [hex('464c5601 05 00000008 00000000'), /header size 8/],
      [hex('464c5601 05 7fffffff 00000000'), /header size 2147483647/],
    ];
    for (const [bytes, message] of inputs) {
      for (const { name, chunks } of splits(bytes)) assert.match(demux(chunks).error ?? '', message, name);
    }
  });

  test('the first wrong byte is enough', () => {
    const demuxer = new FlvDemuxer();
    demuxer.push(Buffer.of(0x47));
    assertProtocolError(() => demuxer.next(), 'NMS_PROTOCOL_FLV');
  });

  test('after an error it repeats the error, whatever comes', () => {
    const demuxer = new FlvDemuxer();
    demuxer.push(Buffer.of(1));
    const error = assertProtocolError(() => demuxer.next(), 'NMS_PROTOCOL_FLV');
    demuxer.push(file(sound));
    assert.throws(
      () => demuxer.next(),
      (thrown) => thrown === error,
    );
  });

  test('a file cut anywhere gives what came whole and no error', () => {
    const bytes = file(config, key, sound, inter);
    const ends = [13, config.length, key.length, sound.length, inter.length];
    for (let end = 0; end < bytes.length; end++) {
      const { packets, error } = demux([bytes.subarray(0, end)]);
      assert.equal(error, null);
      let at = 0;
      const whole = ends.filter((length, index) => {
        at += length;
        return index > 0 && end >= at - 4;
      }).length;
      assert.deepEqual(packets, usual.slice(0, whole), `cut at ${end}`);
    }
  });

  test('zeros behind the last tag are no packets', () => {
    const { packets, error } = demux([Buffer.concat([file(config, key, sound, inter), Buffer.alloc(1000)])]);
    assert.deepEqual([packets, error], [usual, null]);
  });
});

describe('captures', () => {
  const read = (name: string) => readFileSync(join(import.meta.dirname, '../../../vectors', name));
  const tally = (name: string): Record<string, number> => {
    const counts: Record<string, number> = {};
    const outcome = demux([read(name)]);
    assert.deepEqual([outcome.error, outcome.malformed, outcome.skipped], [null, 0, 0]);
    for (const packet of outcome.packets) {
      const what = packet.split(' ').slice(1, 4).join(' ');
      counts[what] = (counts[what] ?? 0) + 1;
    }
    return counts;
  };

  test('FFmpeg 5: AVC with B frames and AAC', () => {
    assert.deepEqual(tally('ffmpeg-5-avc-aac.flv'), {
      'data0 amf0 metadata': 1,
      'video0 avc config': 1,
      'audio0 aac config': 1,
      'video0 avc key': 1,
      'video0 avc frame': 7,
      'audio0 aac frame': 14,
      'video0 avc end': 1,
    });
  });

  test('FFmpeg 8: HEVC and E-AC-3 by FourCC, colour by a frame of type command, channels', () => {
    assert.deepEqual(tally('ffmpeg-8-hevc-eac3.flv'), {
      'data0 amf0 metadata': 1,
      'video0 hevc config': 1,
      'audio0 eac3 config': 1,
      'audio0 eac3 channels': 1,
      'video0 hevc color': 1,
      'video0 hevc key': 1,
      'video0 hevc frame': 4,
      'audio0 eac3 frame': 7,
    });
  });

  test('FFmpeg 8: three video and three audio tracks, of which the colours name no track', () => {
    assert.deepEqual(tally('ffmpeg-8-multitrack.flv'), {
      'data0 amf0 metadata': 1,
      'video0 avc config': 1,
      'video1 hevc config': 1,
      'video2 av1 config': 1,
      'audio0 aac config': 1,
      'audio1 opus config': 1,
      'audio1 opus channels': 1,
      'audio2 flac config': 1,
      'audio2 flac channels': 1,
      'video0 avc key': 1,
      'video1 hevc color': 1,
      'video2 av1 color': 1,
      'video1 hevc key': 1,
      'video0 avc frame': 4,
      'video1 hevc frame': 4,
      'audio0 aac frame': 11,
      'audio1 opus frame': 11,
      'video2 av1 key': 1,
      'audio2 flac frame': 10,
      'video2 av1 frame': 4,
      'video0 avc end': 1,
    });
  });

  test('are the same however they are cut', () => {
    for (const name of ['ffmpeg-5-avc-aac.flv', 'ffmpeg-8-multitrack.flv']) {
      const bytes = read(name);
      const whole = demux([bytes]);
      for (const { name: way, chunks } of splits(bytes, { cuts: 50 })) assert.deepEqual(demux(chunks), whole, way);
    }
  });
});
