import type { Outbox, OutboxCall } from '../../core/outbox.ts';
import type { OutboxConfig } from './config.ts';
import type { OutboxStore } from './outbox-store.ts';

/** Calls written in one transaction: some milliseconds of the event loop. */
const MAX_CALLS_PER_TURN = 100;
/** More than this does not wait for the end of the turn. */
const MAX_TURN_BYTES = 1024 * 1024;
/** What a call costs in memory beside its body. */
const CALL_OVERHEAD_BYTES = 200;

interface WriterOptions {
  readonly store: OutboxStore;
  readonly config: () => OutboxConfig;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Something is on disk that was not. */
  readonly onWritten: () => void;
  /** The outbox or the memory is full. */
  readonly onDropped: (target: string, calls: number) => void;
}

interface Change {
  readonly apply: (outbox: Outbox) => void;
  readonly resolve: () => void;
}

function sizeOf({ body }: OutboxCall): number {
  return Buffer.byteLength(body) + CALL_OVERHEAD_BYTES;
}

/** Gathers what is to be written in a turn of the event loop, and writes it in one transaction; keeps it while the disk fails. */
export class OutboxWriter {
  readonly #options: WriterOptions;
  #calls: OutboxCall[] = [];
  #callBytes = 0;
  #changes: Change[] = [];
  #scheduled: NodeJS.Immediate | null = null;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** A call that has to be made. */
  add(call: OutboxCall): void {
    const { store, onDropped } = this.#options;
    const config = this.#options.config();
    const size = sizeOf(call);
    if (this.#callBytes + size > config.maxMemoryBytes) return onDropped(call.target, 1);
    this.#calls.push(call);
    this.#callBytes += size;
    if (this.#callBytes > MAX_TURN_BYTES && !store.isFailing) this.flush();
    else this.#schedule();
  }

  /** Resolves once the change is on disk. */
  change(apply: (outbox: Outbox) => void): Promise<void> {
    this.#schedule();
    return new Promise((resolve) => this.#changes.push({ apply, resolve }));
  }

  /** Writes as much as belongs into one transaction; `false`: the disk failed. */
  flush(): boolean {
    this.#unschedule();
    const changes = this.#changes;
    const calls = this.#calls.slice(0, MAX_CALLS_PER_TURN);
    // An empty transaction tells whether the disk is well again.
    if (changes.length + calls.length === 0 && !this.#options.store.isFailing) return true;
    const dropped = this.#options.store.write((outbox) => {
      for (const { apply } of changes) apply(outbox);
      return this.#insert(outbox, calls);
    });
    if (dropped === null) return false;
    this.#changes = [];
    this.#calls = this.#calls.slice(calls.length);
    for (const call of calls) this.#callBytes -= sizeOf(call);
    for (const { resolve } of changes) resolve();
    for (const [target, count] of dropped) this.#options.onDropped(target, count);
    this.#options.onWritten();
    if (this.#calls.length > 0) this.#schedule();
    return true;
  }

  /** Writes all of it, as far as the disk allows. */
  flushAll(): void {
    let isWell = this.flush();
    while (isWell && this.#calls.length > 0) isWell = this.flush();
    this.#unschedule();
  }

  #schedule(): void {
    // While the disk fails, whoever watches the clock tries again.
    if (this.#scheduled === null && !this.#options.store.isFailing) this.#scheduled = setImmediate(() => this.flush());
  }

  #unschedule(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
  }

  /** Returns how many were left out, by target. */
  #insert(outbox: Outbox, calls: readonly OutboxCall[]): Map<string, number> {
    const dropped = new Map<string, number>();
    const now = this.#options.now();
    for (const call of calls) {
      const lost = this.#makeRoom(outbox, call);
      if (lost > 0) dropped.set(call.target, (dropped.get(call.target) ?? 0) + lost);
      if (lost === 0 || this.#options.config().whenFull === 'dropOldest') outbox.add(call, now);
    }
    return dropped;
  }

  #makeRoom(outbox: Outbox, { target, body }: OutboxCall): number {
    const { store } = this.#options;
    const config = this.#options.config();
    const maxBytes = store.isPersistent ? config.maxBytes : Math.min(config.maxBytes, config.maxMemoryBytes);
    const { calls, bytes } = outbox.backlog(target);
    const isFull = calls >= config.maxCalls || (calls > 0 && bytes + Buffer.byteLength(body) > maxBytes);
    if (!isFull) return 0;
    if (config.whenFull === 'dropNewest') return 1;
    return outbox.dropOldest({ target, limit: Math.ceil(calls / 100) });
  }
}
