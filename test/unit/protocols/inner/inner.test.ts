import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { StreamMemory } from '../../../../src/core/stream-memory.ts';
import { AbsentError, EndError } from '../../../../src/errors.ts';
import { AVPacket, MetadataPacket, type Track } from '../../../../src/media/packet.ts';
import { type Micros, micros } from '../../../../src/media/time.ts';
import { encodeAmf0 } from '../../../../src/protocols/amf/amf0.ts';
import { FlvDemuxer } from '../../../../src/protocols/flv/flv-demuxer.ts';
import { configNumber } from '../../../../src/protocols/inner/inner-config.ts';
import { innerFormat } from '../../../../src/protocols/inner/inner-format.ts';
import {
  encodeAccept,
  encodeEnd,
  encodeHello,
  encodeMove,
  encodeRefuse,
  encodeRenew,
} from '../../../../src/protocols/inner/inner-frames.ts';
import { innerLimits } from '../../../../src/protocols/inner/inner-limits.ts';
import { type InnerEnd, type InnerFrame, InnerReader } from '../../../../src/protocols/inner/inner-reader.ts';
import { codecCode, kindCode, packetFlag, typeCode } from '../../../../src/protocols/inner/inner-words.ts';
import { assertProtocolError } from '../../../support/errors.ts';
import { packet } from '../../../support/packets.ts';
import { splits } from '../../../support/splits.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

function readAll(end: InnerEnd, chunks: readonly Buffer[], limits = innerLimits()): InnerFrame[] {
  const reader = new InnerReader(end, limits);
  const frames: InnerFrame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
  }
  return frames;
}

function packetsOf(units: readonly Buffer[]): AVPacket[] {
  return readAll('puller', [encodeAccept(), ...units]).flatMap((frame) =>
    frame.type === 'packet' ? [frame.packet] : [],
  );
}

const digest = (bytes: Buffer | null) =>
  bytes === null ? null : `${bytes.length} ${createHash('md5').update(bytes).digest('hex')}`;

/** All that a packet is, with what it shares with the one before it. */
function describePacket(one: AVPacket, previous: AVPacket | undefined): unknown {
  const { track, type, dts, pts, data, origin } = one;
  const offset = origin === null || data.buffer !== origin.buffer ? -1 : data.byteOffset - origin.byteOffset;
  return {
    track: { ...track, config: digest(track.config) },
    type,
    dts,
    pts,
    data: digest(data),
    origin: digest(origin),
    offset: offset < 0 ? 'elsewhere' : offset,
    sharesOrigin: origin !== null && !one.isHeader && origin === previous?.origin,
    values: one instanceof MetadataPacket ? { ...one.values } : null,
  };
}

const describeAll = (packets: readonly AVPacket[]) =>
  packets.map((one, index) => describePacket(one, packets[index - 1]));

function capture(name: string): AVPacket[] {
  const demuxer = new FlvDemuxer();
  demuxer.push(readFileSync(new URL(`../../../vectors/${name}`, import.meta.url)));
  const found: AVPacket[] = [];
  for (let some = demuxer.next(); some !== null; some = demuxer.next()) found.push(...some);
  return found;
}

const captures = ['ffmpeg-5-avc-aac.flv', 'ffmpeg-8-multitrack.flv', 'ffmpeg-8-hevc-eac3.flv'];

