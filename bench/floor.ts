import { createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { stream } from './stream.ts';

/*
 * What fan-out costs on this machine and Node when nothing else is done: this program makes the bytes that the load
 * generator's stream would be in FLV, and writes one shared Buffer to every connection. It knows no protocol, no
 * sessions and no limits; any HTTP request is answered with the stream.
 */

const AUDIO_RATE = 44_100;
const AUDIO_SAMPLES = 1_024;
const STAMP_BYTES = 32;
const NS = 1_000_000_000n;

const head = Buffer.concat([
  Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\n'),
  Buffer.of(0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0),
]);

/** A frame whose stamp is written anew each time it is sent. */
class Frame {
  readonly #type: number;
  readonly #body: Buffer;
  readonly #stampAt: number;

  constructor(type: number, start: Buffer, bytes: number) {
    this.#type = type;
    this.#stampAt = start.length;
    this.#body = Buffer.alloc(Math.max(bytes, start.length + STAMP_BYTES), 0xa5);
    start.copy(this.#body);
    this.#body.write('LGSTAMP1', start.length, 'latin1');
  }

  /** The FLV tag with its back pointer; the stamp is what the load generator looks for. */
  tag(sequence: number, dueNs: bigint, timestampMs: number): Buffer {
    const body = this.#body;
    const bytes = Buffer.allocUnsafe(11 + body.length + 4);
    bytes[0] = this.#type;
    bytes.writeUIntBE(body.length, 1, 3);
    bytes.writeUIntBE(timestampMs & 0xffffff, 4, 3);
    bytes[7] = (timestampMs >>> 24) & 0xff;
    bytes.writeUIntBE(0, 8, 3);
    body.copy(bytes, 11);
    writeDigits(bytes, 11 + this.#stampAt + 8, BigInt(sequence), 8);
    writeDigits(bytes, 11 + this.#stampAt + 16, dueNs, 16);
    bytes.writeUInt32BE(11 + body.length, 11 + body.length);
    return bytes;
  }
}

function writeDigits(target: Buffer, at: number, value: bigint, digits: number): void {
  for (let i = 0; i < digits; i++) target[at + i] = 0x80 | Number((value >> BigInt(4 * (digits - 1 - i))) & 15n);
}

/** One group of pictures at the stream's rate: the key frame six times an ordinary one. */
function videoFrames(): Frame[] {
  const unit = ((stream.videoBps / 8) * (stream.gop / stream.fps)) / (stream.gop + 5);
  return Array.from({ length: stream.gop }, (_, i) => {
    const start = Buffer.of(i === 0 ? 0x17 : 0x27, 1, 0, 0, 0, 0, 0, 0, 0, i === 0 ? 0x65 : 0x41, 0x9a, 0x84);
    const bytes = Math.round(unit * (i === 0 ? 6 : 1));
    start.writeUInt32BE(bytes - 9, 5);
    return new Frame(9, start, bytes);
  });
}

function audioFrame(): Frame {
  return new Frame(8, Buffer.of(0xaf, 1), Math.round(((stream.audioBps / 8) * AUDIO_SAMPLES) / AUDIO_RATE));
}

/** Says which frames have fallen due, and hands them out as one Buffer. */
class Source {
  readonly #startNs = process.hrtime.bigint();
  readonly #video = videoFrames();
  readonly #audio = audioFrame();
  #videoSent = 0;
  #audioSent = 0;

  get #videoDueNs(): bigint {
    return this.#startNs + (BigInt(this.#videoSent) * NS) / BigInt(stream.fps);
  }

  get #audioDueNs(): bigint {
    return this.#startNs + BigInt(Math.round((this.#audioSent * AUDIO_SAMPLES * 1e9) / AUDIO_RATE));
  }

  /** Milliseconds until the next video frame is due; 0 when it is. */
  get untilVideoMs(): number {
    const leftNs = this.#videoDueNs - process.hrtime.bigint();
    return leftNs > 0n ? Math.ceil(Number(leftNs) / 1e6) : 0;
  }

  take(): Buffer {
    const now = process.hrtime.bigint();
    const tags: Buffer[] = [];
    for (;;) {
      const isVideo = this.#videoDueNs <= this.#audioDueNs;
      const due = isVideo ? this.#videoDueNs : this.#audioDueNs;
      if (due > now) return Buffer.concat(tags);
      const frame = isVideo ? this.#video[this.#videoSent % stream.gop]! : this.#audio;
      const sequence = isVideo ? this.#videoSent++ : this.#audioSent++;
      tags.push(frame.tag(sequence, due, Number((due - this.#startNs) / 1_000_000n)));
    }
  }
}

const { values } = parseArgs({ options: { port: { type: 'string' }, 'flush-ms': { type: 'string' } } });
/** 0: with each video frame, audio riding along. */
const flushMs = Number(values['flush-ms'] ?? 0);
const players = new Set<Socket>();
const source = new Source();

/** The grid of the next flush when there is one: a flush takes time, which must not add to the distance. */
let nextMs = performance.now();

function flush(): void {
  const bytes = source.take();
  if (bytes.length > 0) for (const player of players) player.write(bytes);
  nextMs += flushMs;
  setTimeout(flush, flushMs > 0 ? Math.max(0, nextMs - performance.now()) : source.untilVideoMs);
}

createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('close', () => players.delete(socket));
  socket.once('data', () => {
    socket.write(head);
    players.add(socket);
  });
}).listen(Number(values.port), '127.0.0.1', flush);
process.once('SIGTERM', () => process.exit(0));
