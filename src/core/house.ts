import { ClosedError } from '../errors.ts';
import type { Context } from './context.ts';
import type { Listener } from './listener.ts';
import type { Server } from './server.ts';

/** The servers of one process on their Context: opened in order, closed in reverse. */
export class House {
  readonly context: Context;
  readonly #servers: readonly Server[];
  #opening: Promise<void> | null = null;
  #removeTask: (() => void) | null = null;

  constructor(context: Context, servers: readonly Server[]) {
    this.context = context;
    this.#servers = servers;
  }

  /** The doors that are open. */
  get listeners(): readonly Listener[] {
    return this.#servers.flatMap((server) => server.listeners ?? []);
  }

  /** @throws whatever a server's `run` throws; ClosedError when it is closed meanwhile. What was opened is the caller's to close. */
  open(): Promise<void> {
    this.#startPeriodicLines();
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    for (const server of this.#servers) {
      this.#throwIfStopping();
      await server.run();
    }
    this.#throwIfStopping();
  }

  #throwIfStopping(): void {
    if (this.context.isStopping) throw new ClosedError('the server was stopped while it started');
  }

  #startPeriodicLines(): void {
    const { connections, config, load, logger, sessions, ticker } = this.context;
    const { sessionIntervalMs } = config.log;
    const saidAt = new WeakMap<object, number>();
    this.#removeTask = ticker.add(() => {
      load.sample();
      const refused = connections.takeRefused();
      if (refused !== null) {
        logger.warn({ refused: refused.count }, `${refused.count} connections were refused: ${refused.reason}`);
      }
      if (sessionIntervalMs === 0) return;
      const now = Date.now();
      for (const session of sessions.values()) {
        const last = saidAt.get(session) ?? session.createTime;
        if (now - last < sessionIntervalMs) continue;
        saidAt.set(session, now);
        session.logState();
      }
    });
  }

  /** Lets nobody new in and ends every publish, also those whose place is kept. */
  async endPublishers(reason: Error): Promise<void> {
    const { context } = this;
    context.isStopping = true;
    this.#removeTask?.();
    // A door that is about to open opens first; whoever called `open` hears of its failure.
    await this.#opening?.catch(() => undefined);
    for (const broadcast of [...context.broadcasts.values()]) if (broadcast.isOrigin) broadcast.endGrace(reason);
    // Those of other processes are ended there; what comes from there ends with them.
    const publishers = [...context.sessions.values()].filter((session) => {
      return session.isPublisher && !session.isRemote && !session.internal;
    });
    for (const session of publishers) session.close(reason);
  }

  /** After `endPublishers`: ends everybody else and closes every server. */
  async close(reason: Error): Promise<void> {
    const { context } = this;
    for (const server of [...this.#servers].reverse()) await server.stop();
    for (const session of [...context.sessions.values()]) session.close(reason);
    for (const broadcast of [...context.broadcasts.values()]) broadcast.endGrace(reason);
    context.ticker.stop();
  }
}
