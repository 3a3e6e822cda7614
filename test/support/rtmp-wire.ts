import { ByteQueue } from '../../src/bytes/byte-queue.ts';
import { wireLimits } from '../../src/media/limits.ts';
import { type AmfValue, ecmaArray } from '../../src/protocols/amf/amf-value.ts';
import { encodeAmf0 } from '../../src/protocols/amf/amf0.ts';
import { ChunkReader } from '../../src/protocols/rtmp/chunk-reader.ts';
import { encodeChunks, type MessageHeader } from '../../src/protocols/rtmp/chunk-writer.ts';
import { decodeCommand } from '../../src/protocols/rtmp/messages/command.ts';
import type { RtmpMessage } from '../../src/protocols/rtmp/messages/message.ts';
import { type RtmpEvent, RtmpProtocol, type RtmpProtocolOptions } from '../../src/protocols/rtmp/rtmp-protocol.ts';

/** A generator of numbers below `bound` that repeats itself: xorshift32. */
export function seeded(seed: number): (bound: number) => number {
  let state = seed | 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** How often conversations are cut; see `splits`. */
export const manyCuts = { cuts: 300, random: 20 };

/** A message on the wire; chunks of 128 bytes, as long as nobody said otherwise. */
export function wire(header: Partial<MessageHeader>, payload: Buffer, chunkSize = 128): Buffer {
  return encodeChunks({ chunkStreamId: 3, timestamp: 0, typeId: 20, streamId: 0, ...header }, payload, chunkSize);
}

/** A command on the wire. */
export function call(
  name: string,
  transactionId: number,
  values: readonly AmfValue[],
  header: Partial<MessageHeader> = {},
  chunkSize = 128,
): Buffer {
  return wire(header, encodeAmf0([name, transactionId, ...values]), chunkSize);
}

/** C0, C1 (simple) and C2. */
export const clientHandshake = Buffer.concat([
  Buffer.of(3),
  Buffer.alloc(8),
  Buffer.alloc(1528, 0x5a),
  Buffer.alloc(1536, 0xa5),
]);

/** The bytes of S0, S1 and S2. */
export const SERVER_HANDSHAKE_BYTES = 1 + 1536 + 1536;

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Reads whatever a side sent, following its chunk size. */
export class WireReader {
  readonly #input = new ByteQueue();
  readonly #reader = new ChunkReader(this.#input, { ...wireLimits, maxMessageBytes: 0xffffff });

  get chunkSize(): number {
    return this.#reader.chunkSize;
  }

  read(bytes: Buffer): RtmpMessage[] {
    this.#input.push(bytes);
    const messages: RtmpMessage[] = [];
    for (let message = this.#reader.next(); message !== null; message = this.#reader.next()) messages.push(message);
    return messages;
  }
}

/** A message in one line: `20 @1 onStatus 0 NetStream.Play.Start`, `4 @0 0000 00000001`. */
export function line(message: RtmpMessage): string {
  const head = `${message.typeId} @${message.streamId}`;
  if (message.typeId === 20 || message.typeId === 17) {
    const { name, transactionId, values } = decodeCommand(message.payload, { amf3: message.typeId === 17 }, wireLimits);
    const words = values.map((value) =>
      typeof value === 'object' && value !== null && 'code' in value
        ? JSON.stringify(value['code']).replaceAll('"', '')
        : `${JSON.stringify(value)}`,
    );
    return [head, name, transactionId, ...words.filter((word) => word !== 'null')].join(' ');
  }
  return `${head} ${message.payload.toString('hex')}`;
}

/** One client of a server protocol: hands over bytes, keeps the events, and answers like a server that allows everything. */
export class Conversation {
  readonly protocol: RtmpProtocol;
  readonly events: RtmpEvent[] = [];
  /** What the server said, in lines; the handshake is left out. */
  readonly lines: string[] = [];
  readonly messages: RtmpMessage[] = [];
  readonly #reader = new WireReader();
  readonly #answers: boolean;
  #handshakeLeft = SERVER_HANDSHAKE_BYTES;

  constructor(options: RtmpProtocolOptions & { readonly answers?: boolean } = {}) {
    this.protocol = new RtmpProtocol({ random: (size) => Buffer.alloc(size, 7), ...options });
    this.#answers = options.answers ?? true;
  }

  /** After handshake and connect. */
  static connected(connect: Readonly<Record<string, AmfValue>> = { app: 'live' }, options = {}): Conversation {
    const conversation = new Conversation(options);
    conversation.send(clientHandshake, call('connect', 1, [{ ...connect }]));
    conversation.take();
    return conversation;
  }

  send(...pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      this.protocol.push(piece);
      this.pump();
    }
  }

  /** The size of the server's chunks. */
  get chunkSize(): number {
    return this.#reader.chunkSize;
  }

  pump(): void {
    for (let event = this.protocol.next(); event !== null; event = this.protocol.next()) {
      this.events.push(event);
      if (this.#answers) this.#answer(event);
    }
    this.#read(this.protocol.output());
  }

  /** The lines since the last call. */
  take(): string[] {
    this.#read(this.protocol.output());
    return this.lines.splice(0);
  }

  /** The kinds of the events since the last call, with what tells them apart. */
  takeEvents(): string[] {
    return this.events.splice(0).map(eventLine);
  }

  #answer(event: RtmpEvent): void {
    if (event.kind === 'connect') this.protocol.acceptConnect();
    if (event.kind === 'publish') this.protocol.acceptPublish(event.streamId);
    if (event.kind === 'play') this.protocol.acceptPlay(event.streamId);
  }

  #read(output: Buffer | null): void {
    if (output === null) return;
    const skipped = Math.min(this.#handshakeLeft, output.length);
    this.#handshakeLeft -= skipped;
    const messages = this.#reader.read(output.subarray(skipped));
    this.messages.push(...messages);
    this.lines.push(...messages.map(line));
  }
}

/** An event in one line. */
export function eventLine(event: RtmpEvent): string {
  switch (event.kind) {
    case 'connect':
      return `connect ${event.app}`;
    case 'publish':
      return `publish @${event.streamId} ${event.app} ${event.name} ${event.type}`;
    case 'play':
      return `play @${event.streamId} ${event.app} ${event.name} ${event.start}`;
    case 'packet': {
      const { packet } = event;
      return `packet @${event.streamId} ${packet.track.kind} ${packet.type} ${packet.dts / 1000}`;
    }
    case 'close':
      return `close @${event.streamId} ${event.by}`;
    case 'pause':
      return `pause @${event.streamId} ${event.paused}`;
    case 'receive':
      return `receive @${event.streamId} ${event.audio} ${event.video}`;
    case 'malformed':
      return `malformed @${event.streamId} ${event.error.code}`;
  }
}

/** Bodies of AVC and AAC messages, as small as they can be. */
export const bodies = {
  metadata: encodeAmf0(['@setDataFrame', 'onMetaData', ecmaArray({ width: 1280, height: 720, encoder: 'test' })]),
  videoConfig: Buffer.from('1700000000' + '0164001fffe1000467640' + '01f01000468ee3c80', 'hex'),
  audioConfig: Buffer.from('af001210', 'hex'),
  key: Buffer.from('1701000000' + '0000000265b8', 'hex'),
  frame: Buffer.from('2701000000' + '00000002419a', 'hex'),
  audio: Buffer.from('af01211004', 'hex'),
};
