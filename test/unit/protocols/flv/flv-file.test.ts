import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { wireLimits } from '../../../../src/media/limits.ts';
import { amfObject } from '../../../../src/protocols/amf/amf-value.ts';
import { FlvDemuxer } from '../../../../src/protocols/flv/flv-demuxer.ts';
import {
  decodeFileHead,
  encodeFileHead,
  fileHeadBytes,
  firstPageBytes,
  headBackPointer,
  shortValues,
} from '../../../../src/protocols/flv/flv-file-head.ts';
import { FlvFileIndex, maxIndexEntries } from '../../../../src/protocols/flv/flv-file-index.ts';
import { FlvFileWalk, walkStepBytes } from '../../../../src/protocols/flv/flv-file-walk.ts';
import { closedHead, FlvFileWriter } from '../../../../src/protocols/flv/flv-file-writer.ts';
import { encodeTag, flvTagType } from '../../../../src/protocols/flv/flv-tag.ts';
import { tagRole } from '../../../../src/protocols/flv/flv-tag-role.ts';
import { bodies } from '../../../support/media.ts';
import { assertClosed, audio, flvHeader, metadata, readFlv, video } from '../../../support/recordings.ts';

/** A file as it lies on a disk: the head with its hole, then what came. */
function onDisk(head: Buffer, tags: Buffer): Buffer {
  const hole = Buffer.alloc(fileHeadBytes);
  head.copy(hole);
  headBackPointer.copy(hole, fileHeadBytes - headBackPointer.length);
  return Buffer.concat([hole, tags]);
}

/** Two groups of pictures with sound, from `start` on. */
function twoGroups(start: number): Buffer[] {
  const tags = [metadata({ width: 320 }), audio(start, bodies.aacConfig), video(start, bodies.avcConfig)];
  for (let i = 0; i < 10; i++) {
    tags.push(video((start + i * 40) >>> 0, i % 5 === 0 ? bodies.key(`k${i}`) : bodies.inter(`i${i}`)));
    tags.push(audio((start + i * 40 + 10) >>> 0, bodies.aac(`a${i}`)));
  }
  return tags;
}

function write(tags: readonly Buffer[], own: Record<string, string> = {}) {
  const writer = new FlvFileWriter(amfObject(own));
  const written = [writer.take(Buffer.concat([flvHeader, tags[0]!])), ...tags.slice(1).map((tag) => writer.take(tag))];
  return { writer, tags: Buffer.concat(written) };
}

/** Goes through a file in pieces of so many bytes. */
function walkThrough(bytes: Buffer, piece: number, options: { isForeign?: boolean; firstTag?: number } = {}) {
  const walk = new FlvFileWalk({ firstTag: fileHeadBytes, fileBytes: bytes.length, ...options });
  while (!walk.isOver) walk.take(bytes.subarray(walk.position, walk.position + piece));
  return walk;
}

