import { ProtocolError } from '../../errors.ts';
import type { AmfValue } from '../amf/amf-value.ts';
import type { FlvBodyKind, FlvPacketReader } from '../flv/flv-packet-reader.ts';
import { callArguments, nameArgument } from './messages/call.ts';
import { type Command, type StatusLevel, statusCommand } from './messages/command.ts';
import type { CloseWord, RtmpEvent } from './rtmp-event.ts';
import type { RtmpLink } from './rtmp-link.ts';
import { type ConnectTarget, parseStreamTarget, type StreamTarget } from './stream-target.ts';

/** `start` of a play that says nothing of it: live (RTMP 1.0, 7.2.2.1). */
const LIVE = -2;

type State = 'idle' | 'publish asked' | 'publishing' | 'play asked' | 'playing';

/** One message stream of a connection (a NetStream): what runs on it, and its half of that conversation. */
export class NetStream {
  readonly id: number;
  readonly #link: RtmpLink;
  readonly #emit: (event: RtmpEvent) => unknown;
  #state: State = 'idle';
  #target: StreamTarget | null = null;
  #reader: FlvPacketReader | null = null;
  #isReset = true;
  #isPaused = false;
  #wantsAudio = true;
  #wantsVideo = true;

  constructor(id: number, link: RtmpLink, emit: (event: RtmpEvent) => unknown) {
    this.id = id;
    this.#link = link;
    this.#emit = emit;
  }

  /** Was its publish accepted? */
  get isPublishing(): boolean {
    return this.#state === 'publishing';
  }

  /** The stream name of the last publish or play, without its query. */
  get name(): string {
    return this.#target?.name ?? '';
  }

