import { ByteQueue } from '../../bytes/byte-queue.ts';
import type { Slab } from '../../bytes/slab.ts';
import { type WireLimits, wireLimits } from '../../media/limits.ts';
import { encodeAmfMessage } from '../amf/amf-message.ts';
import type { AmfValue } from '../amf/amf-value.ts';
import { ChunkReader, DEFAULT_CHUNK_SIZE } from './chunk-reader.ts';
import { encodeChunks, type MessageHeader } from './chunk-writer.ts';
import type { RandomBytes } from './handshake.ts';
import { type Command, encodeCommand } from './messages/command.ts';
import { ChunkStreamId, MessageType, type RtmpMessage } from './messages/message.ts';
import {
  decodeSetPeerBandwidth,
  decodeWindowAckSize,
  encodeAcknowledgement,
  encodeSetChunkSize,
  encodeSetPeerBandwidth,
  encodeWindowAckSize,
} from './messages/protocol-control.ts';
import { decodeUserControl, encodeUserControl, type UserControl } from './messages/user-control.ts';

/** The acknowledgement window in bytes, ours and, until it says otherwise, the peer's. */
export const DEFAULT_WINDOW_ACK_SIZE = 5_000_000;

/** What an end of a connection may choose. */
export interface RtmpLinkOptions {
  readonly limits?: Partial<WireLimits>;
  /** Bytes acknowledged at least; also what `announceWindow` asks of the peer. */
  readonly windowAckSize?: number;
  readonly random?: RandomBytes;
  /** Memory for the messages that come, shared with other connections. */
  readonly slab?: Slab;
}

type Handshake = (input: ByteQueue, send: (bytes: Buffer) => void, random?: RandomBytes) => Generator<null, void, void>;

/**
 * What both ends of an RTMP connection do alike: handshake, chunks, acknowledgements, pings. Bytes in, messages out;
 * messages in, bytes out.
 *
 * Acknowledgements are sent when half a window has come, with the number of all bytes received since the connection
 * began, the handshake included, modulo 2^32.
 */
export class RtmpLink {
  readonly limits: WireLimits;
  /** Are our commands and data messages of the AMF3 types (17, 15)? */
  amf3 = false;
  readonly #input = new ByteQueue();
  readonly #reader: ChunkReader;
  readonly #messages: Generator<RtmpMessage | null, never, void>;
  readonly #ownWindow: number;
  #peerWindow: number;
  #announcedWindow = 0;
  #output: Buffer[] = [];
  #chunkSize = DEFAULT_CHUNK_SIZE;
  #bytesReceived = 0;
  #bytesAcknowledged = 0;
  #handshakeDone = false;

  constructor(handshake: Handshake, options: RtmpLinkOptions = {}) {
    this.limits = { ...wireLimits, ...options.limits };
    this.#ownWindow = options.windowAckSize ?? DEFAULT_WINDOW_ACK_SIZE;
    this.#peerWindow = this.#ownWindow;
    this.#reader = new ChunkReader(this.#input, this.limits, options.slab);
    this.#messages = this.#read(handshake(this.#input, (bytes) => this.#output.push(bytes), options.random));
  }

  /** Until then nothing can be said. */
  get handshakeDone(): boolean {
    return this.#handshakeDone;
  }

  /** All bytes that came, the handshake included. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Unfinished messages that the peer gave up. */
  get droppedPartials(): number {
    return this.#reader.droppedPartials;
  }

  /** Takes bytes from the peer; they must not change before `keep` was called. */
  push(chunk: Buffer): void {
    this.#bytesReceived += chunk.length;
    this.#input.push(chunk);
  }

  /** Copies what was pushed and not yet used. */
  keep(): void {
    this.#input.keep();
  }

  /** The next message that is not about the link itself; `null`: give me more bytes. Throws ProtocolError, once. */
  next(): RtmpMessage | null {
    return this.#messages.next().value;
  }

