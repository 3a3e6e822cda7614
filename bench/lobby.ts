import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import type { Muxer } from '../src/media/format.ts';
import type { AVPacket } from '../src/media/packet.ts';
import { createFlvFormat } from '../src/protocols/flv/flv-muxer.ts';
import { createRtmpFormat } from '../src/protocols/rtmp/rtmp-muxer.ts';
import { RtmpProtocol } from '../src/protocols/rtmp/rtmp-protocol.ts';
import { readInto } from '../src/servers/rtmp/read-into.ts';

/*
 * What newcomers cost on this machine and Node when nothing else is done: this program takes one stream over RTMP, keeps
 * its headers and its last group of pictures in the bytes that players get, and answers whoever comes, over RTMP or
 * `node:http`, with the first picture, with the rest of the group when nobody has come for a moment, and then with each
 * message as it comes. It has no sessions, permissions, events, log or limits.
 */

/** What the load generator publishes with; its players ask for one message stream, which is the first. */
const CHUNK_SIZE = 4096;
const wants = { audio: true, video: true, tracks: 'all', hevc: 'as-is' } as const;
const flvHead = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\nConnection: close\r\n\r\nFLV\x01\x05\0\0\0\x09\0\0\0\0',
  'latin1',
);

/** Newcomers with no more than this between them get their first pictures before anybody gets more. */
const CROWD_GAP_MS = 3;
const AT_ONCE = 4;

/** The stream in one format, and who plays it. */
class Room {
  readonly #muxer: Muxer<Buffer>;
  readonly #players = new Set<Socket>();
  /** Those who have the first picture of the group and no more. */
  #comers: Socket[] = [];
  #timer: NodeJS.Timeout | null = null;
  readonly #headers: Buffer[];
  #group: Buffer[] = [];

  constructor(muxer: Muxer<Buffer>, head: readonly Buffer[] = []) {
    this.#muxer = muxer;
    this.#headers = [...head];
  }

  push(packet: AVPacket): void {
    const unit = this.#muxer.mux(packet);
    if (unit === null) return;
    if (packet.isHeader) {
      this.#headers.push(unit);
      return;
    }
    if (packet.type === 'key') {
      this.#letIn(this.#comers.length);
      this.#group = [];
    }
    this.#group.push(unit);
    for (const player of this.#players) player.write(unit);
  }

  enter(socket: Socket): void {
    socket.write(Buffer.concat([...this.#headers, ...this.#group.slice(0, 1)]));
    this.#comers.push(socket);
    if (this.#timer === null) this.#timer = setTimeout(() => this.#next(), CROWD_GAP_MS);
    else this.#timer.refresh();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#players.delete(socket));
  }

  #next(): void {
    this.#letIn(AT_ONCE);
    if (this.#comers.length > 0) setImmediate(() => this.#next());
    else this.#timer = null;
  }

  #letIn(count: number): void {
    const tail = Buffer.concat(this.#group.slice(1));
    for (const socket of this.#comers.splice(0, count)) {
      if (socket.destroyed) continue;
      socket.write(tail);
      this.#players.add(socket);
    }
  }
}

const flv = new Room(createFlvFormat({ framing: 'plain', ...wants }).createMuxer(), [flvHead]);
const rtmp = new Room(createRtmpFormat({ chunkSize: CHUNK_SIZE, messageStreamId: 1, ...wants }).createMuxer());

const readBuffer = Buffer.alloc(65_536);

function serve(socket: Socket): void {
  const protocol = new RtmpProtocol({ chunkSize: CHUNK_SIZE });
  const onBytes = (bytes: Buffer) => {
    protocol.push(bytes);
    let plays = false;
    for (let event = protocol.next(); event !== null; event = protocol.next()) {
      switch (event.kind) {
        case 'packet':
          flv.push(event.packet);
          rtmp.push(event.packet);
          break;
        case 'connect':
          protocol.acceptConnect();
          break;
        case 'publish':
          protocol.acceptPublish(event.streamId);
          break;
        case 'play':
          protocol.acceptPlay(event.streamId);
          plays = true;
          break;
      }
    }
    protocol.keep();
    const answer = protocol.output();
    if (answer !== null) socket.write(answer);
    if (plays) rtmp.enter(socket);
  };
  socket.on('error', () => socket.destroy());
  if (!readInto(socket, readBuffer, onBytes)) socket.on('data', onBytes);
}

const { values } = parseArgs({ options: { rtmp: { type: 'string' }, http: { type: 'string' } } });
createServer({ noDelay: true }, serve).listen(Number(values.rtmp), '127.0.0.1');
createHttpServer(({ socket }) => flv.enter(socket)).listen(Number(values.http), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
