import assert from 'node:assert/strict';
import type { Format } from '../../src/media/format.ts';
import type { AVPacket } from '../../src/media/packet.ts';
import type { BodyOptions } from '../../src/protocols/flv/flv-body.ts';
import { FlvDemuxer } from '../../src/protocols/flv/flv-demuxer.ts';
import type { FlvFraming } from '../../src/protocols/flv/flv-framing.ts';
import { createFlvFormat } from '../../src/protocols/flv/flv-muxer.ts';
import { FlvPacketReader } from '../../src/protocols/flv/flv-packet-reader.ts';
import { bodyKindOf } from '../../src/protocols/rtmp/messages/message.ts';
import { createRtmpFormat } from '../../src/protocols/rtmp/rtmp-muxer.ts';
import { u32, WireReader, wire } from '../support/rtmp-wire.ts';

/** A way to write a stream, and our own way to read it back. */
export interface FormatKind {
  readonly format: Format;
  /** The same format once more, made from equal options. */
  readonly again: Format;
  readonly options: BodyOptions;
  /** What surrounds the bodies. */
  readonly wrapping: string;
  /** The packets in these bytes, which arrive in these pieces. */
  read(pieces: readonly Buffer[]): AVPacket[];
}

const bodyOptions: readonly BodyOptions[] = [true, false].flatMap((audio) =>
  [true, false].flatMap((video) =>
    (['all', 'first'] as const).flatMap((tracks) =>
      (['as-is', 'legacy', 'enhanced'] as const).flatMap((hevc) =>
        [true, false].map((details) => ({ audio, video, tracks, hevc, details })),
      ),
    ),
  ),
);

/** RFC 9112, 7.1: the data of complete chunks. */
function unchunk(bytes: Buffer): Buffer {
  const data: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const line = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    assert.ok(size > 0, 'a chunk of 0 bytes ends the body');
    data.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
    assert.equal(bytes.toString('latin1', at - 2, at), '\r\n');
  }
  return Buffer.concat(data);
}

/** RFC 6455, 5.2: the payloads of final, binary, unmasked frames. */
function unframe(bytes: Buffer): Buffer {
  const data: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    assert.equal(bytes[at], 0x82);
    const short = bytes[at + 1]!;
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const size =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    data.push(bytes.subarray(at + head, at + head + size));
    at += head + size;
  }
  return Buffer.concat(data);
}

function readFlv(pieces: readonly Buffer[]): AVPacket[] {
  const demuxer = new FlvDemuxer();
  const found: AVPacket[] = [];
  for (const piece of pieces) {
    demuxer.push(piece);
    for (let packets = demuxer.next(); packets !== null; packets = demuxer.next()) found.push(...packets);
  }
  assert.deepEqual([demuxer.malformed, demuxer.skipped], [0, 0]);
  return found;
}

function flvKind(framing: FlvFraming, options: BodyOptions): FormatKind {
  const unwrap = { plain: (bytes: Buffer) => bytes, chunked: unchunk, websocket: unframe }[framing];
  return {
    format: createFlvFormat({ framing, ...options }),
    again: createFlvFormat({ ...options, framing }),
    options,
    wrapping: `FLV ${framing}`,
    // A client's HTTP or WebSocket library takes the frames off before FLV is read.
    read: (pieces) => (framing === 'plain' ? readFlv(pieces) : readFlv([unwrap(Buffer.concat(pieces))])),
  };
}

function rtmpKind(chunkSize: number, messageStreamId: number, options: BodyOptions): FormatKind {
  return {
    format: createRtmpFormat({ chunkSize, messageStreamId, ...options }),
    again: createRtmpFormat({ ...options, messageStreamId, chunkSize }),
    options,
    wrapping: `RTMP in chunks of ${chunkSize} on message stream ${messageStreamId}`,
    read: (pieces) => {
      const wireReader = new WireReader();
      wireReader.read(wire({ chunkStreamId: 2, typeId: 1 }, u32(chunkSize)));
      const reader = new FlvPacketReader();
      return pieces.flatMap((piece) =>
        wireReader.read(piece).flatMap(({ typeId, timestamp, payload, streamId }) => {
          assert.equal(streamId, messageStreamId);
          return reader.read(bodyKindOf(typeId)!, timestamp, payload);
        }),
      );
    },
  };
}

/** Every format with every option. */
export const formatKinds: readonly FormatKind[] = bodyOptions.flatMap((options) => [
  ...(['plain', 'chunked', 'websocket'] as const).map((framing) => flvKind(framing, options)),
  rtmpKind(65_536, 1, options),
  rtmpKind(128, 1, options),
  rtmpKind(128, 2, options),
]);
