import { performance } from 'node:perf_hooks';
import { BroadcastServer } from '../../core/broadcast-server.ts';
import type { Context } from '../../core/context.ts';
import { Intake } from '../../core/intake.ts';
import { Pump } from '../../core/pump.ts';
import { Rest } from '../../core/rest.ts';
import { FlvDemuxer } from '../../protocols/flv/flv-demuxer.ts';
import { asError, type FlvRequest, FlvSession } from './flv-session.ts';
import { Throttle } from '../../core/throttle.ts';

/** Sends one stream as FLV bytes; the subclasses know the transport. */
export abstract class FlvPublisher extends FlvSession {
  readonly #demuxer: FlvDemuxer;
  readonly #throttle: Throttle;
  #broadcast: BroadcastServer | null = null;
  readonly #intake = new Intake({ pause: () => this.pause(), resume: () => this.resume() });
  readonly #pump = new Pump(this.#intake, { step: () => this.#step() });
  readonly #rest = new Rest(this.#intake);

  constructor(context: Context, request: FlvRequest) {
    super(context, request, 'publish');
    this.#demuxer = new FlvDemuxer(context.config.limits);
    this.#throttle = new Throttle(context.config.publish.maxBytesPerSecond, performance.now());
  }

  /** Asks for the stream's place, then lets the bytes come. Never rejects: what goes wrong closes the session. */
  async publish(): Promise<void> {
    try {
      const asked = BroadcastServer.of(this.context, this.target.address.path);
      const broadcast = await asked.postPublish(this);
      if (this.isClosed) return;
      this.#broadcast = broadcast;
      this.begin();
    } catch (error) {
      this.close(asError(error));
    }
  }

  /** Has the FLV header come? */
  protected get hasHeader(): boolean {
    return this.#demuxer.header !== null;
  }

  /** Takes bytes of the stream, cut anywhere. */
  protected feed(chunk: Buffer): void {
    if (this.isClosed || this.#broadcast === null) return;
    this.inBytes += chunk.length;
    this.#demuxer.push(chunk);
    this.#pump.run();
    if (this.isClosed) return;
    this.#slowDown(chunk.length);
    this.#rest.take(chunk.length, this.#broadcast);
  }

  /** The peer ends, or is gone: what came before is published first. */
  protected end(reason: Error): void {
    this.#pump.finish(() => this.close(reason));
  }

  #step(): boolean {
    if (this.isClosed) return false;
    try {
      const packets = this.#demuxer.next();
      for (const packet of packets ?? []) this.#broadcast?.broadcastMessage(this, packet);
      return packets !== null;
    } catch (error) {
      this.close(asError(error));
      return false;
    }
  }

  #slowDown(bytes: number): void {
    const waitMs = this.#throttle.take(bytes, performance.now());
    if (waitMs > 0) this.#intake.holdFor('fast', waitMs);
  }

  /** Ends what the base holds; to be called first by `release`. */
  protected stopFeeding(): void {
    this.#intake.end();
    if (this.#demuxer.malformed > 0) {
      this.log('warn', 'malformed FLV tags were left out', { malformed: this.#demuxer.malformed });
    }
  }

  /** The place is ours: let the bytes come. */
  protected abstract begin(): void;

  protected abstract pause(): void;

  protected abstract resume(): void;
}
