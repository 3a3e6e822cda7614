// Plays any address with FFmpeg 8, decodes everything, and prints what came as JSON: node play.mjs <url> [options]
//
//   --seconds 10       ends when that much media came (by timestamps); 0: at the end of the stream
//   --timeout 10       seconds of silence after which it gives up
//   --probe 5          seconds that FFmpeg may look at the stream before it reports the tracks
//   --no-decode        only counts and hashes
//   --option KEY=VALUE an option of FFmpeg's protocol or demuxer, such as rtmp_enhanced_codecs=hvc1,av01,vp09
import { parseArgs } from 'node:util';
import {
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  avGetCodecName,
  Codec,
  CodecContext,
  FormatContext,
  Frame,
  Packet,
} from 'node-av';
import { check, dictionary, isAgain, isEnd, md5, quietLog, report } from './lab.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '10' },
    timeout: { type: 'string', default: '10' },
    probe: { type: 'string', default: '5' },
    'no-decode': { type: 'boolean', default: false },
    option: { type: 'string', multiple: true, default: [] },
  },
});

const KINDS = new Map([
  [AVMEDIA_TYPE_VIDEO, 'video'],
  [AVMEDIA_TYPE_AUDIO, 'audio'],
]);
const url = positionals[0];
if (url === undefined) throw new Error('usage: node play.mjs <url> [options]');

quietLog();
let stopped = false;
process.on('SIGINT', () => {
  stopped = true;
});
process.on('SIGTERM', () => {
  stopped = true;
});

function openDecoder(parameters) {
  const codec = Codec.findDecoder(parameters.codecId);
  if (codec === null) return null;
  const context = new CodecContext();
  context.allocContext3(codec);
  check(context.parametersToContext(parameters), 'decoder');
  context.threadCount = 1;
  check(context.open2Sync(codec), 'decoder');
  return context;
}

/** One stream of the input and what came of it. */
class Received {
  #decoder;
  #frame = new Frame();
  #facts;
  #timeBase;
  hashes = [];
  keyframes = 0;
  bytes = 0;
  framesDecoded = 0;
  decodeErrors = 0;
  firstDtsMs = null;
  lastDtsMs = null;
  steppedBack = 0;

  constructor(stream) {
    this.#frame.alloc();
    this.#facts = factsOf(stream.codecpar);
    this.#timeBase = stream.timeBase;
    this.#decoder = options['no-decode'] ? null : openDecoder(stream.codecpar);
  }

  get mediaMs() {
    return this.lastDtsMs === null ? 0 : this.lastDtsMs - this.firstDtsMs;
  }

  take(packet) {
    // FFmpeg 8 makes an empty packet, without a time, of a channel layout that comes before its track's first frame.
    if (packet.data === null) return;
    const dtsMs = Number((packet.dts * 1000n * BigInt(this.#timeBase.num)) / BigInt(this.#timeBase.den));
    if (this.lastDtsMs !== null && dtsMs < this.lastDtsMs) this.steppedBack++;
    this.firstDtsMs ??= dtsMs;
    this.lastDtsMs = dtsMs;
    this.bytes += packet.size;
    if (packet.isKeyframe) this.keyframes++;
    this.hashes.push(md5(packet.data));
    this.decode(packet);
  }

  decode(packet) {
    if (this.#decoder === null) return;
    const code = this.#decoder.sendPacketSync(packet);
    if (code < 0 && !isEnd(code)) this.decodeErrors++;
    for (;;) {
      const got = this.#decoder.receiveFrameSync(this.#frame);
      if (isAgain(got) || isEnd(got)) return;
      if (got < 0) this.decodeErrors++;
      else if (this.#frame.decodeErrorFlags !== 0) this.decodeErrors++;
      else this.framesDecoded++;
      this.#frame.unref();
    }
  }

  summary(index) {
    const { keyframes, bytes, framesDecoded, decodeErrors, firstDtsMs, lastDtsMs, steppedBack, hashes } = this;
    return {
      ...{ index, ...this.#facts, packets: hashes.length, keyframes, bytes, framesDecoded, decodeErrors },
      ...{ firstDtsMs, lastDtsMs, steppedBack, hashes },
    };
  }
}

/** Copied at once: FFmpeg frees the parameters with the input. */
function factsOf({ codecType, codecId, profile, width, height, sampleRate, channels }) {
  const kind = KINDS.get(codecType) ?? 'other';
  const picture = kind === 'video' ? { width, height } : {};
  const sound = kind === 'audio' ? { sampleRate, channels } : {};
  return { kind, codec: avGetCodecName(codecId), profile, ...picture, ...sound };
}

async function play(received) {
  const input = new FormatContext();
  input.allocContext();
  input.maxAnalyzeDuration = BigInt(Math.round(Number(options.probe) * 1_000_000));
  const silence = String(Number(options.timeout) * 1_000_000);
  const network = url.includes('://') ? { rw_timeout: silence } : {};
  const extra = Object.fromEntries(options.option.map((pair) => pair.split(/=(.*)/s, 2)));
  check(await input.openInput(url, null, dictionary({ ...network, ...extra })), url);
  check(await input.findStreamInfo(), url);
  const limitMs = Number(options.seconds) * 1000;
  const packet = new Packet();
  packet.alloc();
  while (!stopped) {
    const code = await input.readFrame(packet);
    if (isEnd(code)) break;
    check(code, url);
    let stream = received.get(packet.streamIndex);
    if (stream === undefined) {
      stream = new Received(input.streams[packet.streamIndex]);
      received.set(packet.streamIndex, stream);
    }
    stream.take(packet);
    packet.unref();
    if (limitMs > 0 && stream.mediaMs >= limitMs) break;
  }
  for (const stream of received.values()) stream.decode(null);
  await input.closeInput();
}

const received = new Map();
const summary = () => [...received].sort(([a], [b]) => a - b).map(([index, stream]) => stream.summary(index));
try {
  await play(received);
  report({ ok: true, streams: summary() }, 0);
} catch (error) {
  report({ ok: false, error: error.message, streams: summary() }, 1);
}
