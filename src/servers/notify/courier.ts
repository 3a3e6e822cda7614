import { MAX_TIMER_MS } from '../../core/deadline.ts';
import type { Lane, WaitingCall } from '../../core/outbox.ts';
import { backoffMs } from './backoff.ts';
import type { CallReport } from './call-report.ts';
import type { NotifyConfig } from './config.ts';
import { Desk } from './desk.ts';
import type { CallAnswer, HttpCaller } from './http-caller.ts';
import type { OutboxStore } from './outbox-store.ts';
import type { OutboxWriter } from './outbox-writer.ts';
import type { Target } from './target.ts';

/** Calls of one lane read at once; then other lanes have their turn. */
const CALLS_PER_TURN = 8;
/** Lanes of one target that are looked up at once. */
const LANES_PER_LOOK = 256;
/** Characters of the reason for which a call failed that are kept with it. */
const MAX_ERROR_LENGTH = 200;

interface CourierOptions {
  readonly targets: readonly Target[];
  readonly config: () => NotifyConfig;
  readonly store: OutboxStore;
  readonly writer: OutboxWriter;
  readonly caller: Pick<HttpCaller, 'post'>;
  readonly report: CallReport;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly chance: () => number;
  /** A receiver of Node-Media-Server 4 has refused what a call told of. */
  readonly onRefused: (call: WaitingCall) => void;
}