describe('inner frames', () => {
  const vectors: readonly { name: string; end: InnerEnd; bytes: Buffer; wire: string; frame: InnerFrame }[] = [
    {
      name: 'a hello',
      end: 'owner',
      bytes: encodeHello({ token: 'tok', path: '/live/ä' }),
      wire: '00000014 01 4e4d5349 0001 0003 746f6b 2f6c6976652fc3a4',
      frame: { type: 'hello', token: 'tok', path: '/live/ä' },
    },
    { name: 'a yes', end: 'puller', bytes: encodeAccept(), wire: '00000001 02', frame: { type: 'accept' } },
    {
      name: 'a no',
      end: 'puller',
      bytes: encodeRefuse(new AbsentError('no')),
      wire: '0000000e 03 0a 4e4d535f414253454e54 6e6f',
      frame: { type: 'refuse', code: 'NMS_ABSENT', message: 'no' },
    },
  ];

  for (const { name, end, bytes, wire, frame } of vectors) {
    test(`${name} has these bytes, and is read however they are cut`, () => {
      assert.equal(bytes.toString('hex'), hex(wire).toString('hex'));
      for (const split of splits(bytes)) assert.deepEqual(readAll(end, split.chunks), [frame], split.name);
    });
  }

  test('a stream may be renewed, and ends with its reason', () => {
    const bytes = [encodeAccept(), encodeRenew(), encodeEnd(new EndError('deleteStream'))];
    assert.deepEqual(readAll('puller', bytes), [
      { type: 'accept' },
      { type: 'renew' },
      { type: 'end', code: 'NMS_END', message: 'deleteStream' },
    ]);
    assert.equal(
      Buffer.concat(bytes).toString('hex'),
      hex('0000000102 0000000106 00000015 07 07 4e4d535f454e44 64656c65746553747265616d').toString('hex'),
    );
    assert.deepEqual(readAll('puller', [encodeAccept(), encodeMove()]), [{ type: 'accept' }, { type: 'move' }]);
  });

  test('a reason without a code keeps its message, cut at 1024 bytes', () => {
    const [, end] = readAll('puller', [encodeAccept(), encodeEnd(new Error('x'.repeat(2000)))]);
    assert.deepEqual(end, { type: 'end', code: '', message: 'x'.repeat(1024) });
  });

  test('the words of packets have the numbers of their places', () => {
    for (const words of [kindCode, typeCode, codecCode]) {
      assert.deepEqual(
        Object.values(words),
        Object.keys(words).map((_, index) => index),
      );
    }
  });

  test('a packet has these bytes', () => {
    const body = Buffer.from('2f0155', 'hex');
    const track: Track = { id: 3, kind: 'video', codec: 'avc', config: null };
    const one = new AVPacket(track, 'frame', micros(40_000), micros(80_000), body.subarray(2), body);
    assert.equal(
      innerFormat.createMuxer().mux(one)!.toString('hex'),
      hex(
        '0000002e 05 00 01 05 05 00000003 000000000000 40e3880000000000 40f3880000000000 00009c43 00000002 00000001 2f0155',
      ).toString('hex'),
    );
  });
});

