import type { Slab } from '../../bytes/slab.ts';
import { ProtocolError } from '../../errors.ts';
import type { WireLimits } from '../../media/limits.ts';
import { type AmfObject, amfObject, isAmfObject } from '../amf/amf-value.ts';
import { splitAggregate } from '../flv/aggregate.ts';
import { FlvPacketReader } from '../flv/flv-packet-reader.ts';
import { EventQueue } from './event-queue.ts';
import { acceptHandshake, type RandomBytes } from './handshake.ts';
import { callError, connectResult } from './messages/connect.ts';
import { bodyKindOf, MessageType, type RtmpMessage } from './messages/message.ts';
import { answersTo, callArguments, nameArgument, resultOf } from './messages/call.ts';
import { type Command, decodeCommand, type StatusLevel, statusCommand } from './messages/command.ts';
import type { NetStream } from './net-stream.ts';
import { NetStreams } from './net-streams.ts';
import { type PeerCapabilities, readCapabilities } from './peer-capabilities.ts';
import type { RtmpEvent } from './rtmp-event.ts';
import { RtmpLink } from './rtmp-link.ts';
import { type ConnectTarget, parseConnectTarget, parseQueries, parseStreamTarget } from './stream-target.ts';

export type { RtmpEvent } from './rtmp-event.ts';

/** Bytes of payload in the chunks we send; FFmpeg takes it over for what it publishes. */
export const SERVER_CHUNK_SIZE = 65536;

const TOO_MANY_STREAMS = 'Too many message streams are open (maxMessageStreams).';

/** `chunkSize` is of what we send; `windowAckSize` of what we acknowledge and ask to be acknowledged. Bytes. */
export interface RtmpProtocolOptions {
  readonly limits?: Partial<WireLimits>;
  readonly chunkSize?: number;
  readonly windowAckSize?: number;
  readonly random?: RandomBytes;
  /** Memory for the messages that come, shared with other connections. */
  readonly slab?: Slab;
}

/** What was left out without closing the connection. */
export interface RtmpCounters {
  /** Media and data messages for a stream that was not publishing. */
  readonly strayMessages: number;
  /** Messages of types without use here: shared objects, unknown ones. */
  readonly ignoredMessages: number;
  /** Unfinished messages that the peer gave up. */
  readonly droppedPartials: number;
}

/**
 * The server's side of one RTMP connection: bytes in, events out, bytes out. `push` what came, take events with `next`
 * until it is `null`, then send what `output` gives.
 *
 * Lenient where clients differ: no command is waited for, unknown ones get an empty `_result`, and a `publish` or `play`
 * on a message stream that nobody created opens it. A second `connect`, and `createStream`, `publish` or `play` before the
 * first, are ProtocolErrors.
 */
export class RtmpProtocol {
  readonly #link: RtmpLink;
  readonly #chunkSize: number;
  readonly #streams: NetStreams;
  readonly #events = new EventQueue<RtmpEvent>();
  #connection: 'new' | 'asked' | 'accepted' | 'rejected' = 'new';
  #connectTransaction = 1;
  #target: ConnectTarget = parseConnectTarget({});
  #capabilities: PeerCapabilities = readCapabilities(amfObject());
  /** The stream whose `publish` waits for an answer. */
  #askedStream: NetStream | null = null;
  #strayMessages = 0;
  #ignoredMessages = 0;
  #failure: unknown = null;

  constructor(options: RtmpProtocolOptions = {}) {
    this.#link = new RtmpLink(acceptHandshake, options);
    this.#streams = new NetStreams(this.#link, (event) => this.#events.push(event));
    this.#chunkSize = options.chunkSize ?? SERVER_CHUNK_SIZE;
  }

  /** Until then nothing can be said. */
  get handshakeDone(): boolean {
    return this.#link.handshakeDone;
  }

  /** Was `connect` accepted? */
  get connected(): boolean {
    return this.#connection === 'accepted';
  }

  /** All bytes pushed, the handshake included. */
  get bytesReceived(): number {
    return this.#link.bytesReceived;
  }

  /** Rising numbers, for logs and metrics. */
  get counters(): RtmpCounters {
    return {
      strayMessages: this.#strayMessages,
      ignoredMessages: this.#ignoredMessages,
      droppedPartials: this.#link.droppedPartials,
    };
  }

