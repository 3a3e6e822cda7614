import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { do_not_optimize as keep, measure } from 'mitata';
import { ByteQueue } from '../../src/bytes/byte-queue.ts';
import type { Format } from '../../src/media/format.ts';
import { wireLimits } from '../../src/media/limits.ts';
import type { AVPacket } from '../../src/media/packet.ts';
import { amfObject, ecmaArray } from '../../src/protocols/amf/amf-value.ts';
import { decodeAmf0, encodeAmf0 } from '../../src/protocols/amf/amf0.ts';
import { FlvDemuxer } from '../../src/protocols/flv/flv-demuxer.ts';
import { createFlvFormat } from '../../src/protocols/flv/flv-muxer.ts';
import { FlvPacketReader } from '../../src/protocols/flv/flv-packet-reader.ts';
import { ChunkReader } from '../../src/protocols/rtmp/chunk-reader.ts';
import { encodeChunks } from '../../src/protocols/rtmp/chunk-writer.ts';
import { createRtmpFormat } from '../../src/protocols/rtmp/rtmp-muxer.ts';
import type { MicroReport } from '../results.ts';
import { microTable } from '../tables.ts';
import { asFlv, asRtmp, makeBodies } from './data.ts';

/** One thing measured: `run` handles `packets` packets of `bytes` in all. */
interface Micro {
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
  run(): void;
}

const bodies = makeBodies();
const mediaBytes = bodies.reduce((sum, { bytes }) => sum + bytes.length, 0);
const bodyOptions = { audio: true, video: true, tracks: 'all', hevc: 'as-is' } as const;

function readBodies(): AVPacket[] {
  const reader = new FlvPacketReader();
  return bodies.flatMap(({ kind, timestampMs, bytes }) => reader.read(kind, timestampMs, bytes));
}

function perStream(name: string, run: () => void): Micro {
  return { name, packets: bodies.length, bytes: mediaBytes, run };
}

function chunkReader(chunkSize: number): Micro {
  const pieces = asRtmp(bodies, chunkSize);
  return perStream(`RTMP chunk reader, chunks of ${chunkSize}`, () => {
    const input = new ByteQueue();
    const reader = new ChunkReader(input, wireLimits);
    let count = 0;
    for (const piece of pieces) {
      input.push(piece);
      while (reader.next() !== null) count++;
    }
    if (count !== bodies.length) throw new Error(`${count} of ${bodies.length} messages were read`);
  });
}

function chunkWriter(chunkSize: number): Micro {
  return perStream(`RTMP chunk writer, chunks of ${chunkSize}`, () => {
    for (const { timestampMs, bytes } of bodies) {
      keep(encodeChunks({ chunkStreamId: 6, timestamp: timestampMs, typeId: 9, streamId: 1 }, bytes, chunkSize));
    }
  });
}

function flvDemuxer(): Micro {
  const pieces = asFlv(bodies);
  return perStream('FLV demuxer, packet reader included', () => {
    const demuxer = new FlvDemuxer();
    let count = 0;
    for (const piece of pieces) {
      demuxer.push(piece);
      for (let packets = demuxer.next(); packets !== null; packets = demuxer.next()) count += packets.length;
    }
    if (count !== bodies.length) throw new Error(`${count} of ${bodies.length} packets were read`);
  });
}

function muxer(name: string, format: Format): Micro {
  const packets = readBodies();
  return perStream(name, () => {
    const made = format.createMuxer();
    for (const packet of packets) {
      if (made.mux(packet) === null) throw new Error('a packet was left out');
    }
  });
}

function amf(): Micro[] {
  const command = [
    'connect',
    1,
    amfObject({
      app: 'live',
      flashVer: 'LNX 9,0,124,2',
      tcUrl: 'rtmp://127.0.0.1/live',
      capabilities: 15,
      audioCodecs: 4071,
    }),
  ];
  const metadata = [
    '@setDataFrame',
    'onMetaData',
    ecmaArray({
      width: 1280,
      height: 720,
      framerate: 30,
      videocodecid: 7,
      videodatarate: 2000,
      audiocodecid: 10,
      stereo: true,
      encoder: 'bench',
    }),
  ];
  return [
    { what: 'connect', values: command },
    { what: 'onMetaData', values: metadata },
  ].flatMap(({ what, values }) => {
    const bytes = encodeAmf0(values);
    const one = { packets: 1, bytes: bytes.length };
    return [
      { ...one, name: `AMF0 decode ${what}`, run: () => keep(decodeAmf0(bytes)) },
      { ...one, name: `AMF0 encode ${what}`, run: () => keep(encodeAmf0(values)) },
    ];
  });
}

const micros: readonly Micro[] = [
  chunkReader(128),
  chunkReader(4_096),
  chunkReader(65_536),
  chunkWriter(4_096),
  chunkWriter(65_536),
  perStream('FLV packet reader', () => keep(readBodies())),
  flvDemuxer(),
  muxer('RTMP muxer', createRtmpFormat({ ...bodyOptions, chunkSize: 65_536, messageStreamId: 1 })),
  muxer('FLV muxer, plain', createFlvFormat({ ...bodyOptions, framing: 'plain' })),
  muxer('FLV muxer, HTTP chunks', createFlvFormat({ ...bodyOptions, framing: 'chunked' })),
  muxer('FLV muxer, WebSocket frames', createFlvFormat({ ...bodyOptions, framing: 'websocket' })),
  ...amf(),
];

process.stdout.write(
  `One group of pictures of the bench's stream: ${bodies.length} packets, ${mediaBytes} bytes. Node ${process.version}.\n\n`,
);
const found: MicroReport['rows'] = [];
for (const { name, packets, bytes, run } of micros) {
  const { p50, p99 } = await measure(run, { min_cpu_time: 300e6 });
  found.push({ name, medianUs: p50 / packets / 1000, p99Us: p99 / packets / 1000, gbPerS: bytes / p50 });
}
const made: MicroReport = { node: process.version, packets: bodies.length, bytes: mediaBytes, rows: found };
const results = join(import.meta.dirname, '..', 'results');
mkdirSync(results, { recursive: true });
writeFileSync(join(results, 'micro.json'), `${JSON.stringify(made, null, 1)}\n`);
process.stdout.write(`${microTable(made)}\n`);
