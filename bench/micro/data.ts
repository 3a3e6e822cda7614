import { encodeFlvHeader, encodeTag, flvTagType } from '../../src/protocols/flv/flv-tag.ts';
import type { FlvBodyKind } from '../../src/protocols/flv/flv-packet-reader.ts';
import { encodeChunks } from '../../src/protocols/rtmp/chunk-writer.ts';
import { ChunkStreamId, MessageType } from '../../src/protocols/rtmp/messages/message.ts';
import { stream } from '../stream.ts';

/** The body of one message, as a publisher sends it. */
export interface Body {
  readonly kind: Extract<FlvBodyKind, 'audio' | 'video'>;
  readonly timestampMs: number;
  readonly bytes: Buffer;
}

/** What a socket hands out at once. */
const readBytes = 65_536;
const audioPerS = 44_100 / 1_024;

/** AVC, Constrained Baseline 3.1, 1280x720. */
const avcConfig = Buffer.from('17000000000142c01fffe1000a6742c01f95a014016e40010004' + '68ce3c80', 'hex');
/** AAC-LC, 44.1 kHz, stereo. */
const aacConfig = Buffer.from('af001210', 'hex');

/** Both configurations, then one group of pictures with its sound, at the rates of the bench's stream. */
export function makeBodies(): Body[] {
  const seconds = stream.gop / stream.fps;
  const unit = ((stream.videoBps / 8) * seconds) / (stream.gop + 5);
  const video = Array.from({ length: stream.gop }, (_, i): Body => {
    const isKey = i === 0;
    const bytes = Buffer.alloc(Math.round(isKey ? 6 * unit : unit), 0xa5);
    Buffer.of(isKey ? 0x17 : 0x27, 1, 0, 0, 0).copy(bytes);
    bytes.writeUInt32BE(bytes.length - 9, 5);
    bytes[9] = isKey ? 0x65 : 0x41;
    return { kind: 'video', timestampMs: Math.round((1000 * i) / stream.fps), bytes };
  });
  const audio = Array.from({ length: Math.round(audioPerS * seconds) }, (_, i): Body => {
    const bytes = Buffer.alloc(Math.round(stream.audioBps / 8 / audioPerS), 0xa5);
    Buffer.of(0xaf, 1).copy(bytes);
    return { kind: 'audio', timestampMs: Math.round((1000 * i) / audioPerS), bytes };
  });
  return [
    { kind: 'video', timestampMs: 0, bytes: avcConfig },
    { kind: 'audio', timestampMs: 0, bytes: aacConfig },
    ...[...video, ...audio].sort((a, b) => a.timestampMs - b.timestampMs),
  ];
}

/** The bodies as an RTMP peer with chunks of `chunkSize` would send them, in the pieces of a socket. */
export function asRtmp(bodies: readonly Body[], chunkSize: number): Buffer[] {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(chunkSize);
  const { control } = ChunkStreamId;
  const announced = { chunkStreamId: control, timestamp: 0, typeId: MessageType.setChunkSize, streamId: 0 };
  return inPieces([
    encodeChunks(announced, size, chunkSize),
    ...bodies.map(({ kind, timestampMs, bytes }) => {
      const header = {
        chunkStreamId: ChunkStreamId[kind],
        timestamp: timestampMs,
        typeId: MessageType[kind],
        streamId: 1,
      };
      return encodeChunks(header, bytes, chunkSize);
    }),
  ]);
}

/** The bodies as an FLV stream, in the pieces of a socket. */
export function asFlv(bodies: readonly Body[]): Buffer[] {
  return inPieces([
    encodeFlvHeader({ hasAudio: true, hasVideo: true }),
    ...bodies.map(({ kind, timestampMs, bytes }) => encodeTag({ type: flvTagType[kind], timestampMs, body: bytes })),
  ]);
}

function inPieces(parts: readonly Buffer[]): Buffer[] {
  const all = Buffer.concat(parts);
  const count = Math.ceil(all.length / readBytes);
  return Array.from({ length: count }, (_, i) => all.subarray(i * readBytes, (i + 1) * readBytes));
}