  /** Takes bytes from the peer; they must not change before `keep` was called. */
  push(chunk: Buffer): void {
    if (this.#connection !== 'rejected') this.#link.push(chunk);
  }

  /** Copies what was pushed and not yet used, so that its memory can be used again. */
  keep(): void {
    this.#link.keep();
  }

  /**
   * What the peer means next; `null`: give me more bytes, or the answer to `connect` or `publish`.
   * @throws ProtocolError when the peer breaks the protocol, and again at every later call.
   */
  next(): RtmpEvent | null {
    if (this.#failure !== null) throw this.#failure;
    try {
      for (;;) {
        const event = this.#events.take();
        if (event !== null) return event;
        if (this.#askedStream !== null || this.#connection === 'asked' || this.#connection === 'rejected') return null;
        const message = this.#link.next();
        if (message === null) return null;
        this.#receive(message);
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** All that is owed to the peer so far, in one piece. */
  output(): Buffer | null {
    return this.#link.output();
  }

  /** Answers `connect`: windows, chunk size, `_result`. */
  acceptConnect(): void {
    if (this.#connection !== 'asked') return;
    this.#connection = 'accepted';
    this.#link.amf3 = this.#capabilities.objectEncoding === 3;
    this.#link.announceWindow();
    this.#link.announceBandwidth();
    this.#link.setChunkSize(this.#chunkSize);
    this.#link.sendCommand(connectResult(this.#connectTransaction, this.#capabilities));
  }

  /** The last word: whatever the peer sends from now on is thrown away. */
  rejectConnect(code: string, description: string): void {
    if (this.#connection !== 'asked') return;
    this.#connection = 'rejected';
    this.#link.sendCommand(callError(this.#connectTransaction, code, description));
  }

  /** Answers `publish`: StreamBegin, NetStream.Publish.Start. */
  acceptPublish(streamId: number): void {
    this.#streams.get(streamId)?.acceptPublish(new FlvPacketReader(this.#link.limits));
    this.#answered(streamId);
  }

  /** Answers `play`: StreamBegin, NetStream.Play.Reset and Start, |RtmpSampleAccess. Media may follow. */
  acceptPlay(streamId: number): void {
    this.#streams.get(streamId)?.acceptPlay();
  }

  /** Refuses, or ends with an error, the publish or play of this stream; no `close` event follows. */
  rejectStream(streamId: number, code: string, description: string): void {
    this.#streams.get(streamId)?.reject(code, description);
    this.#answered(streamId);
  }

  /** Tells a player that the publisher ended, or that it gets no more: StreamEOF, NetStream.Play.UnpublishNotify. */
  streamEnd(streamId: number, description?: string): void {
    this.#streams.get(streamId)?.sourceEnded(description);
  }

  /** Tells a player that the stream is back: StreamBegin, NetStream.Play.PublishNotify. Headers and a keyframe must follow. */
  streamReturn(streamId: number): void {
    this.#streams.get(streamId)?.sourceReturned();
  }

  /** An onStatus of any kind on a stream; on stream 0 it is the connection's. */
  status(streamId: number, code: string, level: StatusLevel, description: string): void {
    this.#link.sendCommand(statusCommand({ level, code, description }), streamId);
  }

  /** Asks the peer for a sign of life; many never answer. */
  ping(timestampMs: number): void {
    this.#link.sendUserControl({ event: 'pingRequest', value: timestampMs });
  }

  /** Tells the peer that the server goes: NetConnection.Connect.AppShutdown. */
  appShutdown(description: string): void {
    this.status(0, 'NetConnection.Connect.AppShutdown', 'error', description);
  }

  /** Asks the peer to come back, to `tcUrl` or to where it is. `false`: it did not announce that it can. */
  reconnectRequest(description: string, tcUrl?: string): boolean {
    if (!this.connected || !this.#capabilities.reconnect) return false;
    const info = { level: 'status', code: 'NetConnection.Connect.ReconnectRequest', description } as const;
    this.#link.sendCommand(statusCommand(tcUrl === undefined ? info : { ...info, tcUrl }));
    return true;
  }

  #answered(streamId: number): void {
    if (this.#askedStream?.id === streamId) this.#askedStream = null;
  }

  #receive(message: RtmpMessage): void {
    const kind = bodyKindOf(message.typeId);
    if (kind !== null) {
      const isTaken = this.#streams.receiving(message.streamId)?.receive(kind, message.timestamp, message.payload);
      if (isTaken !== true) this.#strayMessages++;
      return;
    }
    switch (message.typeId) {
      case MessageType.aggregate:
        return this.#receiveAggregate(message);
      case MessageType.command:
      case MessageType.commandAmf3: {
        const amf3 = message.typeId === MessageType.commandAmf3;
        return this.#call(message.streamId, decodeCommand(message.payload, { amf3 }, this.#link.limits));
      }
      case MessageType.userControl:
        return;
      default:
        this.#ignoredMessages++;
    }
  }

  #receiveAggregate({ streamId, timestamp, payload }: RtmpMessage): void {
    const stream = this.#streams.receiving(streamId);
    if (stream === undefined) {
      this.#strayMessages++;
      return;
    }
    try {
      for (const tag of splitAggregate(payload, timestamp)) {
        const kind = bodyKindOf(tag.type);
        if (kind === null) this.#ignoredMessages++;
        else stream.receive(kind, tag.timestampMs, tag.body);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      stream.malformed(error);
    }
  }

  #call(streamId: number, command: Command): void {
    switch (command.name) {
      case 'connect':
        return this.#connect(command);
      case 'createStream':
        return this.#createStream(command);
      case 'deleteStream':
        return this.#deleteStream(streamId, command);
      case 'FCUnpublish':
        this.#unpublish(streamId, command);
        break;
      case 'publish':
      case 'play':
        return this.#begin(streamId, command);
      default:
        if (this.#streams.get(streamId)?.call(command, this.#target) === true) return;
    }
    for (const answer of answersTo(command)) this.#link.sendCommand(answer, streamId);
  }

  #connect(command: Command): void {
    if (this.#connection !== 'new') throw outOfOrder('a second connect');
    this.#connection = 'asked';
    if (command.transactionId !== 0) this.#connectTransaction = command.transactionId;
    const first = command.values[0];
    const properties: AmfObject = first !== undefined && isAmfObject(first) ? first : amfObject();
    const { flashVer } = properties;
    this.#target = parseConnectTarget(properties);
    this.#capabilities = readCapabilities(properties);
    this.#events.push({
      kind: 'connect',
      app: this.#target.app,
      tcUrl: this.#target.tcUrl,
      host: this.#target.host,
      query: parseQueries(this.#target.queries).values,
      flashVer: typeof flashVer === 'string' ? flashVer : '',
      command: properties,
      capabilities: this.#capabilities,
    });
  }

  #createStream(command: Command): void {
    if (!this.connected) throw outOfOrder('createStream before connect');
    const { transactionId } = command;
    const stream = this.#streams.create();
    if (stream === null) {
      if (transactionId === 0) return;
      this.#link.sendCommand(callError(transactionId, 'NetConnection.Call.Failed', TOO_MANY_STREAMS));
      return;
    }
    for (const answer of resultOf(command, stream.id)) this.#link.sendCommand(answer);
  }

  #begin(streamId: number, command: Command): void {
    if (!this.connected) throw outOfOrder(`${command.name} before connect`);
    const stream = this.#streams.open(streamId);
    if (stream === null) {
      const code = command.name === 'play' ? 'NetStream.Play.Failed' : 'NetStream.Publish.BadName';
      this.status(streamId, code, 'error', TOO_MANY_STREAMS);
      return;
    }
    stream.call(command, this.#target);
    if (stream.isAsking) this.#askedStream = stream;
  }

  /** The stream is the argument; the message's own is usually 0. */
  #deleteStream(streamId: number, command: Command): void {
    const argument = callArguments(command)[0];
    this.#streams.delete(typeof argument === 'number' ? argument : streamId);
  }

  #unpublish(streamId: number, command: Command): void {
    const { name } = parseStreamTarget(this.#target, nameArgument(callArguments(command)[0]));
    this.#streams.unpublishing(streamId, name)?.end('FCUnpublish');
  }
}

function outOfOrder(what: string): ProtocolError {
  return new ProtocolError('NMS_PROTOCOL_MESSAGE', what, { section: 'RTMP 1.0, 7.2' });
}
