import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AVPacket, MetadataPacket } from '../../../../src/media/packet.ts';
import { micros } from '../../../../src/media/time.ts';
import { type AmfValue, amfObject, ecmaArray } from '../../../../src/protocols/amf/amf-value.ts';
import { decodeAmf0, encodeAmf0 } from '../../../../src/protocols/amf/amf0.ts';
import { type FlvBodyKind, FlvPacketReader } from '../../../../src/protocols/flv/flv-packet-reader.ts';
import { assertProtocolError } from '../../../support/errors.ts';
import { hex } from '../../../vectors/amf.ts';

function read(body: Buffer, kind: FlvBodyKind = 'data'): AVPacket[] {
  return new FlvPacketReader().read(kind, 7, body);
}

function metadata(body: Buffer, kind: FlvBodyKind = 'data'): MetadataPacket {
  const [packet, ...more] = read(body, kind);
  assert.ok(packet instanceof MetadataPacket);
  assert.deepEqual(more, []);
  return packet;
}

const info = { width: 1280, videocodecid: 1635135537, custom: ecmaArray({ b: 1, a: [1] }) };

describe('data messages', () => {
  test('onMetaData goes on in its own bytes when nothing must change', () => {
    const body = encodeAmf0(['onMetaData', ecmaArray(info)]);
    const packet = metadata(body);
    assert.deepEqual(packet.origin, body);
    assert.equal(packet.data, packet.origin);
    assert.deepEqual([packet.type, packet.dts, packet.pts], ['metadata', 7000, 7000]);
    assert.deepEqual(packet.track, { id: 0, kind: 'data', codec: 'amf0', config: null });
    assert.deepEqual(packet.values, amfObject(info));
  });

  test('@setDataFrame is stripped, the rest stays the same bytes', () => {
    const bare = encodeAmf0(['onMetaData', info]);
    const packet = metadata(Buffer.concat([encodeAmf0(['@setDataFrame']), bare]));
    assert.deepEqual(packet.origin, bare);
  });

  test('what is true of a file only is taken out, all else stays as it was', () => {
    const file = {
      duration: 12.5,
      width: 1280,
      fileSize: 99,
      filesize: 99,
      keyframes: { times: [0], filepositions: [13] },
      hasKeyframes: true,
      lasttimestamp: 12,
      lastkeyframetimestamp: 10,
      canSeekToEnd: true,
      videocodecid: 1635135537,
      encoder: 'Lavf',
    };
    const kept = { width: 1280, videocodecid: 1635135537, encoder: 'Lavf' };
    for (const values of [ecmaArray(file), amfObject(file)]) {
      const packet = metadata(encodeAmf0(['@setDataFrame', 'onMetaData', values, 'more']));
      assert.deepEqual(packet.origin, encodeAmf0(['onMetaData', ecmaArray(kept), 'more']));
      assert.deepEqual(packet.values, amfObject(kept));
    }
  });

  test('a duration of 0, as encoders send it, is taken out too', () => {
    assert.deepEqual(
      metadata(encodeAmf0(['onMetaData', ecmaArray({ duration: 0, fps: 25 })])).values,
      amfObject({ fps: 25 }),
    );
  });

  test('the name __proto__ in metadata is a name like any other', () => {
    const body = hex(
      '02 000a 6f6e4d65746144617461 08 00000002 0008 6475726174696f6e 05 0009 5f5f70726f746f5f5f 03 000009 000009',
    );
    const packet = metadata(body);
    assert.deepEqual(Object.keys(packet.values), ['__proto__']);
    assert.equal(Object.getPrototypeOf(packet.values), null);
  });

  test('metadata without values, or with something else in their place, has none', () => {
    for (const values of [['onMetaData'], ['onMetaData', null], ['onMetaData', [1]]]) {
      const body = encodeAmf0(values as AmfValue[]);
      assert.deepEqual(Object.keys(metadata(body).values), []);
      assert.deepEqual(metadata(body).origin, body);
    }
  });

  test('metadata in a message of another time keeps its values', () => {
    const packet = metadata(encodeAmf0(['onMetaData', info]));
    const later = packet.at(micros(9000));
    assert.ok(later instanceof MetadataPacket);
    assert.equal(later.dts, 9000);
    assert.equal(later.values, packet.values);
  });

  test('AMF3 data becomes AMF0', () => {
    const body = hex('00 02 000d 40736574446174614672616d65 11 06 15 6f6e4d65746144617461 11 0a0b 01 0361 0405 01');
    const packet = metadata(body, 'data-amf3');
    assert.deepEqual(packet.origin, encodeAmf0(['onMetaData', amfObject({ a: 5 })]));
    assert.deepEqual(packet.values, amfObject({ a: 5 }));
  });

  test('AMF3 data without its format byte is read as well', () => {
    assert.deepEqual(metadata(encodeAmf0(['onMetaData', info]), 'data-amf3').values, amfObject(info));
  });

  test('other data flows, with @setDataFrame stripped and without being read', () => {
    const cue = Buffer.concat([encodeAmf0(['onCuePoint']), hex('ff ff')]);
    const [packet] = read(Buffer.concat([encodeAmf0(['@setDataFrame']), cue]));
    assert.deepEqual([packet!.type, packet!.track.kind, packet!.isMedia, packet!.dts], ['frame', 'data', false, 7000]);
    assert.deepEqual(packet!.origin, cue);
    const text = encodeAmf0(['onTextData', { text: 'a' }]);
    assert.equal(read(text)[0]!.origin, text);
  });

  test('what only a server needs, or has no name, makes no packet', () => {
    const none: readonly Buffer[] = [
      encodeAmf0(['@clearDataFrame', 'onMetaData']),
      encodeAmf0(['|RtmpSampleAccess', true, true]),
      encodeAmf0(['@setDataFrame']),
      hex('00 000001'),
      Buffer.alloc(0),
      hex('02 ffff 61'),
      hex('02 00'),
      encodeAmf0([1, 'onMetaData']),
    ];
    for (const body of none) assert.deepEqual(read(body), []);
  });

  test('metadata that cannot be read is refused', () => {
    const cut = encodeAmf0(['onMetaData', info]).subarray(0, 20);
    assertProtocolError(() => read(cut), 'NMS_PROTOCOL_AMF');
    assertProtocolError(() => read(hex('00 7f'), 'data-amf3'), 'NMS_PROTOCOL_AMF');
    assertProtocolError(
      () => read(Buffer.alloc(262_145, 2)),
      'NMS_PROTOCOL_FLV',
      /262145 bytes exceeds maxCommandBytes 262144/,
    );
  });

  test('limits are the ones that were given', () => {
    const body = encodeAmf0(['onMetaData', { a: { b: { c: 1 } } }]);
    assert.equal(new FlvPacketReader({ maxAmfDepth: 3 }).read('data', 0, body).length, 1);
    assertProtocolError(
      () => new FlvPacketReader({ maxAmfDepth: 2 }).read('data', 0, body),
      'NMS_PROTOCOL_AMF',
      /maxAmfDepth 2/,
    );
  });

  test('re-encoded metadata is still within a reader of the same limits', () => {
    const packet = metadata(encodeAmf0(['onMetaData', { duration: 1, nested: { list: [1, null, 'x'] } }]));
    assert.deepEqual(decodeAmf0(packet.origin!), [
      'onMetaData',
      amfObject({ nested: amfObject({ list: [1, null, 'x'] }) }),
    ]);
  });
});