describe('a stream between two processes', () => {
  for (const name of captures) {
    test(`arrives as it was: ${name}`, () => {
      const sent = capture(name);
      const muxer = innerFormat.createMuxer();
      const units = sent.map((one) => muxer.mux(one)!);
      const arrived = packetsOf(units);
      assert.deepEqual(describeAll(arrived), describeAll(sent));
      const bytes = Buffer.concat([encodeAccept(), ...units]);
      for (const split of splits(bytes, { cuts: 8, random: 2 })) {
        const found = readAll('puller', split.chunks).flatMap((one) => (one.type === 'packet' ? [one.packet] : []));
        assert.deepEqual(describeAll(found), describeAll(sent), split.name);
      }
    });

    test(`tells tracks apart as its publisher did: ${name}`, () => {
      const sent = capture(name).filter(({ track, type }) => track.kind !== 'data' && type !== 'other');
      const muxer = innerFormat.createMuxer();
      const arrived = packetsOf(sent.map((one) => muxer.mux(one)!));
      const tracksOf = (packets: readonly AVPacket[]) => {
        const seen: Track[] = [];
        return packets.map(({ track }) => (seen.includes(track) ? seen.indexOf(track) : seen.push(track) - 1));
      };
      assert.deepEqual(tracksOf(arrived), tracksOf(sent));
    });

    test(`is the same to one who comes later: ${name}`, () => {
      const sent = capture(name);
      const muxer = innerFormat.createMuxer();
      const memory = new StreamMemory();
      const units = sent.map((one) => {
        memory.remember(one);
        return muxer.mux(one)!;
      });
      const at = micros(5_000_000);
      const half = Math.floor(sent.length / 2);
      const late = packetsOf([...muxer.begin(memory, at), ...units.slice(half)]);
      const headers = memory.remembered.map((one) => one.at(at));
      assert.deepEqual(describeAll(late.slice(0, headers.length)), describeAll(headers));
      const isShared = sent[half]!.origin === sent[half - 1]!.origin;
      assert.deepEqual(
        describeAll(late.slice(headers.length)).slice(1),
        describeAll(sent.slice(half)).slice(isShared ? 2 : 1),
      );
    });
  }

  test('a message of several packets is sent once', () => {
    const body = Buffer.alloc(1000, 7);
    const parts = [0, 1, 2].map((id) => {
      const track: Track = { id, kind: 'video', codec: 'hevc', config: null };
      return new AVPacket(track, 'frame', micros(0), micros(0), body.subarray(id * 300, id * 300 + 300), body);
    });
    const muxer = innerFormat.createMuxer();
    const units = parts.map((one) => muxer.mux(one)!);
    assert.deepEqual(
      units.map(({ length }) => length),
      [1047, 47, 47],
    );
    const [first, second, third] = packetsOf(units);
    assert.equal(second!.origin, first!.origin);
    assert.equal(third!.origin, first!.origin);
    const reader = new InnerReader('puller');
    for (const bytes of [encodeAccept(), units[1]!, units[2]!]) reader.push(bytes);
    assert.deepEqual(reader.next(), { type: 'accept' });
    assert.equal(reader.next(), null, 'parts of a message that was left out are left out');
    assert.equal(reader.missed, 2);
  });

  test('a part is never taken for one of another message, nor of a header between', () => {
    const track = (id: number): Track => ({ id, kind: 'audio', codec: 'opus', config: null });
    const part = (ms: number, id: number, origin: Buffer) =>
      new AVPacket(
        track(id),
        'frame',
        micros(ms * 1000),
        micros(ms * 1000),
        origin.subarray(id * 4, id * 4 + 4),
        origin,
      );
    const [first, second] = [Buffer.from('aaaabbbb'), Buffer.from('ccccdddd')];
    const sent = [
      part(0, 0, first),
      packet('config', 'audio', 0, 'a header'),
      part(0, 1, first),
      part(20, 0, second),
      part(20, 1, second),
    ];
    const muxer = innerFormat.createMuxer();
    const units = sent.map((one) => muxer.mux(one)!);
    const [one, , two] = packetsOf(units);
    assert.equal(two!.origin, one!.origin);
    assert.equal(two!.data.toString(), 'bbbb');
    const without = packetsOf(units.filter((_, index) => index !== 3));
    assert.deepEqual(
      without.map(({ data }) => data.toString()),
      ['aaaa', '<a header>', 'bbbb'],
    );
  });

  test('a configuration that is said again leaves its track as it is', () => {
    const header = () => {
      const config = Buffer.from('same');
      const track: Track = { id: 0, kind: 'audio', codec: 'aac', config };
      return innerFormat.createMuxer().mux(new AVPacket(track, 'config', micros(0), micros(0), config, config))!;
    };
    const [one, two] = packetsOf([header(), header()]);
    assert.equal(one!.track, two!.track);
  });

  test('headers for a newcomer never rely on what was sent to others', () => {
    const body = Buffer.alloc(100, 1);
    const memory = new StreamMemory();
    const headers = [0, 1].map((id) => {
      const config = body.subarray(id * 10, id * 10 + 10);
      return new AVPacket({ id, kind: 'audio', codec: 'aac', config }, 'config', micros(0), micros(0), config, body);
    });
    for (const one of headers) memory.remember(one);
    const muxer = innerFormat.createMuxer();
    for (const one of headers) muxer.mux(one);
    assert.deepEqual(describeAll(packetsOf(muxer.begin(memory, micros(0)))), describeAll(headers));
    assert.deepEqual(describeAll(packetsOf([muxer.mux(headers[0]!)!])), describeAll([headers[0]!]));
  });

  test('is the same to one who gets the beginning, the cache and the flow from three muxers', () => {
    const sent = capture('ffmpeg-8-multitrack.flv');
    const memory = new StreamMemory();
    for (const one of sent) memory.remember(one);
    const media = sent.filter(({ isMedia }) => isMedia);
    const half = Math.floor(media.length / 2);
    const [first, second, third] = [1, 2, 3].map(() => innerFormat.createMuxer());
    for (const one of sent.toReversed()) third!.mux(one);
    const at = media[0]!.dts;
    const arrived = packetsOf([
      ...first!.begin(memory, at),
      ...media.slice(0, half).map((one) => second!.mux(one)!),
      ...media.slice(half).map((one) => third!.mux(one)!),
    ]);
    const expected = [...memory.remembered.map((one) => one.at(at)), ...media];
    const strip = (packets: readonly AVPacket[]) =>
      packets.map((one) => ({ ...(describePacket(one, undefined) as object), sharesOrigin: null }));
    assert.deepEqual(strip(arrived), strip(expected));
  });

  test('a configuration that no packet brought is sent with the track’s first packet, and to newcomers', () => {
    const track: Track = { id: 0, kind: 'video', codec: 'vp9', config: Buffer.from('c') };
    const media = ['a', 'b'].map(
      (label) => new AVPacket(track, 'key', micros(-40), micros(2 ** 52), Buffer.from(label), null),
    );
    const muxer = innerFormat.createMuxer();
    const units = media.map((one) => muxer.mux(one)!);
    assert.deepEqual(describeAll(packetsOf(units)), describeAll(media));
    const begun = muxer.begin({ tracks: [track], remembered: [] }, 0 as Micros);
    assert.deepEqual(describeAll(packetsOf([...begun, units[1]!])), describeAll([media[1]!]));
    assert.equal(packetsOf([units[1]!])[0]!.track.config, null, 'one that nobody sent has not come');
  });

  test('payloads that are not in their message are sent beside it', () => {
    const one = new AVPacket(
      { id: 0, kind: 'audio', codec: 'opus', config: null },
      'frame',
      micros(1),
      micros(2),
      Buffer.from('payload'),
      Buffer.from('message'),
    );
    assert.deepEqual(describeAll(packetsOf([innerFormat.createMuxer().mux(one)!])), describeAll([one]));
  });

  test('what a header holds is in memory of its own, and media in memory that is used up', () => {
    const muxer = innerFormat.createMuxer();
    const units = [packet('config', 'video', 0, 'vc'), packet('key', 'video', 0), packet('frame', 'video', 40)];
    const [config, key, frame] = packetsOf(units.map((one) => muxer.mux(one)!));
    assert.equal(config!.data.buffer.byteLength, config!.data.length);
    assert.equal(frame!.data.buffer, key!.data.buffer);
    assert.equal(frame!.data.byteOffset, key!.data.byteOffset + key!.data.length);
  });

  test('metadata is read again from its message', () => {
    const body = encodeAmf0(['onMetaData', { width: 320 }]);
    const track: Track = { id: 0, kind: 'data', codec: 'amf0', config: null };
    const [found] = packetsOf([
      innerFormat.createMuxer().mux(new MetadataPacket(track, micros(7), body, { width: 320 }))!,
    ]);
    assert.ok(found instanceof MetadataPacket);
    assert.deepEqual({ ...found.values }, { width: 320 });
    assert.deepEqual([found.dts, found.origin!.equals(body)], [7, true]);
  });
});

