import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FlvPacketReader } from '../../../../src/protocols/flv/flv-packet-reader.ts';
import { assertProtocolError } from '../../../support/errors.ts';
import { hex } from '../../../vectors/amf.ts';
import { audioVectors, refusedVectors, videoVectors } from '../../../vectors/flv-bodies.ts';

describe('bodies', () => {
  for (const { name, kind, body, packets } of [...videoVectors, ...audioVectors]) {
    test(`${kind}: ${name}`, () => {
      const bytes = hex(body);
      const read = new FlvPacketReader().read(kind, 1000, bytes);
      assert.deepEqual(
        read.map(({ track, type, dts, pts, data }) => ({
          id: track.id,
          kind: track.kind,
          codec: track.codec,
          type,
          dts,
          offset: pts - dts,
          data: data.toString('hex'),
        })),
        packets.map(({ id = 0, codec, type, offset = 0, data }) => ({
          id,
          kind,
          codec,
          type,
          dts: 1_000_000,
          offset,
          data: data.replaceAll(' ', ''),
        })),
      );
      const origin = read[0]?.origin ?? null;
      // Headers are copied out of the memory that the media around them lies in.
      if (!read.some((packet) => packet.isHeader)) assert.ok(origin === null || origin === bytes);
      for (const packet of read) {
        assert.ok(packet.origin === origin, 'one body for all');
        assert.deepEqual(origin, bytes, 'the body goes on untouched');
        const start = packet.data.byteOffset - origin!.byteOffset;
        assert.ok(packet.data.buffer === origin!.buffer, 'the payload is a view of it');
        assert.ok(start >= 0 && start + packet.data.length <= bytes.length);
      }
    });
  }

  for (const { name, kind, body, message } of refusedVectors) {
    test(`refuses ${kind}: ${name}`, () => {
      const reader = new FlvPacketReader();
      assertProtocolError(() => reader.read(kind, 0, hex(body)), 'NMS_PROTOCOL_FLV', message);
      assert.deepEqual(reader.tracks, []);
    });
  }
});