/** Makes the calls of the outbox: of a stream one after the other, of many streams at once, again and again until taken. */
export class Courier {
  readonly #options: CourierOptions;
  #desks: Desk[];
  readonly #ending = new AbortController();
  #active = 0;
  #scheduled: NodeJS.Immediate | null = null;
  #timer: NodeJS.Timeout | null = null;
  #onIdle: (() => void) | null = null;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#desks = options.targets.map((target) => new Desk(target));
  }

  /** Others from now on. What waits for one that is gone stays where it is; one of the same name takes it over. */
  take(targets: readonly Target[]): void {
    const known = new Map(this.#desks.map((desk) => [desk.target.name, desk]));
    for (const desk of this.#desks) desk.isRetired = true;
    const desks = targets.map((target) => {
      const desk = known.get(target.name) ?? new Desk(target);
      desk.target = target;
      desk.isRetired = false;
      // It may be up where it is now.
      desk.succeeded();
      return desk;
    });
    this.#desks = [...desks, ...this.#desks.filter((desk) => desk.isRetired && desk.active > 0)];
    this.wake();
  }

  /** Is a lane being worked on, or about to be? */
  isTaken(lane: number): boolean {
    return this.#desks.some(({ taken }) => taken.has(lane));
  }

  /** Something may be due. */
  wake(): void {
    if (this.#ending.signal.aborted) return;
    this.#scheduled ??= setImmediate(() => this.#pump());
  }

  /** Resolves when nothing more can be done now, or at the deadline; calls that are still under way then count as not made. */
  async stop(timeoutMs: number): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    this.wake();
    let timer: NodeJS.Timeout | null = null;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([idle, late]);
    if (timer !== null) clearTimeout(timer);
    this.#ending.abort(new Error('the server is stopping'));
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #pump(): void {
    this.#scheduled = null;
    if (this.#ending.signal.aborted) return;
    const now = this.#options.now();
    let nextAt: number | null = null;
    for (const desk of this.#desks) {
      this.#work(desk, now);
      const at = this.#nextAt(desk, now);
      if (at !== null && (nextAt === null || at < nextAt)) nextAt = at;
    }
    // The first to be looked at is another one next time, so that no target has all the room.
    this.#desks.push(...this.#desks.splice(0, 1));
    this.#wakeAt(nextAt, now);
    if (this.#active === 0) this.#onIdle?.();
  }

  #wakeAt(at: number | null, now: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = at === null ? null : setTimeout(() => this.wake(), Math.min(MAX_TIMER_MS, Math.max(1, at - now)));
    this.#timer?.unref();
  }

  /** When there is something to do for a target, if nothing happens before; `null`: never, or when a call has ended. */
  #nextAt(desk: Desk, now: number): number | null {
    if (desk.pausedUntil > now) return desk.pausedUntil;
    if (!this.#hasRoom(desk, now)) return null;
    return this.#options.store.read((outbox) => outbox.nextDueAt(desk.target.name, now));
  }

  #hasRoom(desk: Desk, now: number): boolean {
    const { maxCalls, maxCallsPerTarget } = this.#options.config();
    return !desk.isRetired && this.#active < maxCalls && desk.active < desk.room(maxCallsPerTarget, now);
  }

  #work(desk: Desk, now: number): void {
    while (this.#hasRoom(desk, now)) {
      if (desk.ready.length === 0) desk.ready = this.#look(desk, now);
      const lane = desk.ready.shift();
      if (lane === undefined) return;
      desk.active++;
      this.#active++;
      void this.#walk(desk, lane).finally(() => {
        desk.taken.delete(lane.lane);
        desk.active--;
        this.#active--;
        this.wake();
      });
    }
  }

  #look({ target, taken }: Desk, now: number): Lane[] {
    const limit = LANES_PER_LOOK + taken.size;
    const due = this.#options.store.read((outbox) => outbox.dueLanes({ target: target.name, limit }, now)) ?? [];
    const free = due.filter(({ lane }) => !taken.has(lane));
    for (const { lane } of free) taken.add(lane);
    return free;
  }

  /** Makes the first calls of a lane, until one fails; ends when what became of them is on disk. */
  async #walk(desk: Desk, { lane, attempts: failedBefore }: Lane): Promise<void> {
    const { store, writer } = this.#options;
    const calls = store.read((outbox) => outbox.callsOf(lane, CALLS_PER_TURN)) ?? [];
    let attempts = failedBefore;
    for (const call of calls) {
      const error = await this.#make(desk, call);
      if (this.#ending.signal.aborted && error !== null) return;
      attempts = error === null ? 0 : attempts + 1;
      if (error === null) {
        void writer.change((outbox) => outbox.remove(call.seq));
      } else if (this.#isHopeless(call, attempts)) {
        this.#bury(desk.target, call, { attempts, error });
        attempts = 0;
      } else {
        return this.#postpone(lane, { attempts, error });
      }
    }
    if (calls.length > 0) await writer.change((outbox) => outbox.advance(lane, this.#options.now()));
  }

  #postpone(lane: number, failure: { readonly attempts: number; readonly error: string }): Promise<void> {
    const dueAt = this.#options.now() + this.#backoffMs(failure.attempts);
    return this.#options.writer.change((outbox) => outbox.postpone(lane, { ...failure, dueAt }));
  }

  #backoffMs(attempts: number): number {
    return backoffMs(this.#options.config().outbox, attempts, this.#options.chance());
  }

  #isHopeless({ queuedAt }: WaitingCall, attempts: number): boolean {
    const { maxAttempts, maxAgeMs } = this.#options.config().outbox;
    return attempts >= maxAttempts || this.#options.now() - queuedAt >= maxAgeMs;
  }

  #bury(target: Target, { seq }: WaitingCall, failure: { readonly attempts: number; readonly error: string }): void {
    const { writer, config, now, report } = this.#options;
    report.dead(target.name, 1);
    void writer.change((outbox) => {
      outbox.bury(seq, failure, now());
      outbox.trimDead(config().outbox.maxDeadLetters);
    });
  }

  /** Why it failed; `null` when the target has taken it. */
  async #make(desk: Desk, call: WaitingCall): Promise<string | null> {
    const { report, onRefused, now } = this.#options;
    const { target } = desk;
    let error: string;
    try {
      const { id, body } = call;
      const answer = await this.#options.caller.post({ target, id, body, signal: this.#ending.signal });
      const outcome = outcomeOf(answer, target);
      if (outcome === 'refused') onRefused(call);
      if (outcome !== 'failed') {
        report.succeeded(target.name);
        desk.succeeded();
        return null;
      }
      error = `answered ${answer.status}`;
    } catch (failure) {
      error = failure instanceof Error ? failure.message : String(failure);
    }
    if (!this.#ending.signal.aborted) report.failed(target.name, error);
    desk.failed(now(), (attempts) => this.#backoffMs(attempts));
    return error.slice(0, MAX_ERROR_LENGTH);
  }
}

/** To a receiver of Node-Media-Server 4 every 4xx is a refusal; it is not asked twice. */
function outcomeOf({ status }: CallAnswer, { format }: Target): 'taken' | 'refused' | 'failed' {
  if (status >= 200 && status < 300) return 'taken';
  return format === 'nms' && status >= 400 && status < 500 ? 'refused' : 'failed';
}
