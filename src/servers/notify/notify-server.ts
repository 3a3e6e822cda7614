import { randomUUID } from 'node:crypto';
import type { PreparedChange } from '../../core/change.ts';
import type { Context } from '../../core/context.ts';
import type { Decision } from '../../core/decision.ts';
import type { WaitingCall } from '../../core/outbox.ts';
import type { Server } from '../../core/server.ts';
import type { Session, SessionId } from '../../core/session.ts';
import type { Advice } from '../../core/stream-statistics.ts';
import { DeniedError } from '../../errors.ts';
import { CallReport } from './call-report.ts';
import { type NotifyConfig, notifySection } from './config.ts';
import { Courier } from './courier.ts';
import { Decider } from './decider.ts';
import { type AskedEvent, askedEvents, type HookEvent, toldEvents } from './event-names.ts';
import { HttpCaller } from './http-caller.ts';
import { OutboxStore } from './outbox-store.ts';
import { OutboxWriter } from './outbox-writer.ts';
import type { Happening } from './payload.ts';
import { createTargets, type Target } from './target.ts';
import { writeBody } from './write-body.ts';

/** Calls that are looked at each minute for their age. */
const AGED_PER_LOOK = 500;
/** How often calls are looked at for their age. */
const LOOK_MS = 60_000;
/** What is measured for the metrics while calls are kept. */
const BACKLOG_GAUGES = ['webhook_outbox_calls', 'webhook_outbox_bytes'] as const;

type Listener = (session: Session, advice?: Advice, state?: 'raised' | 'cleared') => unknown;

/** Webhooks: asks targets whether a session may publish or play, and tells them what happened until they have taken it. */
export class NotifyServer implements Server {
  readonly #context: Context;
  #config: NotifyConfig;
  #targets: readonly Target[];
  readonly #listeners = new Map<HookEvent, Listener>();
  readonly #caller: HttpCaller;
  readonly #decider: Decider;
  readonly #report: CallReport;
  readonly #store: OutboxStore;
  readonly #writer: OutboxWriter;
  readonly #courier: Courier;
  #stopTicking: (() => void) | null = null;
  #version: number | null = null;
  #lookedAt = 0;