describe('a file that is written', () => {
  test('begins at 0 whatever the stamps were, is whole at any moment, and says no duration before it is closed', () => {
    for (const start of [0, 1, 5_000_000, 0xffffff38]) {
      const { writer, tags } = write(twoGroups(start));
      const open = readFlv(onDisk(writer.head(), tags));
      assert.deepEqual(open.values, { width: 320 });
      assert.deepEqual(open.tags.map(({ role, timeMs }) => `${role} ${timeMs}`).slice(0, 5), [
        'header 0',
        'header 0',
        'key 0',
        'audio 10',
        'video 40',
      ]);
      const file = assertClosed(onDisk(writer.closedHead({ entries: true }), tags));
      assert.equal(file.tags.at(-1)?.timeMs, 370);
      assert.equal(file.values['duration'], 0.41);
      assert.equal(writer.size, fileHeadBytes + tags.length);
    }
  });

  test('lists its keyframes at the headers before them, behind an entry for its beginning: players leave one out', () => {
    const { writer, tags } = write([
      ...twoGroups(100),
      video(500, bodies.avcConfig),
      video(500, bodies.key('after new headers')),
    ]);
    const file = assertClosed(onDisk(writer.closedHead({ entries: true }), tags));
    const at = (index: number) => file.tags[index]!.position;
    assert.deepEqual(file.keyframes, [
      [0, at(0)],
      [0, at(1)],
      [0.2, at(12)],
      [0.4, at(22)],
    ]);
    assert.equal(at(0), fileHeadBytes);
    assert.equal(file.values['lastkeyframetimestamp'], 0.4);
    assert.equal(file.values['lastkeyframelocation'], at(22));
    assert.equal(file.values['canSeekToEnd'], true);
    assert.equal(file.values['hasKeyframes'], true);
  });

  test('has one onMetaData, the first that came, and what is ours cannot be said by others', () => {
    const tags = [metadata({ width: 1 }), video(0, bodies.key()), metadata({ width: 2 }), video(40, bodies.inter())];
    const { writer, tags: written } = write(tags, { width: 'ours' });
    const file = assertClosed(onDisk(writer.closedHead({ entries: true }), written));
    assert.equal(file.values['width'], 'ours');
    assert.deepEqual(
      file.tags.map(({ role }) => role),
      ['key', 'video'],
    );
  });

  test('of sound alone can be jumped in too', () => {
    const tags = [audio(0, bodies.aacConfig)];
    for (let ms = 0; ms <= 6_000; ms += 20) tags.push(audio(7_000 + ms, bodies.aac()));
    const { writer, tags: written } = write([audio(7_000, bodies.aacConfig), ...tags.slice(1)]);
    const file = assertClosed(onDisk(writer.closedHead({ entries: true }), written));
    assert.equal(file.hasVideo, false);
    assert.deepEqual(
      file.keyframes.map(([seconds]) => seconds),
      [0, 0, 2, 4, 6],
    );
    assert.equal(file.values['duration'], 6.02);
  });

  for (const [of, tags] of Object.entries({
    'video with one header': [video(0, bodies.avcConfig), video(0, bodies.key()), video(40, bodies.key())],
    'video without headers': [video(0, bodies.key()), video(40, bodies.key())],
    'video after sound': [audio(0, bodies.aac()), video(10, bodies.avcConfig), video(10, bodies.key())],
    'sound with a header': [audio(0, bodies.aacConfig), audio(0, bodies.aac()), audio(20, bodies.aac())],
    'sound without headers': [audio(0, bodies.aac()), audio(20, bodies.aac())],
    'one frame': [video(0, bodies.key())],
  })) {
    test(`begins its index with two tags, one behind the other, or FFmpeg takes none of it: ${of}`, () => {
      const { writer, tags: written } = write(tags);
      const { keyframes, tags: found } = assertClosed(onDisk(writer.closedHead({ entries: true }), written));
      const expected = found.map(({ timeMs, position }) => [timeMs / 1000, position]);
      assert.deepEqual(keyframes.slice(0, 2), expected.slice(0, 2));
    });
  }

  test('goes over the end of 32 bits of milliseconds', () => {
    const writer = new FlvFileWriter();
    const stamps = [0, 0x7fffffff, 0xfffffffe, 20, 0x7fffffff];
    const written = stamps.map((stamp) => {
      const tag = video(stamp, bodies.key());
      return writer.take(stamp === 0 && writer.index.hasMedia === false ? Buffer.concat([flvHeader, tag]) : tag);
    });
    assert.equal(writer.index.lastMs, 2 ** 32 + 0x7fffffff);
    assert.equal(readFlv(onDisk(writer.head(), Buffer.concat(written))).tags.at(-1)?.timeMs, 0x7fffffff);
  });

  test('leaves what it was given alone', () => {
    const shared = video(90, bodies.key());
    const before = Buffer.from(shared);
    const writer = new FlvFileWriter();
    writer.take(Buffer.concat([flvHeader, video(50, bodies.avcConfig)]));
    assert.equal(writer.take(shared).readUIntBE(4, 3), 40);
    assert.deepEqual(shared, before);
  });

  test('has room in its first page for whatever a publisher says', () => {
    const long = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`key${i}`, 'v'.repeat(i)]));
    const writer = new FlvFileWriter(amfObject({ recordingId: 'abc' }));
    writer.take(Buffer.concat([flvHeader, metadata(long), video(0, bodies.key())]));
    assert.ok(writer.head().length <= firstPageBytes);
    assert.ok(writer.closedHead({ entries: false }).length <= firstPageBytes);
    assert.equal(decodeFileHead(onDisk(writer.head(), Buffer.alloc(0)))?.['recordingId'], 'abc');
    assert.equal(shortValues(amfObject({ a: 1 }))['a'], 1);
  });

  test('is read back by our own demuxer, index and all', () => {
    const { writer, tags } = write(twoGroups(0));
    const demuxer = new FlvDemuxer();
    demuxer.push(onDisk(writer.closedHead({ entries: true }), tags));
    let count = 0;
    for (let packets = demuxer.next(); packets !== null; packets = demuxer.next()) count += packets.length;
    assert.equal(count, 23);
    assert.equal(demuxer.malformed, 0);
  });
});

