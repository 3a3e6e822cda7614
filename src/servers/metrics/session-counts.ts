import type { Context } from '../../core/context.ts';
import { errorLabel } from '../../core/counters.ts';
import type { ServerEventName } from '../../core/events.ts';
import type { Session } from '../../core/session.ts';
import { ProtocolError } from '../../errors.ts';

/**
 * Counts the sessions of the whole server. Those of workers are told in the primary too, and only there: nobody is counted
 * twice.
 */
export class SessionCounts {
  readonly #context: Context;
  readonly #listeners = new Map<ServerEventName, (session: Session) => void>();

  constructor(context: Context) {
    const { counters } = context;
    this.#context = context;
    this.#listeners.set('sessionStart', ({ protocol }) => counters.count('sessions_started', protocol));
    this.#listeners.set('postPublish', ({ protocol }) => counters.count('publishes_started', protocol));
    this.#listeners.set('postPlay', ({ protocol }) => counters.count('plays_started', protocol));
    this.#listeners.set('streamStall', () => counters.count('stream_stalls'));
    this.#listeners.set('sessionEnd', (session) => this.#ended(session));
  }

  start(): void {
    for (const [event, listener] of this.#listeners) this.#context.eventEmitter.on(event, listener as never);
  }

  stop(): void {
    for (const [event, listener] of this.#listeners) this.#context.eventEmitter.off(event, listener as never);
  }

  #ended({ protocol, inBytes, outBytes, droppedFrames, closeReason }: Session): void {
    const { counters } = this.#context;
    counters.count('sessions_ended', errorLabel(closeReason));
    if (closeReason instanceof ProtocolError) counters.count('protocol_errors', closeReason.code);
    if (inBytes > 0) counters.count('bytes_received', protocol, inBytes);
    if (outBytes > 0) counters.count('bytes_sent', protocol, outBytes);
    if (droppedFrames > 0) counters.count('frames_dropped', 'behind', droppedFrames);
  }
}
