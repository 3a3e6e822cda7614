import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AVPacket, MetadataPacket } from '../../../../src/media/packet.ts';
import { micros } from '../../../../src/media/time.ts';
import { amfObject, ecmaArray } from '../../../../src/protocols/amf/amf-value.ts';
import { decodeAmf0, encodeAmf0 } from '../../../../src/protocols/amf/amf0.ts';
import {
  type BodyOptions,
  BodySelector,
  selectBody,
  selectRemembered,
} from '../../../../src/protocols/flv/flv-body.ts';
import { type FlvBodyKind, FlvPacketReader } from '../../../../src/protocols/flv/flv-packet-reader.ts';
import { hex } from '../../../vectors/amf.ts';
import {
  audioVectors,
  avcRecord,
  cc,
  hevcRecord,
  idr,
  opusHead,
  slice,
  videoVectors,
} from '../../../vectors/flv-bodies.ts';

const all: BodyOptions = { audio: true, video: true, tracks: 'all', hevc: 'as-is' };
const first: BodyOptions = { ...all, tracks: 'first' };
const legacy: BodyOptions = { ...all, hevc: 'legacy' };
const enhanced: BodyOptions = { ...all, hevc: 'enhanced' };

function read(kind: FlvBodyKind, body: string | Buffer, reader = new FlvPacketReader()): AVPacket[] {
  return reader.read(kind, 1000, typeof body === 'string' ? hex(body) : body);
}

/** What a player is sent for a body, in hex; `null` for nothing. */
function select(kind: FlvBodyKind, body: string, options: BodyOptions): (string | null)[] {
  const selector = new BodySelector(options);
  return read(kind, body).map((packet) => selector.select(packet)?.toString('hex') ?? null);
}

function compact(text: string): string {
  return text.replaceAll(' ', '');
}

describe('selectBody, all tracks', () => {
  test('gives each body back as it came, for whatever it is', () => {
    for (const { kind, body } of [...videoVectors, ...audioVectors]) {
      for (const packet of read(kind, body)) assert.ok(selectBody(packet, all) === packet.origin);
    }
  });

  test('a message of several tracks is sent once', () => {
    for (const { name, kind, body } of [...videoVectors, ...audioVectors]) {
      const [whole, ...rest] = select(kind, body, all);
      assert.equal(whole, compact(body), name);
      assert.ok(
        rest.every((none) => none === null),
        name,
      );
    }
  });

  test('one packet sent again is sent again', () => {
    const selector = new BodySelector(all);
    const [packet] = read('audio', 'af00 1190');
    assert.ok(selector.select(packet!) === packet!.origin);
    assert.ok(selector.select(packet!.at(micros(5000))) === packet!.origin);
  });

  test('equal messages one after the other are all sent', () => {
    const selector = new BodySelector(all);
    const reader = new FlvPacketReader();
    for (let turn = 0; turn < 3; turn++) assert.notEqual(selector.select(read('audio', 'af01 21', reader)[0]!), null);
  });
});

describe('selectBody, kinds', () => {
  const video = read('video', `17 01 000000 ${idr}`)[0]!;
  const audio = read('audio', 'af01 21')[0]!;
  const text = read('data', encodeAmf0(['onTextData', 'a']))[0]!;

  test('a kind that is not wanted is not sent, data always is', () => {
    assert.equal(selectBody(video, { ...all, video: false }), null);
    assert.equal(selectBody(audio, { ...all, audio: false }), null);
    assert.equal(selectBody(video, { ...all, audio: false }), video.origin);
    assert.equal(selectBody(audio, { ...all, video: false }), audio.origin);
    assert.equal(selectBody(text, { ...all, audio: false, video: false }), text.origin);
  });

  test('metadata says so, for players wait for what it promises', () => {
    const body = encodeAmf0(['onMetaData', ecmaArray({ hasAudio: true, hasVideo: true, width: 2, n: { a: [1] } })]);
    const [metadata] = read('data', body);
    assert.equal(selectBody(metadata!, all), metadata!.origin);
    const mute = selectBody(metadata!, { ...all, audio: false })!;
    assert.deepEqual(decodeAmf0(mute), [
      'onMetaData',
      amfObject({ hasAudio: false, hasVideo: true, width: 2, n: amfObject({ a: [1] }) }),
    ]);
    const blind = decodeAmf0(selectBody(metadata!, { ...all, video: false })!)[1] as { hasVideo?: boolean };
    assert.equal(blind.hasVideo, false);
    assert.ok(metadata instanceof MetadataPacket);
    assert.equal(metadata.values['hasAudio'], true, 'the packet is not changed');
  });

  test('metadata of any kind can be filtered, however deep its reader let it be', () => {
    const body = Buffer.concat([encodeAmf0(['onMetaData']), Buffer.from(`${'03000161'.repeat(200)}05`, 'hex')]);
    const [metadata] = new FlvPacketReader({ maxAmfDepth: 500 }).read('data', 0, body);
    assert.notEqual(selectBody(metadata!, { ...all, audio: false }), null);
  });
});