describe('an index', () => {
  test('of a day has a bounded number of entries, and fits into the head beside all that a publisher says', () => {
    const index = new FlvFileIndex();
    for (let i = 0; i < 43_200; i++) {
      index.add({ role: 'key', timeMs: i * 2000, position: 4e11 + i * 2_000_000 });
    }
    const said = shortValues(amfObject(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, 'v']))));
    const head = closedHead(said, index, { fileBytes: 5e11, entries: true });
    assert.ok(head.length <= fileHeadBytes - 4);
    const values = decodeFileHead(onDisk(head, Buffer.alloc(0)))!;
    const { times } = values['keyframes'] as unknown as { times: number[] };
    assert.ok(times.length > maxIndexEntries / 2 && times.length <= maxIndexEntries, `${times.length}`);
    assert.deepEqual(times.slice(0, 4), [0, 16, 32, 48]);
    assert.equal(values['lastkeyframetimestamp'], 43_199 * 2);
  });

  test('finds room beside whatever the head of a file says', () => {
    const index = new FlvFileIndex();
    for (let i = 0; i < 6_000; i++) index.add({ role: 'key', timeMs: i * 2000, position: i * 1000 });
    const head = closedHead({ much: 'm'.repeat(60_000), a: 1 }, index, { fileBytes: 1, entries: true });
    const values = decodeFileHead(onDisk(head, Buffer.alloc(0)))!;
    assert.deepEqual([values['a'], values['much'], values['filesize']], [1, undefined, 1]);
  });

  test('knows nothing of what was cut', () => {
    const index = new FlvFileIndex();
    for (let i = 0; i < 10; i++) index.add({ role: 'key', timeMs: i * 200, position: i * 1000 });
    index.cut(5_500, 1_000);
    const values = index.values(5_500, { entries: true });
    assert.equal(values['lastkeyframelocation'], 5_000);
    assert.equal(values['duration'], 1.2);
    assert.deepEqual(
      (values['keyframes'] as unknown as { filepositions: number[] }).filepositions,
      [0, 1000, 2000, 3000, 4000, 5000],
    );
  });
});

describe('a walk through a file', () => {
  test('finds the last whole tag wherever the file is cut, in pieces of any size, and then the file is whole', () => {
    const { writer, tags } = write(twoGroups(12_345));
    const whole = onDisk(writer.head(), tags);
    const ends = [fileHeadBytes, ...readFlv(whole).tags.map(({ position, body }) => position + body.length + 15)];
    for (let cut = fileHeadBytes; cut <= whole.length; cut++) {
      const bytes = whole.subarray(0, cut);
      const expected = ends.filter((end) => end <= cut).at(-1)!;
      for (const piece of [walkStepBytes, 100, 1 << 20]) {
        const walk = walkThrough(bytes, piece);
        assert.equal(walk.end, expected, `cut at ${cut}, pieces of ${piece}`);
        if (!walk.index.hasMedia) continue;
        const head = closedHead({}, walk.index, { fileBytes: walk.end, entries: true });
        const repaired = Buffer.from(bytes.subarray(0, walk.end));
        head.copy(repaired);
        assertClosed(repaired);
      }
    }
  });

  test('learns the same as whoever wrote the file', () => {
    const { writer, tags } = write(twoGroups(77));
    const walk = walkThrough(onDisk(writer.head(), tags), 300);
    const fileBytes = writer.size;
    assert.deepEqual(
      walk.index.values(fileBytes, { entries: true }),
      writer.index.values(fileBytes, { entries: true }),
    );
  });

  test('keeps a picture of more bytes than are allowed by default, and what is behind it', () => {
    const large = bodies.key('k'.repeat(wireLimits.maxMessageBytes));
    const { writer, tags } = write([video(0, bodies.avcConfig), video(0, large), video(40, bodies.inter())]);
    const walk = walkThrough(onDisk(writer.head(), tags), 256 * 1024);
    assert.equal(walk.end, fileHeadBytes + tags.length);
    assert.equal(walk.index.lastMs, 40);
  });

  test('ends, and at a tag’s end, whatever the file holds', () => {
    const { writer, tags } = write(twoGroups(0));
    const whole = onDisk(writer.head(), tags);
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(tags.length - 1), byte: fc.nat(255) }), { maxLength: 5 }),
        fc.nat(tags.length),
        (changes, length) => {
          const bytes = Buffer.from(whole.subarray(0, fileHeadBytes + length));
          for (const { at, byte } of changes) if (fileHeadBytes + at < bytes.length) bytes[fileHeadBytes + at] = byte;
          const walk = walkThrough(bytes, 128);
          assert.ok(walk.end >= fileHeadBytes && walk.end <= bytes.length);
          readFlv(bytes.subarray(0, walk.end));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('of a file of others counts from its first media, and bears with its back pointers', () => {
    const tags = [video(0, bodies.avcConfig), video(60_000, bodies.key()), audio(61_000, bodies.aac())];
    for (const tag of tags) tag.writeUInt32BE(0, tag.length - 4);
    const walk = walkThrough(Buffer.concat([flvHeader, ...tags]), 64, { isForeign: true, firstTag: 13 });
    assert.equal(walk.index.lastMs, 1_000);
  });
});

