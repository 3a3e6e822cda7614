// Publishes test media as FFmpeg 8 does, and prints what it sent as JSON: node publish.mjs <url> [options]
//
//   <url>              rtmp://…, http://….flv (POST, chunked), or a file
//   --video avc,hevc   one video stream per codec (avc hevc av1 vp9); '' for none; several make a multitrack stream
//   --audio aac,opus   one audio stream per codec (aac mp3 opus flac ac3 eac3)
//   --input FILE       these streams instead of made ones
//   --seconds 10  --size 320x180  --fps 25  --gop 25  --bframes 0  --kbps 300
//   --start-ms 0       the first timestamp
//   --fast             as fast as the peer takes it, instead of in real time
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO, avGetCodecName, FormatContext, Packet, Rational } from 'node-av';
import { check, dictionary, isEnd, md5, quietLog, report } from './lab.mjs';
import { makeMedia } from './media.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    video: { type: 'string', default: 'avc' },
    audio: { type: 'string', default: 'aac' },
    input: { type: 'string' },
    seconds: { type: 'string', default: '10' },
    size: { type: 'string', default: '320x180' },
    fps: { type: 'string', default: '25' },
    gop: { type: 'string', default: '25' },
    bframes: { type: 'string', default: '0' },
    kbps: { type: 'string', default: '300' },
    'start-ms': { type: 'string', default: '0' },
    fast: { type: 'boolean', default: false },
  },
});

const MILLISECONDS = new Rational(1, 1000);
const url = positionals[0];
if (url === undefined) throw new Error('usage: node publish.mjs <url> [options]');

quietLog();
const folder = mkdtempSync(join(tmpdir(), 'ffmpeg8-'));
let stopped = false;
process.on('SIGINT', () => {
  stopped = true;
});
process.on('SIGTERM', () => {
  stopped = true;
});

function source() {
  if (options.input !== undefined) return options.input;
  const list = (text) => text.split(',').filter((word) => word !== '');
  const [width, height] = options.size.split('x').map(Number);
  const file = join(folder, 'media.mkv');
  makeMedia(file, {
    videos: list(options.video),
    audios: list(options.audio),
    seconds: Number(options.seconds),
    fps: Number(options.fps),
    gop: Number(options.gop),
    bframes: Number(options.bframes),
    kbps: Number(options.kbps),
    width,
    height,
  });
  return file;
}

async function publish() {
  const input = new FormatContext();
  check(await input.openInput(source()), 'input');
  check(await input.findStreamInfo(), 'input');

  const output = new FormatContext();
  check(output.allocOutputContext2(null, 'flv', url), url);
  const sent = [];
  const outputs = new Map();
  for (const stream of input.streams) {
    const { codecType, codecId } = stream.codecpar;
    if (codecType !== AVMEDIA_TYPE_VIDEO && codecType !== AVMEDIA_TYPE_AUDIO) continue;
    const copy = output.newStream();
    check(stream.codecpar.copy(copy.codecpar), 'stream');
    copy.codecpar.codecTag = 0;
    copy.timeBase = MILLISECONDS;
    copy.avgFrameRate = stream.avgFrameRate;
    outputs.set(stream.index, copy);
    const kind = codecType === AVMEDIA_TYPE_VIDEO ? 'video' : 'audio';
    sent.push({ index: copy.index, kind, codec: avGetCodecName(codecId), packets: 0, bytes: 0, hashes: [] });
  }
  check(await output.openOutput(), url);
  check(await output.writeHeader(dictionary({ flvflags: 'no_duration_filesize' })), url);

  const startMs = BigInt(options['start-ms']);
  const began = performance.now();
  const packet = new Packet();
  packet.alloc();
  while (!stopped) {
    const code = await input.readFrame(packet);
    if (isEnd(code)) break;
    check(code, 'input');
    const copy = outputs.get(packet.streamIndex);
    if (copy !== undefined) {
      packet.rescaleTs(input.streams[packet.streamIndex].timeBase, MILLISECONDS);
      const due = began + Number(packet.dts);
      if (!options.fast && due > performance.now()) await sleep(due - performance.now());
      packet.dts += startMs;
      packet.pts += startMs;
      packet.rescaleTs(MILLISECONDS, copy.timeBase);
      packet.streamIndex = copy.index;
      const stream = sent[copy.index];
      stream.packets++;
      stream.bytes += packet.size;
      stream.hashes.push(md5(packet.data));
      check(await output.interleavedWriteFrame(packet), url);
    }
    packet.unref();
  }
  check(await output.writeTrailer(), url);
  await output.closeOutput();
  return sent;
}

try {
  report({ ok: true, streams: await publish() }, 0);
} catch (error) {
  report({ ok: false, error: error.message }, 1);
} finally {
  rmSync(folder, { recursive: true });
}