describe('selectBody, the first track only', () => {
  const cases: readonly [name: string, kind: 'audio' | 'video', body: string, expected: readonly (string | null)[]][] =
    [
      ['a legacy body stays', 'video', `17 01 000000 ${idr}`, [`17 01 000000 ${idr}`]],
      ['a plain enhanced body stays', 'video', `91 ${cc.hvc1} 000000 ${idr}`, [`91 ${cc.hvc1} 000000 ${idr}`]],
      ['ModEx without a wrapper stays', 'video', `97 00 aa 03 ${cc.hvc1} ${idr}`, [`97 00 aa 03 ${cc.hvc1} ${idr}`]],
      ['another track is not sent', 'video', `96 01 ${cc.hvc1} 01 000000 ${idr}`, [null]],
      [
        'track 0 alone in a wrapper is unwrapped',
        'video',
        `96 01 ${cc.hvc1} 00 000028 ${idr}`,
        [`91 ${cc.hvc1} 000028 ${idr}`],
      ],
      ['its configuration too', 'video', `96 00 ${cc.avc1} 00 ${avcRecord}`, [`90 ${cc.avc1} ${avcRecord}`]],
      ['its end too', 'video', `96 02 ${cc.avc1} 00`, [`92 ${cc.avc1}`]],
      [
        'one of many is taken out',
        'video',
        `a6 13 ${cc.hvc1} 02 000006 ${idr} 00 000006 ${slice}`,
        [`a3 ${cc.hvc1} ${slice}`, null],
      ],
      [
        'one of many codecs is taken out',
        'audio',
        `95 21 ${cc.opus} 01 000001 aa ${cc.mp4a} 00 000002 2110`,
        [`91 ${cc.mp4a} 2110`, null],
      ],
      ['no track 0 in it', 'audio', `95 11 ${cc.mp4a} 01 000001 aa 02 000001 bb`, [null, null]],
      [
        'ModEx before the wrapper is kept',
        'video',
        `97 02 0003e8 06 01 ${cc.av01} 00 0a0100`,
        [`97 02 0003e8 01 ${cc.av01} 0a0100`],
      ],
      [
        'ModEx of audio before the wrapper is kept',
        'audio',
        `97 00 aa 15 11 ${cc.mp4a} 00 000001 cc 01 000001 dd`,
        [`97 00 aa 11 ${cc.mp4a} cc`, null],
      ],
      ['a layout nobody defined is not sent', 'video', `96 31 ${cc.avc1} 00`, [null]],
      ['ModEx inside a wrapper is not sent', 'video', `96 07 ${cc.avc1} 00 02`, [null]],
      ['an unknown codec in a wrapper is unwrapped', 'video', `96 01 ${cc.unknown} 00 aabb`, [`91 ${cc.unknown} aabb`]],
      ['what is not understood and not wrapped stays', 'video', `9f ${cc.hvc1} 01`, [`9f ${cc.hvc1} 01`]],
      ['silence stays', 'audio', '', ['']],
    ];
  for (const [name, kind, body, expected] of cases) {
    test(name, () => {
      assert.deepEqual(
        select(kind, body, first),
        expected.map((text) => (text === null ? null : compact(text))),
      );
    });
  }

  test('tracks of equal bytes are told apart', () => {
    assert.deepEqual(select('audio', `95 11 ${cc.mp4a} 01 000001 aa 00 000001 aa`, first), [
      compact(`91 ${cc.mp4a} aa`),
      null,
    ]);
  });
});

