import { ClosedError } from '../errors.ts';
import { type PreparedChange, prepareAll } from './change.ts';
import type { CoreConfig } from './config.ts';
import type { Context } from './context.ts';
import { Deadline } from './deadline.ts';
import type { Listener } from './listener.ts';
import type { Server } from './server.ts';
import type { Session } from './session.ts';
import type { StreamPath } from './stream-path.ts';

/** What a part may take beyond the time it was given: another process has to answer. */
const SLACK_MS = 3_000;
/** What closing the doors may take at least: those of other processes are closed when these say so. */
const MIN_DOORS_MS = 1_000;
/** What closing all servers may take beyond the time for peers. */
const CLOSE_MS = 10_000;
/** Of that, what one server that hangs leaves to those that come after it. */
const RESERVE_MS = 1_000;
/** What each server gets when the others have used it all up. */
const MIN_PART_MS = 500;

type EndStep = 'closeDoors' | 'drain' | 'stop';

/** The servers of one process on their Context: opened in order, closed in reverse. */
export class House {
  readonly context: Context;
  readonly #servers: readonly Server[];
  /** Who was asked to come back by himself. */
  readonly #asked = new Set<Session>();
  #opening: Promise<void> | null = null;
  #removeTask: (() => void) | null = null;

  constructor(context: Context, servers: readonly Server[]) {
    this.context = context;
    this.#servers = servers;
    context.listeners = () => this.listeners;
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
    this.context.isOpen = true;
  }

  #throwIfStopping(): void {
    if (this.context.isStopping) throw new ClosedError('the server was stopped while it started');
  }

  #startPeriodicLines(): void {
    const { context } = this;
    const { connections, load, logger, sessions, ticker } = context;
    const saidAt = new WeakMap<object, number>();
    this.#removeTask = ticker.add(() => {
      load.sample();
      const refused = connections.takeRefused();
      if (refused !== null) {
        logger.warn({ refused: refused.count }, `${refused.count} connections were refused: ${refused.reason}`);
      }
      const { sessionIntervalMs } = context.config.log;
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

  /**
   * Makes every server ready for a new configuration, or none; `commit` puts it in force for all of them at once.
   * @throws what a server that cannot take it up throws
   */
  prepare(sections: Readonly<Record<string, unknown>>, core: CoreConfig): Promise<PreparedChange> {
    const own = async () => ({ commit: () => this.context.configure(core), cancel: () => {} });
    return prepareAll([
      own,
      ...this.#servers.map((server) => async () => (await server.prepare?.(sections, core)) ?? null),
    ]);
  }

  /** The first step of the end: nobody new is let in, no place is kept. */
  async closeDoors(deadline: Deadline): Promise<void> {
    this.context.isStopping = true;
    this.#removeTask?.();
    const patience = new Deadline(Math.max(deadline.leftMs, MIN_DOORS_MS));
    await this.#closeDoors(patience);
    if (this.#opening === null) return;
    // Whoever called `open` hears of its failure.
    const isOpened = await deadline.meets(this.#opening.catch(() => undefined));
    if (!isOpened) this.context.logger.warn({}, 'the server is stopped while it starts, which takes too long');
    // A door that was about to open has opened meanwhile.
    await this.#closeDoors(patience);
  }

  async #closeDoors(deadline: Deadline): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => this.#await(server, 'closeDoors', deadline, async () => server.closeDoors?.())),
    );
  }

  /**
   * The second step: everybody who can is asked to come back by himself; every other publisher is ended, and every place
   * that is kept.
   */
  endPublishers(reason: Error): void {
    const { broadcasts } = this.context;
    for (const broadcast of [...broadcasts.values()]) if (broadcast.isOrigin) broadcast.endGrace(reason);
    const sessions = this.#peers;
    for (const session of sessions) if (session.askToReturn(reason.message)) this.#asked.add(session);
    for (const session of sessions) if (session.isPublisher && !this.#asked.has(session)) session.close(reason);
  }

  /** The third step: ends everybody else, but for those who were asked and have something to stay for. */
  async drain(reason: Error, deadline: Deadline): Promise<void> {
    const { context } = this;
    const { logger } = context;
    for (const session of this.#peers) if (!this.#mayStay(session)) session.close(reason);
    context.closing.abort(reason);
    const staying = [...this.#asked].filter((session) => !session.isClosed && session.role !== 'idle');
    if (staying.length > 0) {
      logger.info({ sessions: staying.length }, `peers were asked to leave by themselves: ${staying.length}`);
    }
    const servers = this.#servers.map((server) => {
      const timeoutMs = deadline.leftMs;
      return this.#await(server, 'drain', new Deadline(timeoutMs + SLACK_MS), async () => server.drain?.(timeoutMs));
    });
    const isOver = await deadline.meets(Promise.all(staying.map((session) => session.over())));
    const late = staying.filter((session) => !session.isClosed);
    if (!isOver) logger.warn({ sessions: late.length }, `peers that were asked to leave are cut: ${late.length}`);
    for (const session of late) session.close(reason);
    await Promise.all(servers);
  }

  /**
   * The last step: closes every server in reverse, whatever became of the others. One that takes too long is named in the
   * log and waited for no longer. @throws what the first of them threw that failed.
   */
  async close(reason: Error, deadline: Deadline): Promise<void> {
    const { context } = this;
    const end = new Deadline(deadline.leftMs + CLOSE_MS);
    const failures: unknown[] = [];
    for (const server of [...this.#servers].reverse()) {
      const ms = Math.max(end.leftMs - RESERVE_MS, MIN_PART_MS);
      await this.#await(server, 'stop', new Deadline(ms), async () => server.stop()).catch((error: unknown) => {
        failures.push(error);
      });
    }
    for (const session of [...context.sessions.values()]) session.close(reason);
    for (const broadcast of [...context.broadcasts.values()]) broadcast.endGrace(reason);
    context.ticker.stop();
    if (failures.length > 0) throw failures[0];
  }

  /** The sessions of peers in this process. Those of other processes are ended there, and ours with what they serve. */
  get #peers(): Session[] {
    return [...this.context.sessions.values()].filter((session) => !session.isRemote && !session.internal);
  }

  #mayStay(session: Session): boolean {
    // Who has not said yet what he wants is told when he does, and ends with his server.
    if (session.role === 'idle') return session.streamPath === '';
    if (!this.#asked.has(session)) return false;
    if (session.isPublisher) return true;
    const broadcast = this.context.broadcasts.get(session.streamPath as StreamPath);
    return broadcast !== undefined && broadcast.publisher !== null;
  }

  async #await(server: Server, step: EndStep, deadline: Deadline, work: () => Promise<void>): Promise<void> {
    const part = server.name ?? server.constructor.name;
    const done = work().then(
      () => null,
      (error: unknown) => {
        this.context.logger.error({ part, step, err: error }, `${part} failed while the server stops`);
        if (step === 'stop') throw error;
      },
    );
    if (await deadline.meets(done)) return;
    this.context.logger.warn({ part, step }, `${part} does not end in time: the server stops without it`);
  }
}
