import { BroadcastServer } from '../../core/broadcast-server.ts';
import type { Context } from '../../core/context.ts';
import { type Player, Session } from '../../core/session.ts';
import type { StreamAddress } from '../../core/stream-path.ts';
import { EndError } from '../../errors.ts';
import type { Format } from '../../media/format.ts';
import { createFlvFormat } from '../../protocols/flv/flv-muxer.ts';

/** How long a stream may take to come here from the process that has it. */
const ARRIVAL_MS = 10_000;

const format = createFlvFormat({ framing: 'plain', audio: true, video: true, tracks: 'all', hevc: 'as-is' });

/** A player of our own, that gives what it gets to a file. Whatever waits for the disk is the file's affair: it is never behind. */
export class RecordSession extends Session implements Player {
  readonly format: Format = format;
  readonly #context: Context;
  readonly #address: StreamAddress;
  readonly #take: (bytes: Buffer) => void;
  readonly #ended = Promise.withResolvers<Error>();
  /** Called at once when it ends. */
  onEnd: () => void = () => {};

  constructor(context: Context, address: StreamAddress, take: (bytes: Buffer) => void) {
    super(context, { protocol: 'internal', ip: '', address: '' });
    this.#context = context;
    this.#address = address;
    this.#take = take;
    this.setTarget({ address, host: '', query: {} });
  }

  /** Resolves with the reason when it ends. */
  get ended(): Promise<Error> {
    return this.#ended.promise;
  }

  /** Resolves when the stream is there and flows. @throws AbsentError, ClosedError; why it was closed meanwhile. */
  async play(): Promise<void> {
    const broadcast = BroadcastServer.of(this.#context, this.#address.path);
    const subscription = await broadcast.postPlay(this, { waitMs: ARRIVAL_MS });
    subscription.start();
  }

  send(units: readonly Buffer[], joined: Buffer | null): void {
    this.#take(joined ?? Buffer.concat(units));
  }

  onStreamEnd(): void {
    this.close(new EndError('the stream ended'));
  }

  onStreamStart(): void {}

  protected release(reason: Error): void {
    this.onEnd();
    this.#ended.resolve(reason);
  }
}
