import type { DatabaseSync } from 'node:sqlite';
import type { PreparedChange } from '../../core/change.ts';
import type { CoreConfig } from '../../core/config.ts';
import type { Context } from '../../core/context.ts';
import type { History, HistoryEntry, HistoryQuery } from '../../core/history.ts';
import type { Server } from '../../core/server.ts';
import type { Session } from '../../core/session.ts';
import { ConfigError, NmsError } from '../../errors.ts';
import { HistoryTable } from './history-table.ts';

/** What ended in this time is written together. */
const GATHER_MS = 1000;
/** Entries written, and entries forgotten for them, in one transaction: a few milliseconds of the event loop. */
const MAX_PER_WRITE = 250;
/** Between two writes when more waits than one may take. */
const NEXT_MS = 50;
/** Entries that wait while the disk fails; more are lost, and counted. */
const MAX_WAITING = 10_000;
/** How often what has become too old is looked for. */
const LOOK_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Characters of what a peer may say at any length. */
const MAX_SAID = 512;

function entryOf(session: Session, role: HistoryEntry['role']): HistoryEntry {
  const { id, protocol, streamPath, streamApp, streamName, ip, user, userAgent, createTime } = session;
  const endTime = session.endTime === 0 ? Date.now() : session.endTime;
  const { endReason } = session;
  return {
    id,
    role,
    protocol,
    streamPath,
    app: streamApp,
    name: streamName,
    ip,
    user: user.slice(0, MAX_SAID),
    userAgent: userAgent.slice(0, MAX_SAID),
    startTime: createTime,
    endTime,
    duration: Math.max(0, endTime - createTime),
    inBytes: session.inBytes,
    outBytes: session.outBytes,
    droppedFrames: session.droppedFrames,
    playCount: session.playCount,
    reason:
      endReason instanceof NmsError
        ? endReason.message.slice(0, MAX_SAID)
        : endReason === null
          ? ''
          : 'the server failed',
  };
}

/**
 * Writes down what was published and played. The store is opened when there is something to write, or to read that an
 * earlier run has written.
 */
export class HistoryServer implements Server, History {
  readonly #context: Context;
  readonly #onPublish = (session: Session) => this.#add(session, 'publisher');
  readonly #onPlay = (session: Session) => this.#add(session, 'player');
  #waiting: HistoryEntry[] = [];
  #lost = 0;
  #timer: NodeJS.Timeout | null = null;
  #removeTask: (() => void) | null = null;
  #table: { readonly database: DatabaseSync; readonly table: HistoryTable } | null = null;
  #isOpen = false;
  /** The store is not ours to open, and is not tried again. */
  #isBroken = false;
  /** The disk was too full, or too ill, to open the store; that was said. */
  #isDelayed = false;
  #prunedAt = Number.NEGATIVE_INFINITY;

  constructor(context: Context) {
    this.#context = context;
    this.#switch(context.config);
  }

