import { ProtocolError } from '../../errors.ts';
import type { WireLimits } from '../../media/limits.ts';
import type { AVPacket } from '../../media/packet.ts';
import { type AmfObject, type AmfValue, amfObject } from '../amf/amf-value.ts';
import { splitAggregate } from '../flv/aggregate.ts';
import { type FlvBodyKind, FlvPacketReader } from '../flv/flv-packet-reader.ts';
import { EventQueue } from './event-queue.ts';
import { offerHandshake, type RandomBytes } from './handshake.ts';
import { type Command, decodeCommand, readStatus, type StatusInfo } from './messages/command.ts';
import { bodyKindOf, ChunkStreamId, MessageType, type RtmpMessage } from './messages/message.ts';
import { decodeUserControl } from './messages/user-control.ts';
import { RtmpLink } from './rtmp-link.ts';

/** Which stream, and how the client introduces itself. */
export interface RtmpClientOptions {
  readonly mode: 'publish' | 'play';
  /** With its query, if it has one. */
  readonly app: string;
  readonly tcUrl: string;
  /** With its query, if it has one. */
  readonly name: string;
  readonly flashVer?: string;
  /** Enhanced RTMP: announced as they are when given. */
  readonly capsEx?: number;
  readonly fourCcList?: readonly string[];
  /** Milliseconds that a play wants buffered. */
  readonly bufferMs?: number;
  readonly chunkSize?: number;
  readonly limits?: Partial<WireLimits>;
  readonly random?: RandomBytes;
}

/** What a server means. */
export type RtmpClientEvent =
  /** The server accepted: `sendPacketBody` may be called. */
  | { readonly kind: 'publishing' }
  | { readonly kind: 'playing' }
  | { readonly kind: 'packet'; readonly packet: AVPacket }
  /** Any onStatus, before the event it causes. */
  | ({ readonly kind: 'status' } & StatusInfo)
  /** The server ended the stream, with this status code or user control event (StreamEOF); said once. */
  | { readonly kind: 'end'; readonly code: string }
  /** The server refused; said once. */
  | { readonly kind: 'failed'; readonly code: string; readonly description: string }
  /** A media or data message that made no sense was dropped. */
  | { readonly kind: 'malformed'; readonly error: ProtocolError };

/** The chunk size for what we publish. */
const CLIENT_CHUNK_SIZE = 65536;
/** What a player of ours says that it buffers. */
const DEFAULT_BUFFER_MS = 1000;
/** Play what is live, or wait for it (RTMP 1.0, 7.2.2.1); in milliseconds, as most clients send it. */
const LIVE_START = -2000;

const END_CODES: ReadonlySet<string> = new Set([
  'NetStream.Play.Stop',
  'NetStream.Play.Complete',
  'NetStream.Play.UnpublishNotify',
  'NetStream.Unpublish.Success',
  'NetConnection.Connect.Closed',
]);

const BODY_HEADERS = {
  audio: { chunkStreamId: ChunkStreamId.audio, typeId: MessageType.audio },
  video: { chunkStreamId: ChunkStreamId.video, typeId: MessageType.video },
  data: { chunkStreamId: ChunkStreamId.stream, typeId: MessageType.data },
  'data-amf3': { chunkStreamId: ChunkStreamId.stream, typeId: MessageType.dataAmf3 },
} as const;

/**
 * The client's side of one RTMP connection that publishes or plays one stream. Used like the server's: send `output`, even
 * before the first byte came; `push`, take events with `next` until it is `null`, send `output` again.
 */
export class RtmpClientProtocol {
  readonly #link: RtmpLink;
  readonly #options: RtmpClientOptions;
  readonly #reader: FlvPacketReader;
  readonly #events = new EventQueue<RtmpClientEvent>();
  /** Calls that wait for a `_result`, by transaction id. */
  readonly #calls = new Map<number, string>();
  #lastTransaction = 0;
  #streamId = 0;
  #state: 'handshake' | 'connecting' | 'asked' | 'running' | 'over' = 'handshake';
  #failure: unknown = null;