  get #isPlay(): boolean {
    return this.#state === 'play asked' || this.#state === 'playing';
  }

  /** Does a publish wait for an answer? */
  get isAsking(): boolean {
    return this.#state === 'publish asked';
  }

  /** A command on this message stream; `false`: it is none of a stream's. */
  call(command: Command, connect: ConnectTarget): boolean {
    const [first, second, , fourth] = callArguments(command);
    switch (command.name) {
      case 'publish':
        if (first === false) this.end('publish');
        else
          this.#publish(parseStreamTarget(connect, nameArgument(first)), typeof second === 'string' ? second : 'live');
        return true;
      case 'play':
        if (first === false) this.end('play');
        else
          this.#play(
            parseStreamTarget(connect, nameArgument(first)),
            typeof second === 'number' ? second : LIVE,
            fourth,
          );
        return true;
      case 'closeStream':
        this.end('closeStream');
        return true;
      case 'pause':
      case 'pauseRaw':
        this.#pause(first !== false);
        return true;
      case 'receiveAudio':
      case 'receiveVideo':
        this.#receiveMedia(command.name === 'receiveAudio' ? 'audio' : 'video', first !== false);
        return true;
      case 'seek':
        this.#seek();
        return true;
      case 'play2':
        this.#switchStream();
        return true;
      default:
        return false;
    }
  }

  #status(level: StatusLevel, code: string, description: string): void {
    this.#link.sendCommand(statusCommand({ level, code, description }), this.id);
  }

  /** `publish` on a stream that is in use is refused, and what runs there goes on. */
  #publish(target: StreamTarget, type: string): void {
    if (this.#state !== 'idle') {
      this.#status('error', 'NetStream.Publish.BadName', `Message stream ${this.id} is in use.`);
      return;
    }
    this.#state = 'publish asked';
    this.#target = target;
    this.#emit({ kind: 'publish', streamId: this.id, ...target, type });
  }

  /** Answers its publish; `reader` reads what is sent from now on. */
  acceptPublish(reader: FlvPacketReader): void {
    if (this.#state !== 'publish asked') return;
    this.#state = 'publishing';
    this.#reader = reader;
    this.#link.sendUserControl({ event: 'streamBegin', value: this.id });
    // Not its name, which may be a key.
    this.#status('status', 'NetStream.Publish.Start', 'The stream is now published.');
  }

  /** `play` while playing replaces what is played; while publishing it is refused. */
  #play(target: StreamTarget, start: number, reset: AmfValue): void {
    if (this.#isPlay) this.end('play');
    if (this.#state !== 'idle') {
      this.#status('error', 'NetStream.Play.Failed', `Message stream ${this.id} is publishing.`);
      return;
    }
    this.#state = 'play asked';
    this.#target = target;
    this.#isReset = reset !== false && reset !== 0;
    this.#emit({ kind: 'play', streamId: this.id, ...target, start });
    if (!this.#wantsAudio || !this.#wantsVideo) this.#emitReceive();
  }

  /** RTMP 1.0, 7.2.2.1. Nothing that makes FFmpeg see a third, empty data stream (NetStream.Data.Start). */
  acceptPlay(): void {
    if (this.#state !== 'play asked') return;
    this.#state = 'playing';
    this.#link.sendUserControl({ event: 'streamBegin', value: this.id });
    if (this.#isReset) this.#status('status', 'NetStream.Play.Reset', 'Playing and resetting stream.');
    this.#status('status', 'NetStream.Play.Start', 'Started playing stream.');
    this.#grantSampleAccess();
  }

  /** Refuses or ends what runs here. */
  reject(code: string, description: string): void {
    if (this.#state === 'idle') return;
    this.#toIdle();
    this.#status('error', code, description);
  }

  /** The publisher ended; the play stays. */
  sourceEnded(description = 'The stream has ended.'): void {
    if (this.#state !== 'playing') return;
    this.#link.sendUserControl({ event: 'streamEof', value: this.id });
    this.#status('status', 'NetStream.Play.UnpublishNotify', description);
  }

  /** The publisher is back. */
  sourceReturned(): void {
    if (this.#state !== 'playing') return;
    this.#link.sendUserControl({ event: 'streamBegin', value: this.id });
    this.#status('status', 'NetStream.Play.PublishNotify', 'The stream is back.');
    this.#grantSampleAccess();
  }

  /** The peer ended what runs here; said once. */
  end(by: CloseWord): void {
    if (this.#state === 'idle') return;
    const wasPublishing = this.isPublishing;
    this.#toIdle();
    this.#emit({ kind: 'close', streamId: this.id, by });
    if (wasPublishing && (by === 'closeStream' || by === 'publish')) {
      this.#status('status', 'NetStream.Unpublish.Success', 'The stream is no longer published.');
    }
  }

  /** A media or data message; `false`: nothing is published here, and it is dropped. */
  receive(kind: FlvBodyKind, timestamp: number, body: Buffer): boolean {
    if (this.#reader === null) return false;
    try {
      for (const packet of this.#reader.read(kind, timestamp, body)) {
        this.#emit({ kind: 'packet', streamId: this.id, packet });
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.malformed(error);
    }
    return true;
  }

  /** Tells of a message that was dropped. */
  malformed(error: ProtocolError): void {
    this.#emit({ kind: 'malformed', streamId: this.id, error });
  }

  /** RTMP 1.0, 7.2.2.8. */
  #pause(isPaused: boolean): void {
    if (!this.#isPlay) return;
    if (isPaused) this.#status('status', 'NetStream.Pause.Notify', 'Paused.');
    else this.#status('status', 'NetStream.Unpause.Notify', 'Unpaused.');
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.#emit({ kind: 'pause', streamId: this.id, paused: isPaused });
  }

  /** RTMP 1.0, 7.2.2.4 and 7.2.2.5; may come before `play`. */
  #receiveMedia(kind: 'audio' | 'video', isWanted: boolean): void {
    if (this.#isPlay && isWanted) {
      this.#status('status', 'NetStream.Seek.Notify', 'Continuing at the live edge.');
      this.#status('status', 'NetStream.Play.Start', 'Started playing stream.');
    }
    const before = kind === 'audio' ? this.#wantsAudio : this.#wantsVideo;
    if (kind === 'audio') this.#wantsAudio = isWanted;
    else this.#wantsVideo = isWanted;
    if (this.#isPlay && before !== isWanted) this.#emitReceive();
  }

  /** A live stream has one place to be; FFmpeg drops everything until it hears that the seek succeeded. */
  #seek(): void {
    if (this.#isPlay) this.#status('status', 'NetStream.Seek.Notify', 'Continuing at the live edge.');
  }

  /** play2 (RTMP 1.0, 7.2.2.2) is not supported; the play goes on. */
  #switchStream(): void {
    if (this.#isPlay) this.#status('warning', 'NetStream.Seek.Failed', 'play2 is not supported.');
  }

  #emitReceive(): void {
    this.#emit({ kind: 'receive', streamId: this.id, audio: this.#wantsAudio, video: this.#wantsVideo });
  }

  #grantSampleAccess(): void {
    this.#link.sendData(['|RtmpSampleAccess', true, true], this.id);
  }

  #toIdle(): void {
    this.#state = 'idle';
    this.#reader = null;
    this.#isPaused = false;
    this.#wantsAudio = true;
    this.#wantsVideo = true;
  }
}