describe('selectBody, HEVC', () => {
  const pairs: readonly [name: string, legacyBody: string, enhancedBody: string][] = [
    ['sequence header', `1c 00 000000 ${hevcRecord}`, `90 ${cc.hvc1} ${hevcRecord}`],
    ['key frame with composition time', `1c 01 000028 ${idr}`, `91 ${cc.hvc1} 000028 ${idr}`],
    ['inter frame, negative composition time', `2c 01 ffffd8 ${slice}`, `a1 ${cc.hvc1} ffffd8 ${slice}`],
    ['frame without composition time', `2c 01 000000 ${slice}`, `a3 ${cc.hvc1} ${slice}`],
    ['disposable frame', `3c 01 000001 ${slice}`, `b1 ${cc.hvc1} 000001 ${slice}`],
    ['end', '1c 02 000000', `92 ${cc.hvc1}`],
  ];
  for (const [name, legacyBody, enhancedBody] of pairs) {
    test(`${name}, each form from the other`, () => {
      assert.deepEqual(select('video', legacyBody, enhanced), [compact(enhancedBody)]);
      assert.deepEqual(select('video', enhancedBody, legacy), [compact(legacyBody)]);
    });

    test(`${name}, untouched in the form it has`, () => {
      const [old] = read('video', legacyBody);
      const [young] = read('video', enhancedBody);
      assert.ok(selectBody(old!, legacy) === old!.origin);
      assert.ok(selectBody(young!, enhanced) === young!.origin);
    });
  }

  test('CodedFrames without composition time has a legacy form', () => {
    assert.deepEqual(select('video', `a1 ${cc.hvc1} 000000 ${slice}`, legacy), [compact(`2c 01 000000 ${slice}`)]);
  });

  test('a sequence header of frame type 0 becomes one of a key frame', () => {
    assert.deepEqual(select('video', `80 ${cc.hvc1} ${hevcRecord}`, legacy), [compact(`1c 00 000000 ${hevcRecord}`)]);
  });

  test('frame type 0 becomes what the frame is', () => {
    assert.deepEqual(select('video', `83 ${cc.hvc1} 00000003 260100`, legacy), ['1c0100000000000003260100']);
    assert.deepEqual(select('video', `83 ${cc.hvc1} 00000003 020100`, legacy), ['2c0100000000000003020100']);
  });

  test('HEVC under the id of AVC gets its own id, or its FourCC', () => {
    const body = `17 00 000000 ${hevcRecord}`;
    assert.deepEqual(select('video', body, legacy), [compact(`1c 00 000000 ${hevcRecord}`)]);
    assert.deepEqual(select('video', body, enhanced), [compact(`90 ${cc.hvc1} ${hevcRecord}`)]);
    assert.deepEqual(select('video', body, all), [compact(body)]);
  });

  test('colour has no legacy form', () => {
    assert.deepEqual(select('video', `84 ${cc.hvc1} 020009636f6c6f72496e666f 05`, legacy), [null]);
  });

  test('ModEx has no legacy form and is dropped, the frame stays', () => {
    assert.deepEqual(select('video', `97 02 0003e8 01 ${cc.hvc1} 000001 ${idr}`, legacy), [
      compact(`1c 01 000001 ${idr}`),
    ]);
  });

  test('a wrapper stays for players of all tracks, and is taken off before for players of one', () => {
    const body = `96 13 ${cc.hvc1} 00 000006 ${idr} 01 000006 ${slice}`;
    assert.deepEqual(select('video', body, legacy), [compact(body), null]);
    assert.deepEqual(select('video', body, { ...first, hevc: 'legacy' }), [compact(`1c 01 000000 ${idr}`), null]);
  });

  test('other codecs, commands and what is not understood stay', () => {
    for (const body of [`17 01 000000 ${idr}`, '17 02', `91 ${cc.av01} 0a0100`, '57 00', `9f ${cc.hvc1} 00`]) {
      assert.deepEqual(select('video', body, enhanced), [compact(body)]);
      assert.deepEqual(select('video', body, legacy), [compact(body)]);
    }
    const reader = new FlvPacketReader();
    read('video', `1c 00 000000 ${hevcRecord}`, reader);
    for (const body of ['57 00', 'd1 00']) {
      for (const options of [legacy, enhanced]) {
        assert.equal(selectBody(read('video', body, reader)[0]!, options)!.toString('hex'), compact(body));
      }
    }
  });

  test('the end without composition time has an enhanced form', () => {
    const reader = new FlvPacketReader();
    read('video', `1c 00 000000 ${hevcRecord}`, reader);
    assert.equal(selectBody(read('video', '1c 02', reader)[0]!, enhanced)!.toString('hex'), compact(`92 ${cc.hvc1}`));
  });
});