/** A packet's frame from its fields. */
function packetFrame(
  fields: Partial<Record<'kind' | 'codec' | 'type' | 'flags' | 'id' | 'config' | 'dts' | 'offset' | 'length', number>>,
  rest = '',
): Buffer {
  const bytes = Buffer.alloc(47);
  bytes.writeUInt32BE(43 + rest.length);
  bytes.set([5, fields.kind ?? 0, fields.codec ?? 1, fields.type ?? 5, fields.flags ?? 0], 4);
  bytes.writeUInt32BE(fields.id ?? 0, 9);
  bytes.writeUIntBE(fields.config ?? 0, 13, 6);
  bytes.writeDoubleBE(fields.dts ?? 0, 19);
  bytes.writeUInt32BE(fields.offset ?? 0, 39);
  bytes.writeUInt32BE(fields.length ?? rest.length, 43);
  return Buffer.concat([bytes, Buffer.from(rest)]);
}

describe('an inner reader refuses', () => {
  const { hasOrigin, isShared, isInOrigin, isConfig, isMetadata } = packetFlag;
  const small = innerLimits({ maxMessageBytes: 100, maxCommandBytes: 8, maxTracks: 2 });
  const accept = encodeAccept();
  const refused: readonly [string, InnerEnd, readonly Buffer[], RegExp][] = [
    ['a frame of no bytes', 'puller', [hex('00000000')], /a frame of 0 bytes \(inner byte 4\)/],
    ['a frame beyond the limit', 'puller', [hex('000004c9')], /frame of 1225 bytes exceeds maxFrameBytes 1224/],
    ['a long hello', 'owner', [hex('00002001')], /frame of 8193 bytes exceeds maxFrameBytes 8192/],
    ['an unknown frame', 'puller', [hex('00000001 09')], /a frame of type 9/],
    ['a stream without an answer', 'puller', [encodeRenew()], /a frame of type 6 in place of answer/],
    ['two answers', 'puller', [accept, accept], /a frame of type 2 in place of stream/],
    ['a hello from an owner', 'puller', [encodeHello({ token: '', path: '' })], /type 1 in place of answer/],
    ['a stream from a puller', 'owner', [encodeRenew()], /type 6 in place of hello/],
    ['more after a hello', 'owner', [encodeHello({ token: '', path: '' }), hex('00')], /bytes behind the last frame/],
    ['more after an end', 'puller', [accept, encodeMove(), hex('00')], /bytes behind the last frame/],
    ['bytes in a frame without any', 'puller', [hex('00000002 02 00')], /1 bytes in a frame that has none/],
    ['another beginning', 'owner', [hex('00000009 01 474554202f204854')], /does not begin with "NMSI"/],
    ['another version', 'owner', [hex('00000009 01 4e4d5349 0002 0000')], /version 2; 1 is spoken here/],
    ['a cut hello', 'owner', [hex('00000007 01 4e4d5349 0001')], /2 bytes needed, 0 left/],
    ['a token beyond its frame', 'owner', [hex('00000009 01 4e4d5349 0001 0005')], /5 bytes needed, 0 left/],
    ['a cut reason', 'puller', [hex('00000002 03 05')], /5 bytes needed, 0 left/],
    ['a cut packet', 'puller', [accept, hex('00000002 05 00')], /a packet in 1 bytes; 42 come first/],
    ['an unknown kind', 'puller', [accept, packetFrame({ kind: 3 })], /kind 3, codec 1, type 5/],
    ['an unknown codec', 'puller', [accept, packetFrame({ codec: 27 })], /codec 27/],
    ['an unknown type', 'puller', [accept, packetFrame({ type: 8 })], /type 8/],
    ['an unknown flag', 'puller', [accept, packetFrame({ flags: 32 })], /flags 100000 of a packet of type frame/],
    ['a part of no message', 'puller', [accept, packetFrame({ flags: isInOrigin })], /flags 100 /],
    ['a shared header', 'puller', [accept, packetFrame({ type: 1, flags: hasOrigin | isShared })], /type config/],
    ['a configuration in a frame', 'puller', [accept, packetFrame({ flags: isConfig })], /type frame/],
    [
      'metadata in a frame',
      'puller',
      [accept, packetFrame({ flags: hasOrigin | isInOrigin | isMetadata })],
      /type frame/,
    ],
    ['a time that is none', 'puller', [accept, packetFrame({ dts: Number.NaN })], /times NaN and 0/],
    ['a time with a fraction', 'puller', [accept, packetFrame({ dts: 0.5 })], /times 0.5 and 0/],
    ['a payload beyond its frame', 'puller', [accept, packetFrame({ length: 4 }, 'abc')], /payload of 4 bytes in 3/],
    ['a payload that ends early', 'puller', [accept, packetFrame({ length: 2 }, 'abc')], /1 bytes behind the payload/],
    [
      'a part beyond its message',
      'puller',
      [accept, packetFrame({ flags: hasOrigin | isInOrigin, offset: 2, length: 2 }, 'abc')],
      /2 bytes from 2 on of a message of 3/,
    ],
    [
      'metadata that is a part',
      'puller',
      [accept, packetFrame({ kind: 2, type: 0, flags: hasOrigin | isInOrigin | isMetadata, length: 1 }, 'abc')],
      /a part of a message/,
    ],
    [
      'a configuration with another’s number',
      'puller',
      [accept, packetFrame({ type: 1, flags: isConfig }, 'abc')],
      /calls itself another/,
    ],
    [
      'a large configuration',
      'puller',
      [accept, packetFrame({ type: 1, flags: isConfig, config: 1 }, 'abcdefghi')],
      /configuration of 9 bytes exceeds maxCommandBytes 8/,
    ],
    [
      'a large configuration alone',
      'puller',
      [accept, hex('0000000a 04 616263646566676869')],
      /configuration of 9 bytes exceeds maxCommandBytes 8/,
    ],
    [
      'too many tracks',
      'puller',
      [accept, ...[1, 2, 3].map((id) => packetFrame({ id }))],
      /track 3 exceeds maxTracks 2/,
    ],
  ];

  for (const [name, end, chunks, message] of refused) {
    test(`${name}, and goes on refusing`, () => {
      const reader = new InnerReader(end, small);
      for (const chunk of chunks) reader.push(chunk);
      const drain = () => {
        while (reader.next() !== null);
      };
      const error = assertProtocolError(drain, 'NMS_PROTOCOL_INNER', message);
      assert.throws(drain, (again) => again === error);
    });
  }

  test('no tracks of another publisher after those of the one before', () => {
    const tracks = (...ids: number[]) => ids.map((id) => packetFrame({ id }));
    const frames = readAll('puller', [accept, ...tracks(1, 2), encodeRenew(), ...tracks(3, 4)], small);
    assert.equal(frames.filter(({ type }) => type === 'packet').length, 4);
  });

  test('metadata that cannot be read, with the error of AMF', () => {
    const bytes = packetFrame({ kind: 2, codec: 26, type: 0, flags: hasOrigin | isInOrigin | isMetadata }, '\x63');
    const reader = new InnerReader('puller');
    for (const chunk of [accept, bytes]) reader.push(chunk);
    reader.next();
    assertProtocolError(() => reader.next(), 'NMS_PROTOCOL_AMF');
  });

  test('no more configurations than the limit: the oldest is forgotten', () => {
    const numbers = [1, 2, 3, 4, 5].map((turn) => configNumber(Buffer.from(`c${turn}`)));
    const config = (turn: number) => packetFrame({ type: 1, flags: isConfig, config: numbers[turn - 1]! }, `c${turn}`);
    const asked = [1, 2].map((turn) => packetFrame({ config: numbers[turn - 1]! }));
    const frames = readAll('puller', [accept, ...[1, 2, 3, 4, 5].map(config), ...asked], small);
    assert.deepEqual(
      frames.slice(-2).map((frame) => frame.type === 'packet' && frame.packet.track.config?.toString()),
      [undefined, 'c2'],
    );
  });
});