  constructor(context: Context, config: NotifyConfig) {
    const now = () => Date.now();
    this.#context = context;
    this.#config = config;
    this.#targets = createTargets(config);
    this.#report = new CallReport(context.logger, context.counters);
    this.#caller = new HttpCaller({
      maxResponseBytes: () => this.#config.maxResponseBytes,
      maxIdle: config.maxCallsPerTarget,
      now,
    });
    this.#decider = new Decider(this.#caller, context.counters, () => this.#config);
    this.#store = new OutboxStore(context.store);
    this.#writer = new OutboxWriter({
      store: this.#store,
      config: () => this.#config.outbox,
      now,
      onWritten: () => this.#courier.wake(),
      onDropped: (target, calls) => this.#report.dropped(target, calls),
    });
    this.#courier = new Courier({
      targets: this.#targets,
      config: () => this.#config,
      store: this.#store,
      writer: this.#writer,
      caller: this.#caller,
      report: this.#report,
      now,
      chance: Math.random,
      onRefused: (call) => this.#refuse(call),
    });
  }

  /** @throws ConfigError when another server uses the folder of the store */
  async run(): Promise<void> {
    const isTelling = tellsAnything(this.#targets);
    if (isTelling) this.#store.open();
    this.#listenToAll();
    if (isTelling) this.#beginToTell();
  }

  /** @throws ConfigError as `run` */
  async prepare({ notify }: { readonly notify?: NotifyConfig }): Promise<PreparedChange> {
    const config = notify ?? notifySection.parse({});
    const targets = createTargets(config);
    const isFirst = tellsAnything(targets) && this.#stopTicking === null;
    if (isFirst) this.#store.open();
    return {
      commit: () => {
        this.#config = config;
        this.#targets = targets;
        this.#courier.take(targets);
        this.#listenToAll();
        if (isFirst) this.#beginToTell();
      },
      cancel: () => {
        if (isFirst) this.#store.close();
      },
    };
  }

  #listenToAll(): void {
    this.#listenToNone();
    for (const event of askedEvents) {
      const targets = this.#targetsOf(event);
      if (targets.length > 0) this.#listen(event, (session) => this.#ask(targets, event, session));
    }
    for (const event of toldEvents) {
      if (this.#targetsOf(event).length === 0) continue;
      this.#listen(event, (session, advice, state) => {
        const health = advice === undefined || state === undefined ? null : { ...advice, state };
        this.#tell(this.#targetsOf(event), { ...happening(event, session), health });
      });
    }
  }

  #listenToNone(): void {
    for (const [event, listener] of this.#listeners) this.#context.eventEmitter.off(event, listener);
    this.#listeners.clear();
  }

  #beginToTell(): void {
    this.#measureBacklog();
    this.#stopTicking = this.#context.ticker.add(() => this.#tick());
    this.#store.write((outbox) => outbox.hurry(Date.now()));
    this.#sayWhatNobodyTakes();
    this.#courier.wake();
  }

  async stop(): Promise<void> {
    this.#listenToNone();
    if (this.#stopTicking !== null) {
      this.#stopTicking();
      this.#stopTicking = null;
      this.#writer.flushAll();
      await this.#courier.stop(this.#config.stopTimeoutMs);
      this.#writer.flushAll();
      this.#report.say(Number.POSITIVE_INFINITY);
      for (const name of BACKLOG_GAUGES) this.#context.gauges.delete(name);
      this.#store.close();
    }
    this.#caller.close();
  }

  #measureBacklog(): void {
    const { gauges } = this.#context;
    const sum = (what: 'calls' | 'bytes') => {
      const waiting = this.#store.read((outbox) => outbox.targets()) ?? [];
      return waiting.reduce((total, target) => total + target[what], 0);
    };
    gauges.set('webhook_outbox_calls', () => sum('calls'));
    gauges.set('webhook_outbox_bytes', () => sum('bytes'));
  }

  #targetsOf(event: HookEvent): Target[] {
    return this.#targets.filter(({ events }) => events.has(event));
  }

  #listen(event: HookEvent, listener: Listener): void {
    this.#listeners.set(event, listener);
    this.#context.eventEmitter.on(event, listener);
  }

  #ask(targets: readonly Target[], event: AskedEvent, session: Session): Promise<Decision> {
    return this.#decider.decide(targets, happening(event, session));
  }

  #tell(targets: readonly Target[], what: Happening): void {
    const { event, session } = what;
    const stream = session.streamPath === '' ? session.id : session.streamPath;
    for (const target of targets) {
      this.#writer.add({ id: what.id, target: target.name, stream, event, body: writeBody(target, what) });
    }
  }

  /** A receiver of Node-Media-Server 4 ends a session by its answer to any call. */
  #refuse({ event, body }: WaitingCall): void {
    if (event !== 'postPublish' && event !== 'postPlay') return;
    const { id } = JSON.parse(body) as { readonly id: SessionId };
    this.#context.sessions.get(id)?.close(new DeniedError('refused by a webhook'));
  }

  #tick(): void {
    if (this.#store.isFailing) this.#writer.flush();
    const version = this.#store.read((outbox) => outbox.version());
    if (version !== this.#version || this.#store.isFailing) this.#courier.wake();
    this.#version = version;
    const now = performance.now();
    if (now - this.#lookedAt >= LOOK_MS) this.#giveUpAged(now);
    this.#report.say(now);
  }

  /** Of targets that the configuration no longer has, nothing is ever tried; it is given up by its age alone. */
  #giveUpAged(now: number): void {
    const { maxAgeMs, maxDeadLetters } = this.#config.outbox;
    const found = this.#store.read((outbox) => outbox.olderThan(Date.now() - maxAgeMs, AGED_PER_LOOK)) ?? [];
    if (found.length < AGED_PER_LOOK) this.#lookedAt = now;
    const aged = found.filter(({ lane }) => !this.#courier.isTaken(lane));
    if (aged.length === 0) return;
    this.#context.logger.warn({ calls: aged.length }, 'calls of webhooks were given up for their age');
    void this.#writer.change((outbox) => {
      for (const { seq, attempts } of aged) outbox.bury(seq, { attempts, error: 'too old' }, Date.now());
      outbox.trimDead(maxDeadLetters);
    });
  }

  #sayWhatNobodyTakes(): void {
    const names = new Set(this.#targets.map(({ name }) => name));
    for (const { target, calls } of this.#store.read((outbox) => outbox.targets()) ?? []) {
      if (names.has(target))
        this.#context.logger.info({ target, calls }, 'calls of a webhook have waited for this start');
      else
        this.#context.logger.warn({ target, calls }, 'calls wait for a webhook that the configuration does not name');
    }
  }
}

function tellsAnything(targets: readonly Target[]): boolean {
  return targets.some(({ events }) => toldEvents.some((event) => events.has(event)));
}

function happening(event: HookEvent, session: Session): Happening {
  return { id: randomUUID(), event, session, at: Date.now() };
}