  constructor(options: RtmpClientOptions) {
    this.#options = options;
    this.#link = new RtmpLink(offerHandshake, options);
    this.#reader = new FlvPacketReader(this.#link.limits);
    this.#link.next();
  }

  /** Until then nothing can be said. */
  get handshakeDone(): boolean {
    return this.#link.handshakeDone;
  }

  /** All bytes pushed, the handshake included. */
  get bytesReceived(): number {
    return this.#link.bytesReceived;
  }

  /** Takes bytes from the server; they must not change afterwards. */
  push(chunk: Buffer): void {
    this.#link.push(chunk);
  }

  /**
   * What the server means next; `null`: give me more bytes.
   * @throws ProtocolError when the server breaks the protocol, and again at every later call.
   */
  next(): RtmpClientEvent | null {
    if (this.#failure !== null) throw this.#failure;
    try {
      for (;;) {
        const event = this.#events.take();
        if (event !== null) return event;
        const message = this.#link.next();
        if (this.#state === 'handshake' && this.#link.handshakeDone) this.#connect();
        if (message === null) return null;
        this.#receive(message);
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** All that is owed to the server so far, in one piece; C0 and C1 at first. */
  output(): Buffer | null {
    return this.#link.output();
  }

  /** Publishes one FLV body. Milliseconds, modulo 2^32. Not before `publishing`. */
  sendPacketBody(kind: FlvBodyKind, timestampMs: number, body: Buffer): void {
    if (this.#state !== 'running' || this.#options.mode !== 'publish') {
      throw new ProtocolError('NMS_PROTOCOL_MESSAGE', 'media before the server accepted the publish');
    }
    this.#link.send({ ...BODY_HEADERS[kind], timestamp: timestampMs, streamId: this.#streamId }, body);
  }

  /** Ends the stream in words; then send `output` and close. */
  close(): void {
    if (this.#state === 'asked' || this.#state === 'running') {
      if (this.#options.mode === 'publish') this.#call('FCUnpublish', [null, this.#options.name]);
      this.#send('deleteStream', 0, [null, this.#streamId]);
    }
    this.#state = 'over';
  }

  #send(name: string, transactionId: number, values: readonly AmfValue[], streamId = 0): void {
    this.#link.sendCommand({ name, transactionId, values }, streamId);
  }

  #call(name: string, values: readonly AmfValue[], streamId = 0): void {
    this.#calls.set(++this.#lastTransaction, name);
    this.#send(name, this.#lastTransaction, values, streamId);
  }

  #connect(): void {
    const { mode, app, tcUrl, flashVer, capsEx, fourCcList, chunkSize } = this.#options;
    this.#state = 'connecting';
    const publisher = { type: 'nonprivate', flashVer: flashVer ?? 'FMLE/3.0 (compatible; FMSc/1.0)' };
    const player = {
      flashVer: flashVer ?? 'LNX 9,0,124,2',
      fpad: false,
      capabilities: 15,
      audioCodecs: 4071,
      videoCodecs: 252,
      videoFunction: 1,
    };
    const command: AmfObject = amfObject({ app, ...(mode === 'publish' ? publisher : player), tcUrl });
    if (capsEx !== undefined) command['capsEx'] = capsEx;
    if (fourCcList !== undefined) command['fourCcList'] = [...fourCcList];
    this.#link.setChunkSize(chunkSize ?? CLIENT_CHUNK_SIZE);
    this.#call('connect', [command]);
  }

  #receive(message: RtmpMessage): void {
    const kind = bodyKindOf(message.typeId);
    if (kind !== null) {
      this.#receiveBodies(() => this.#reader.read(kind, message.timestamp, message.payload));
      return;
    }
    switch (message.typeId) {
      case MessageType.aggregate:
        return this.#receiveBodies(() => this.#readAggregate(message));
      case MessageType.command:
      case MessageType.commandAmf3: {
        const amf3 = message.typeId === MessageType.commandAmf3;
        return this.#receiveCommand(decodeCommand(message.payload, { amf3 }, this.#link.limits));
      }
      case MessageType.userControl:
        if (this.#state === 'running' && decodeUserControl(message.payload)?.event === 'streamEof')
          this.#end('StreamEOF');
    }
  }

  #receiveBodies(read: () => readonly AVPacket[]): void {
    if (this.#options.mode !== 'play' || this.#streamId === 0) return;
    try {
      for (const packet of read()) this.#events.push({ kind: 'packet', packet });
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#events.push({ kind: 'malformed', error });
    }
  }

  #readAggregate({ payload, timestamp }: RtmpMessage): AVPacket[] {
    return splitAggregate(payload, timestamp).flatMap((tag) => {
      const kind = bodyKindOf(tag.type);
      return kind === null ? [] : this.#reader.read(kind, tag.timestampMs, tag.body);
    });
  }

  #receiveCommand(command: Command): void {
    switch (command.name) {
      case '_result':
        return this.#receiveResult(command);
      case '_error':
        return this.#receiveError(command);
      case 'onStatus':
        return this.#receiveStatus(readStatus(command));
      case 'close':
        return this.#end('NetConnection.Connect.Closed');
      default:
        if (command.transactionId !== 0) this.#send('_result', command.transactionId, [null, undefined]);
    }
  }

  #receiveResult(command: Command): void {
    const call = this.#calls.get(command.transactionId);
    this.#calls.delete(command.transactionId);
    if (call === 'connect') this.#createStream();
    else if (call === 'createStream') this.#begin(command);
  }