describe('the role of a tag', () => {
  const { video: v, audio: a, data: d } = flvTagType;
  const rows: readonly (readonly [name: string, type: number, hex: string, role: string])[] = [
    ['AVC header', v, '1700000000', 'header'],
    ['AVC keyframe', v, '1701000000aa', 'key'],
    ['AVC frame', v, '2701000000aa', 'video'],
    ['AVC end', v, '1702000000', 'other'],
    ['H.263 keyframe', v, '12aabb', 'key'],
    ['H.263 frame', v, '22aabb', 'video'],
    ['video command', v, '5700', 'other'],
    ['HEVC by codec id', v, '1c01000000aa', 'key'],
    ['enhanced header', v, '9068766331aa', 'header'],
    ['enhanced keyframe', v, '9168766331000000', 'key'],
    ['enhanced keyframe without composition time', v, '9368766331', 'key'],
    ['enhanced frame', v, 'a168766331000000', 'video'],
    ['enhanced end', v, '9268766331', 'other'],
    ['colour', v, '9468766331', 'header'],
    ['enhanced command', v, 'd100', 'other'],
    ['keyframe of track 0 in a wrapper', v, '9601617663310000', 'key'],
    ['keyframe of track 1 in a wrapper', v, '9601617663310100', 'video'],
    ['header of track 1 in a wrapper', v, '9600617663310100', 'header'],
    ['keyframe with an offset in nanoseconds', v, '97020003e80168766331', 'key'],
    ['extension that is cut', v, '97ff', 'other'],
    ['AAC header', a, 'af001210', 'header'],
    ['AAC', a, 'af0121', 'audio'],
    ['MP3', a, '2f00', 'audio'],
    ['enhanced audio header', a, '904f707573', 'header'],
    ['enhanced audio', a, '914f707573', 'audio'],
    ['channels', a, '944f707573', 'header'],
    ['silence', a, '', 'other'],
    ['no picture', v, '', 'other'],
    ['onMetaData', d, '02000a6f6e4d65746144617461', 'metadata'],
    ['another message', d, '02000a6f6e5465787444617461', 'other'],
    ['AMF3', flvTagType.dataAmf3, '00', 'other'],
  ];
  for (const [name, type, hex, role] of rows) {
    test(`${name}: ${role}`, () => assert.equal(tagRole(type, Buffer.from(hex, 'hex')), role));
  }

  test('is one of those it can be, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 31 }), fc.uint8Array({ maxLength: 40 }), (type, bytes) => {
        assert.match(tagRole(type, Buffer.from(bytes)), /^(key|video|audio|header|metadata|other)$/);
      }),
    );
  });
});

describe('a head', () => {
  test('is told from the beginning of any other file', () => {
    const own = onDisk(
      encodeFileHead({ hasAudio: true, hasVideo: false, values: amfObject({ a: 1 }) })!,
      Buffer.alloc(0),
    );
    assert.equal(decodeFileHead(own)?.['a'], 1);
    assert.equal(decodeFileHead(own.subarray(0, -1)), null);
    const other = Buffer.concat([flvHeader, metadata({ a: 1 }), Buffer.alloc(fileHeadBytes)]);
    assert.equal(decodeFileHead(other), null);
    const torn = Buffer.from(own);
    torn.fill(0xff, 24, 60);
    assert.equal(decodeFileHead(torn), null);
    assert.equal(encodeTag({ type: 18, timestampMs: 0, body: own.subarray(24, 60) }).length, 51);
  });

  test('refuses more than it has room for', () => {
    assert.equal(
      encodeFileHead({ hasAudio: true, hasVideo: true, values: amfObject({ a: 'a'.repeat(fileHeadBytes) }) }),
      null,
    );
  });
});