describe('selectBody without details, as mpegts.js 1.8 needs it', () => {
  test('leaves out colour and channel layout, and nothing else', () => {
    const left = new Set<string>();
    for (const { kind, body } of [...videoVectors, ...audioVectors]) {
      for (const packet of read(kind, body)) {
        const isDetail = packet.type === 'color' || packet.type === 'channels';
        if (isDetail) left.add(packet.type);
        assert.ok(selectBody(packet, { ...all, details: false }) === (isDetail ? null : packet.origin));
      }
    }
    assert.deepEqual([...left].sort(), ['channels', 'color']);
  });
});

describe('selectRemembered', () => {
  const bodies = (remembered: readonly AVPacket[], options: BodyOptions) =>
    selectRemembered(remembered, options).map(({ body }) => body.toString('hex'));

  test('gives the bodies in order', () => {
    const reader = new FlvPacketReader();
    const remembered = [
      ...read('data', encodeAmf0(['onMetaData', { a: 1 }]), reader),
      ...read('audio', 'af00 1190', reader),
      ...read('video', `17 00 000000 ${avcRecord}`, reader),
    ];
    assert.deepEqual(
      bodies(remembered, all),
      remembered.map(({ origin }) => origin!.toString('hex')),
    );
    assert.deepEqual(bodies(remembered, { ...all, audio: false }).length, 2);
    assert.deepEqual(
      selectRemembered(remembered, all).map(({ packet }) => packet),
      remembered,
    );
  });

  const many = `95 20 ${cc.mp4a} 00 000002 1190 ${cc.opus} 01 000013 ${opusHead}`;

  test('a message of several tracks is given once', () => {
    const remembered = read('audio', many);
    assert.equal(remembered.length, 2);
    assert.deepEqual(bodies(remembered, all), [compact(many)]);
    assert.deepEqual(bodies(remembered, first), [compact(`90 ${cc.mp4a} 1190`)]);
  });

  test('a message of which a part is outdated is given in the part that is not', () => {
    const reader = new FlvPacketReader();
    const [old, opus] = read('audio', many, reader);
    assert.equal(old!.track.codec, 'aac');
    const [fresh] = read('audio', 'af00 1210', reader);
    assert.deepEqual(bodies([fresh!, opus!], all), ['af001210', compact(`95 00 ${cc.opus} 01 ${opusHead}`)]);
  });

  test('ModEx is kept before such a part', () => {
    const reader = new FlvPacketReader();
    const [, second] = read('audio', `97 00 aa 15 ${many.slice(3)}`, reader);
    assert.deepEqual(bodies([second!], all), [compact(`97 00 aa 15 00 ${cc.opus} 01 ${opusHead}`)]);
  });

  test('packets at another time are the same packets', () => {
    const remembered = read('audio', many).map((packet) => packet.at(micros(5_000_000)));
    assert.deepEqual(bodies(remembered, all), [compact(many)]);
  });

  test('HEVC is given in the form that is wanted, without colour in legacy', () => {
    const reader = new FlvPacketReader();
    const remembered = [
      ...read('video', `84 ${cc.hvc1} 020009636f6c6f72496e666f 05`, reader),
      ...read('video', `90 ${cc.hvc1} ${hevcRecord}`, reader),
    ];
    assert.deepEqual(bodies(remembered, legacy), [compact(`1c 00 000000 ${hevcRecord}`)]);
  });
});
