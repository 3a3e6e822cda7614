import { BroadcastServer } from '../../core/broadcast-server.ts';
import type { Context } from '../../core/context.ts';
import type { Player } from '../../core/session.ts';
import { EndError } from '../../errors.ts';
import type { Format } from '../../media/format.ts';
import { asError, type FlvRequest, FlvSession } from './flv-session.ts';

/** Receives one stream; the subclasses know the transport. */
export abstract class FlvPlayer extends FlvSession implements Player {
  readonly format: Format;

  constructor(context: Context, request: FlvRequest, format: Format) {
    super(context, request);
    this.format = format;
  }

  /**
   * Asks for permission, waits for the stream, and lets it flow. Call it when it is a newcomer's turn. Never rejects: what goes
   * wrong closes the session.
   */
  async play(): Promise<void> {
    try {
      const turn = this.context.turns.now;
      const broadcast = BroadcastServer.of(this.context, this.target.address.path);
      const subscription = await broadcast.postPlay(this, { turn, onAdmitted: () => this.onAdmitted() });
      if (this.isClosed) return;
      this.begin(() => subscription.start());
    } catch (error) {
      this.close(asError(error));
    }
  }

  send(units: readonly Buffer[], joined: Buffer | null): void {
    const bytes = joined ?? Buffer.concat(units);
    this.outBytes += bytes.length;
    this.write(bytes);
  }

  onStreamEnd(): void {
    this.close(new EndError('the stream ended'));
  }

  onStreamStart(): void {}

  /** Permission is granted; the stream may still be absent. */
  protected onAdmitted(): void {}

  /** The stream is there: sends what comes before its first byte, and lets it flow. */
  protected abstract begin(flow: () => void): void;

  protected abstract write(bytes: Buffer): void;
}
