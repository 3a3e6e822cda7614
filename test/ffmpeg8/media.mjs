// Makes test media: moving pictures and tones in any codec that this build of FFmpeg can encode.
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AVMEDIA_TYPE_AUDIO,
  Codec,
  CodecContext,
  FilterGraph,
  FormatContext,
  Frame,
  Packet,
  Rational,
} from 'node-av';
import { check, dictionary, isAgain, isEnd } from './lab.mjs';

const SAMPLE_RATE = 48000;

/** Encoders by the name a test uses, with what makes them quick and their output steady. */
export const videoEncoders = {
  avc: {
    name: 'libx264',
    options: { preset: 'ultrafast', profile: 'main', 'x264-params': 'cabac=1:scenecut=0:threads=1' },
  },
  hevc: {
    name: 'libx265',
    options: { preset: 'ultrafast', 'x265-params': 'log-level=none:scenecut=0:pools=1:open-gop=0' },
  },
  av1: { name: 'libsvtav1', options: { preset: '10', 'svtav1-params': 'pred-struct=1:rc=2:lp=1' } },
  vp9: { name: 'libvpx-vp9', options: { deadline: 'realtime', 'cpu-used': '8', 'lag-in-frames': '0' } },
};
export const audioEncoders = {
  aac: { name: 'aac', format: 'fltp', frame: 1024 },
  mp3: { name: 'libmp3lame', format: 'fltp', frame: 1152 },
  opus: { name: 'libopus', format: 's16', frame: 960 },
  flac: { name: 'flac', format: 's16', frame: 1024 },
  ac3: { name: 'ac3', format: 'fltp', frame: 1536 },
  eac3: { name: 'eac3', format: 'fltp', frame: 1536 },
};

/** The frames that a filter graph without inputs makes. The graph's sink is named `sink`. */
function* framesOf(description) {
  const graph = new FilterGraph();
  graph.alloc();
  check(graph.parse2(description), `filter graph ${description}`);
  check(graph.configSync(), `filter graph ${description}`);
  const sink = graph.filters.find((filter) => filter.filter.name.endsWith('buffersink'));
  const frame = new Frame();
  frame.alloc();
  for (;;) {
    const code = sink.buffersinkGetFrameSync(frame);
    if (isEnd(code)) break;
    check(code, 'filter graph');
    yield frame;
    frame.unref();
  }
  frame.free();
  graph.free();
}

function encode(context, frame, packets) {
  check(context.sendFrameSync(frame), 'encode');
  for (;;) {
    const packet = new Packet();
    packet.alloc();
    const code = context.receivePacketSync(packet);
    if (isAgain(code) || isEnd(code)) return;
    check(code, 'encode');
    packets.push(packet);
  }
}

function openEncoder({ name, options = {} }, prepare) {
  const codec = Codec.findEncoderByName(name);
  if (codec === null) throw new Error(`this build of FFmpeg has no encoder ${name}`);
  const context = new CodecContext();
  context.allocContext3(codec);
  prepare(context);
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  check(context.open2Sync(codec, dictionary(options)), `encoder ${name}`);
  return context;
}

function encodeVideo(codec, index, { width, height, fps, gop, bframes, seconds, kbps }) {
  const encoder = videoEncoders[codec];
  if (encoder === undefined) throw new Error(`video codec ${codec}: one of ${Object.keys(videoEncoders).join(', ')} is known`);
  const hue = `hue=h=${index * 90}`;
  const graph = `testsrc2=s=${width}x${height}:r=${fps}:d=${seconds},${hue},format=yuv420p,buffersink`;
  let context = null;
  const packets = [];
  let count = 0n;
  for (const frame of framesOf(graph)) {
    context ??= openEncoder(encoder, (fresh) => {
      fresh.width = width;
      fresh.height = height;
      fresh.pixelFormat = frame.format;
      fresh.timeBase = new Rational(1, fps);
      fresh.framerate = new Rational(fps, 1);
      fresh.gopSize = gop;
      fresh.maxBFrames = bframes;
      fresh.bitRate = BigInt(kbps * 1000);
    });
    frame.pts = count++;
    frame.pictType = 0;
    encode(context, frame, packets);
  }
  encode(context, null, packets);
  return { context, packets };
}

function encodeAudio(codec, index, { seconds }) {
  const encoder = audioEncoders[codec];
  if (encoder === undefined) throw new Error(`audio codec ${codec}: one of ${Object.keys(audioEncoders).join(', ')} is known`);
  const graph =
    `sine=frequency=${440 * (index + 1)}:sample_rate=${SAMPLE_RATE}:duration=${seconds},` +
    `aformat=sample_fmts=${encoder.format}:channel_layouts=stereo,asetnsamples=n=${encoder.frame}:p=1,abuffersink`;
  let context = null;
  const packets = [];
  let samples = 0n;
  for (const frame of framesOf(graph)) {
    context ??= openEncoder(encoder, (fresh) => {
      fresh.sampleRate = SAMPLE_RATE;
      fresh.sampleFormat = frame.format;
      fresh.channelLayout = frame.channelLayout;
      fresh.timeBase = new Rational(1, SAMPLE_RATE);
      fresh.bitRate = 96000n;
      fresh.frameSize = encoder.frame;
    });
    frame.pts = samples;
    samples += BigInt(frame.nbSamples);
    encode(context, frame, packets);
  }
  encode(context, null, packets);
  return { context, packets };
}

/** Writes `file` (Matroska, since MP4's codec tags do not fit FLV) with one stream per codec given. */
export function makeMedia(file, { videos, audios, ...options }) {
  const streams = [
    ...videos.map((codec, index) => encodeVideo(codec, index, options)),
    ...audios.map((codec, index) => encodeAudio(codec, index, options)),
  ];
  const output = new FormatContext();
  check(output.allocOutputContext2(null, 'matroska', file), file);
  check(output.openOutputSync(), file);
  for (const { context } of streams) {
    const stream = output.newStream();
    check(stream.codecpar.fromContext(context), 'stream');
    stream.timeBase = context.timeBase;
    if (context.codecType !== AVMEDIA_TYPE_AUDIO) stream.avgFrameRate = context.framerate;
  }
  check(output.writeHeaderSync(), file);
  const all = streams.flatMap(({ context, packets }, index) =>
    packets.map((packet) => {
      packet.streamIndex = index;
      packet.rescaleTs(context.timeBase, output.streams[index].timeBase);
      return packet;
    }),
  );
  // All streams of Matroska count milliseconds.
  all.sort((a, b) => Number(a.dts - b.dts));
  for (const packet of all) check(output.interleavedWriteFrameSync(packet), file);
  check(output.writeTrailerSync(), file);
  output.closeOutputSync();
  output.freeContext();
}