  #createStream(): void {
    const { mode, name } = this.#options;
    if (mode === 'publish') {
      this.#call('releaseStream', [null, name]);
      this.#call('FCPublish', [null, name]);
    } else {
      this.#link.announceWindow();
    }
    this.#call('createStream', [null]);
  }

  #begin({ values }: Command): void {
    const id = values.find((value) => typeof value === 'number');
    if (id === undefined || !Number.isInteger(id) || id < 1 || id > 0xffffffff) {
      throw new ProtocolError('NMS_PROTOCOL_MESSAGE', `createStream was answered with ${String(id)}, not a stream id`, {
        section: 'RTMP 1.0, 7.2.1.3',
      });
    }
    const { mode, name, bufferMs } = this.#options;
    this.#streamId = id;
    this.#state = 'asked';
    if (mode === 'publish') {
      this.#call('publish', [null, name, 'live'], id);
      return;
    }
    this.#call('play', [null, name, LIVE_START], id);
    this.#link.sendUserControl({ event: 'setBufferLength', value: id, bufferMs: bufferMs ?? DEFAULT_BUFFER_MS });
  }

  /** Only what the stream cannot do without: servers answer releaseStream and FCPublish with errors as a habit. */
  #receiveError(command: Command): void {
    const call = this.#calls.get(command.transactionId);
    this.#calls.delete(command.transactionId);
    if (call === 'releaseStream' || call === 'FCPublish' || call === 'FCUnpublish' || call === undefined) return;
    const status = readStatus(command);
    this.#fail(status?.code ?? 'NetConnection.Call.Failed', status?.description ?? `${call} was refused`);
  }

  #receiveStatus(status: StatusInfo | null): void {
    if (status === null) return;
    this.#events.push({ kind: 'status', ...status });
    if (status.level === 'error') this.#fail(status.code, status.description);
    else if (END_CODES.has(status.code)) this.#end(status.code);
    else if (this.#state === 'asked' && status.code === 'NetStream.Publish.Start') this.#run('publishing');
    else if (this.#state === 'asked' && status.code === 'NetStream.Play.Start') this.#run('playing');
  }

  #run(kind: 'publishing' | 'playing'): void {
    this.#state = 'running';
    this.#events.push({ kind });
  }

  #end(code: string): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#events.push({ kind: 'end', code });
  }

  #fail(code: string, description: string): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#events.push({ kind: 'failed', code, description });
  }
}