  async run(): Promise<void> {
    const { eventEmitter, ticker } = this.#context;
    eventEmitter.on('donePublish', this.#onPublish);
    eventEmitter.on('donePlay', this.#onPlay);
    this.#removeTask = ticker.add(() => this.#tick());
  }

  async prepare(_sections: object, core: CoreConfig): Promise<PreparedChange> {
    return { commit: () => this.#switch(core), cancel: () => {} };
  }

  /** Writes what waits, as far as the disk allows. */
  async stop(): Promise<void> {
    const { eventEmitter, store } = this.#context;
    eventEmitter.off('donePublish', this.#onPublish);
    eventEmitter.off('donePlay', this.#onPlay);
    this.#removeTask?.();
    this.#removeTask = null;
    this.#cancel();
    while (this.#waiting.length > 0 && this.#write());
    this.#lost += this.#waiting.length;
    this.#waiting = [];
    this.#sayWhatIsLost();
    if (this.#isOpen) store.close(HistoryTable.part);
    this.#isOpen = false;
    this.#table = null;
  }

  list(query: HistoryQuery): { readonly items: readonly HistoryEntry[]; readonly count: number } {
    return this.#read((table) => table.list(query)) ?? { items: [], count: 0 };
  }

  clear(streamPath?: string): number {
    const isKept = ({ streamPath: path }: HistoryEntry) => streamPath !== undefined && path !== streamPath;
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter(isKept);
    const unwritten = before - this.#waiting.length;
    if (!this.#isOpen && !this.#context.store.exists) return unwritten;
    return unwritten + (this.#change((table) => table.clear(streamPath)) ?? 0);
  }

  #switch({ store }: CoreConfig): void {
    this.#context.history = store.maxHistory === 0 || this.#isBroken ? null : this;
  }

  #add(session: Session, role: HistoryEntry['role']): void {
    if (session.internal || this.#context.history !== this) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#lost++;
      return;
    }
    this.#waiting.push(entryOf(session, role));
    this.#schedule(GATHER_MS);
  }

  #schedule(delayMs: number): void {
    // While the disk fails, whoever watches the clock tries again.
    if (this.#timer !== null || this.#context.store.isFailing) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#write() && this.#waiting.length > 0) this.#schedule(NEXT_MS);
    }, delayMs).unref();
  }

  #cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    this.#sayWhatIsLost();
    if (this.#waiting.length > 0) {
      if (this.#context.store.isFailing) this.#write();
      else this.#schedule(0);
    }
    const now = performance.now();
    if (!this.#isOpen || now - this.#prunedAt < LOOK_MS) return;
    const removed = this.#change((table) => table.prune(this.#bounds())) ?? 0;
    // As long as there is as much to forget as one look may take, the next one is due at once.
    if (removed < MAX_PER_WRITE) this.#prunedAt = now;
  }

  /** Writes as much as belongs into one transaction; `false`: it could not be. */
  #write(): boolean {
    const entries = this.#waiting.slice(0, MAX_PER_WRITE);
    const isWritten = this.#change((table) => {
      table.add(entries);
      table.prune(this.#bounds());
      return true;
    });
    if (isWritten !== true) return false;
    this.#waiting = this.#waiting.slice(entries.length);
    return true;
  }

  #bounds() {
    const { maxHistory, maxHistoryDays } = this.#context.config.store;
    const before = maxHistoryDays === 0 ? 0 : Date.now() - maxHistoryDays * DAY_MS;
    // What was kept when it was switched off stays.
    const max = maxHistory === 0 ? Number.POSITIVE_INFINITY : maxHistory;
    // More than what one write adds, so that what was added while the bound was higher goes in time.
    return { max, before, limit: MAX_PER_WRITE * 2 };
  }

  #sayWhatIsLost(): void {
    if (this.#lost === 0) return;
    this.#context.logger.warn({ entries: this.#lost }, 'entries of history are lost: they could not be written');
    this.#lost = 0;
  }

  #read<Result>(work: (table: HistoryTable) => Result): Result | null {
    if (!this.#isOpen && !this.#context.store.exists) return null;
    if (!this.#open()) return null;
    return this.#context.store.read((database) => work(this.#tableOf(database)));
  }

  /** In one transaction. What was not done is counted anew: the table counts what it did. */
  #change<Result>(work: (table: HistoryTable) => Result): Result | null {
    if (!this.#open()) return null;
    const result = this.#context.store.write((database) => work(this.#tableOf(database)));
    if (result === null) this.#table = null;
    return result;
  }

  #open(): boolean {
    if (this.#isOpen) return true;
    if (this.#isBroken) return false;
    const { store, logger } = this.#context;
    try {
      store.open(HistoryTable.part);
      this.#isOpen = true;
      this.#isDelayed = false;
    } catch (error) {
      if (error instanceof ConfigError) {
        this.#isBroken = true;
        this.#context.history = null;
        this.#waiting = [];
        logger.warn({ err: error }, 'the store cannot be used: no history is kept');
      } else if (!this.#isDelayed) {
        this.#isDelayed = true;
        logger.warn({ err: error }, 'the store cannot be used at the moment: what is to be kept of history waits');
      }
    }
    return this.#isOpen;
  }

  #tableOf(database: DatabaseSync): HistoryTable {
    if (this.#table?.database !== database) this.#table = { database, table: new HistoryTable(database) };
    return this.#table.table;
  }
}