  /** All that is owed to the peer, in one piece. */
  output(): Buffer | null {
    if (this.#handshakeDone) this.#acknowledge();
    const pieces = this.#output;
    if (pieces.length === 0) return null;
    this.#output = [];
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  /** Before the handshake is over nothing can be said, and nothing is. */
  send(header: MessageHeader, payload: Buffer): void {
    if (!this.#handshakeDone) return;
    this.#output.push(encodeChunks(header, payload, this.#chunkSize));
  }

  /** A command on a message stream; on 0 it is the connection's. */
  sendCommand(command: Command, streamId = 0): void {
    const chunkStreamId = streamId === 0 ? ChunkStreamId.connection : ChunkStreamId.stream;
    const typeId = this.amf3 ? MessageType.commandAmf3 : MessageType.command;
    this.send({ chunkStreamId, timestamp: 0, typeId, streamId }, encodeCommand(command, this));
  }

  /** A data message. */
  sendData(values: readonly AmfValue[], streamId: number): void {
    const typeId = this.amf3 ? MessageType.dataAmf3 : MessageType.data;
    this.send({ chunkStreamId: ChunkStreamId.stream, timestamp: 0, typeId, streamId }, encodeAmfMessage(values, this));
  }

  /** A user control message. */
  sendUserControl(control: UserControl): void {
    this.#sendControl(MessageType.userControl, encodeUserControl(control));
  }

  /** Messages after this one have chunks of `chunkSize` bytes. */
  setChunkSize(chunkSize: number): void {
    this.#sendControl(MessageType.setChunkSize, encodeSetChunkSize(chunkSize));
    this.#chunkSize = chunkSize;
  }

  /** Asks the peer for acknowledgements. */
  announceWindow(windowAckSize = this.#ownWindow): void {
    this.#announcedWindow = windowAckSize;
    this.#sendControl(MessageType.windowAckSize, encodeWindowAckSize(windowAckSize));
  }

  /** Asks the peer to announce our window as its own. */
  announceBandwidth(): void {
    const payload = encodeSetPeerBandwidth({ windowSize: this.#ownWindow, limitType: 'dynamic' });
    this.#sendControl(MessageType.setPeerBandwidth, payload);
  }

  #sendControl(typeId: number, payload: Buffer): void {
    this.send({ chunkStreamId: ChunkStreamId.control, timestamp: 0, typeId, streamId: 0 }, payload);
  }

  *#read(handshake: Generator<null, void, void>): Generator<RtmpMessage | null, never, void> {
    yield* handshake;
    this.#handshakeDone = true;
    for (;;) {
      const message = this.#reader.next();
      if (message === null || !this.#handle(message)) yield message;
    }
  }

  /** RTMP 1.0, 5.4 and 7.1.7, on whatever chunk stream or message stream they come: some cameras do not use 2 and 0. */
  #handle(message: RtmpMessage): boolean {
    switch (message.typeId) {
      case MessageType.acknowledgement:
        return true;
      case MessageType.windowAckSize: {
        const size = decodeWindowAckSize(message.payload);
        this.#peerWindow = size === null || size === 0 ? this.#ownWindow : size;
        return true;
      }
      case MessageType.setPeerBandwidth: {
        const size = decodeSetPeerBandwidth(message.payload)?.windowSize ?? 0;
        if (size !== 0 && size !== this.#announcedWindow) this.announceWindow(size);
        return true;
      }
      case MessageType.userControl:
        return this.#handlePing(message.payload);
      default:
        return false;
    }
  }

  #handlePing(payload: Buffer): boolean {
    const control = decodeUserControl(payload);
    if (control?.event === 'pingRequest') this.sendUserControl({ event: 'pingResponse', value: control.value });
    return control === null || control.event === 'pingRequest' || control.event === 'pingResponse';
  }

  #acknowledge(): void {
    if (this.#bytesReceived - this.#bytesAcknowledged < this.#peerWindow / 2) return;
    this.#bytesAcknowledged = this.#bytesReceived;
    this.#sendControl(MessageType.acknowledgement, encodeAcknowledgement(this.#bytesReceived));
  }
}
