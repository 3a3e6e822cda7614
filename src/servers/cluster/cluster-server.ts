import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { CertificatePair } from '../../core/certificate-pair.ts';
import type { PreparedChange } from '../../core/change.ts';
import type { CoreConfig } from '../../core/config.ts';
import type { Context } from '../../core/context.ts';
import type { Listener } from '../../core/listener.ts';
import { type Logger, silentLogger } from '../../core/logger.ts';
import type { Server } from '../../core/server.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import { ClosedError, ConnectionError } from '../../errors.ts';
import { Claims } from './claims.ts';
import { decodeError } from './error-data.ts';
import { readFields } from './forwarding-logger.ts';
import { type DoorSections, FrontDoors } from './front-doors.ts';
import { LocalApplication } from './local-application.ts';
import type { CreateInnerSource, InnerSource } from './inner-source.ts';
import { LocalSockets } from './local-sockets.ts';
import type { LogLevel, Pass, StartMessage, ToPrimary, ToWorker } from './messages.ts';
import { Mirror } from './mirror.ts';
import { Placement } from './placement.ts';
import { streamsSettled } from './settled.ts';
import { MAX_SILENT_SECONDS, type WorkerEnd, WorkerProcess } from './worker-process.ts';
import { describeEnd, WorkerSlot } from './worker-slot.ts';
import { WorkersEnd } from './workers-end.ts';

const TOKEN_BYTES = 32;
const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error'];

type Sections = Readonly<Record<string, unknown>>;

export interface ClusterOptions {
  readonly workers: number;
  /** The built-in servers that run in each worker, by name, in order. */
  readonly servers: readonly string[];
  /** All sections of the configuration to begin with. */
  readonly sections: Sections;
  /** Those of them that open a door of the workers' servers. */
  readonly doorsOf: (sections: Sections) => DoorSections;
  /** What the workers are configured with: values that can be sent to another process. */
  readonly configOf: (sections: Sections) => Sections;
  /** The file that a worker runs. */
  readonly entry: string;
  /** Makes what answers HTTP requests that are no media. */
  readonly createApplication: (context: Context) => RequestListener;
  /** Makes what fetches the workers' streams here, for whoever plays them in the primary: a recorder. */
  readonly createSource: CreateInnerSource;
}

/** What a logger would write; one that cannot say is sent everything. */
function levelsOf(logger: Logger): readonly LogLevel[] {
  if (logger === silentLogger) return [];
  const isEnabled = (logger as { readonly isLevelEnabled?: (level: string) => boolean }).isLevelEnabled;
  return LEVELS.filter((level) => isEnabled?.call(logger, level) ?? true);
}

/**
 * The primary of several processes behind the same doors: lets connections in and gives each to a worker, decides about
 * sessions and streams of all of them, and shows them in its Context as if they were here.
 */
export class ClusterServer implements Server {
  readonly #context: Context;
  readonly #options: ClusterOptions;
  readonly #doors: FrontDoors;
  readonly #placement: Placement;
  readonly #mirror: Mirror;
  readonly #claims = new Claims();
  readonly #slots: readonly WorkerSlot[];
  readonly #token = randomBytes(TOKEN_BYTES).toString('hex');
  readonly #source: InnerSource;
  readonly #processes = new Set<WorkerProcess>();
  #sections: Sections;
  #sockets: LocalSockets | null = null;
  #application: LocalApplication | null = null;
  #count = 0;
  #isStarting = false;
  #isStopping = false;
  #removeTask: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  readonly #end: WorkersEnd;

  constructor(context: Context, options: ClusterOptions) {
    this.#context = context;
    this.#options = options;
    this.#mirror = new Mirror(context);
    this.#end = new WorkersEnd(context.logger, this.#processes);
    context.streams = this.#mirror.streams;
    context.obstacles.push(() => this.#obstacles());
    this.#source = options.createSource(context, {
      token: this.#token,
      locate: (streamPath) => this.#claims.locate(streamPath),
    });
    context.sources.push(this.#source);
    this.#slots = Array.from({ length: options.workers }, (_, index) => {
      return new WorkerSlot(index + 1, {
        start: (number) => this.#start(number),
        onFailed: (number, error) => {
          context.logger.error({ worker: number, err: error }, `worker ${number} could not be started`);
        },
      });
    });
    this.#placement = new Placement({
      connections: context.connections,
      logger: context.logger,
      hosts: () => this.#workers,
      onRefused: () => context.counters.count('connections_refused', 'worker'),
    });
    this.#sections = options.sections;
    this.#doors = new FrontDoors(context, {
      onSocket: (socket, door) => this.#placement.arrive(socket, door),
      onCertificate: (door, pair) => this.#sendToAll({ kind: 'certificate', door, pair: portable(pair) }),
    });
  }

  get listeners(): readonly Listener[] {
    return this.#doors.listeners;
  }

  get #workers(): WorkerProcess[] {
    return this.#slots.flatMap(({ worker }) => worker ?? []);
  }

  /** @throws ListenError, ConfigError, or the reason for which a worker does not start; `stop` closes the rest. */
  async run(): Promise<void> {
    const { logger, ticker, config } = this.#context;
    this.#isStarting = true;
    this.#sockets = new LocalSockets();
    this.#application = new LocalApplication(this.#options.createApplication(this.#context), {
      token: this.#token,
      maxHeaderBytes: config.limits.maxHttpHeaderBytes,
    });
    await this.#application.listen(this.#sockets.path('application'));
    // Who comes before the workers are ready waits for them.
    await (await this.#doors.prepare(this.#options.doorsOf(this.#sections), config.bind)).commit();
    this.#removeTask = ticker.add(() => this.#tick());
    if (this.#context.isStopping) throw new ClosedError('the server was stopped while it started');
    try {
      await Promise.all(this.#slots.map((slot) => slot.start().ready));
    } catch (error) {
      if (this.#isStopping) throw new ClosedError('the server was stopped while it started');
      throw error;
    }
    this.#isStarting = false;
    logger.info({ workers: this.#slots.length }, `${this.#slots.length} workers serve`);
  }

  /** The doors are here; the workers are told once all of it is in force here. */
  async prepare(sections: Sections, core: CoreConfig): Promise<PreparedChange> {
    const doors = await this.#doors.prepare(this.#options.doorsOf(sections), core.bind);
    return {
      ...doors,
      commit: async () => {
        this.#sections = sections;
        await Promise.all([doors.commit(), ...this.#workers.map((worker) => this.#configure(worker))]);
      },
    };
  }

  /** Nobody is let in any more, here and in all workers; one that has not begun to serve is ended. */
  async closeDoors(): Promise<void> {
    this.#isStopping = true;
    this.#doors.close();
    this.#removeTask?.();
    this.#removeTask = null;
    for (const slot of this.#slots) slot.close();
    this.#placement.end();
    for (const worker of this.#processes) if (!worker.wasReady) worker.kill();
    this.#closing ??= this.#end.step('closeDoors', 0);
    await this.#closing;
  }

  /** Ends publishers in all workers, then players: what was sent last reaches those in other workers. */
  async drain(timeoutMs: number): Promise<void> {
    await this.#end.step('endPublishers', 0);
    await this.#end.step('drain', timeoutMs);
    await streamsSettled(this.#context, (streamPath) => this.#claims.locate(streamPath) === null);
  }

  /** A worker that takes too long is killed. Idempotent. */
  async stop(): Promise<void> {
    await this.closeDoors();
    this.#source.stop();
    await this.#end.finish();
    await this.#application?.close();
    this.#application = null;
    this.#sockets?.close();
    this.#sockets = null;
  }

  #tick(): void {
    this.#placement.report();
    for (const worker of this.#workers) {
      if (!worker.watch()) continue;
      const { number, pid } = worker;
      const message = `worker ${number} has said nothing for ${MAX_SILENT_SECONDS} s: it hangs, and is killed`;
      this.#context.logger.warn({ worker: number, pid }, message);
    }
  }

  #obstacles(): string[] {
    return this.#slots
      .filter(({ worker }) => worker?.isReady !== true)
      .map(({ number }) => `worker ${number} does not serve`);
  }

  /** One that is about to serve takes it up then; nobody waits for that. */
  async #configure(worker: WorkerProcess): Promise<void> {
    const { logger } = this.#context;
    const answer = worker.configure({
      config: this.#options.configOf(this.#sections),
      levels: levelsOf(logger),
      listeners: this.#doors.listeners,
      certificates: this.#doors.certificates,
    });
    const settled = answer.catch((error: unknown) => {
      // What has ended has a successor, which begins with the new configuration.
      if (error instanceof ConnectionError) return;
      logger.error({ worker: worker.number, err: error }, 'a worker did not take up the new configuration');
    });
    if (worker.isReady) await settled;
  }

  #start(number: number): WorkerProcess {
    const { folder, logger, routes } = this.#context;
    const sockets = this.#sockets!;
    const start: StartMessage = {
      kind: 'start',
      worker: number,
      config: this.#options.configOf(this.#sections),
      folder,
      servers: this.#options.servers,
      listeners: this.#doors.listeners,
      certificates: this.#doors.certificates,
      routes: routes.filter(({ isExact }) => isExact !== true).map(({ path }) => path),
      levels: levelsOf(logger),
      innerPath: sockets.path(`inner-${number}-${++this.#count}`),
      applicationPath: sockets.path('application'),
      runFolder: sockets.folder,
      token: this.#token,
      directory: this.#claims.places,
    };
    const worker = new WorkerProcess(this.#options.entry, start, {
      onMessage: (from, message) => this.#onMessage(from, message),
      onEnd: (from, end) => this.#onEnd(from, end),
    });
    this.#processes.add(worker);
    return worker;
  }

  #onMessage(worker: WorkerProcess, message: ToPrimary): void {
    switch (message.kind) {
      case 'ready':
        this.#welcome(worker);
        break;
      case 'failed':
        if (this.#isStarting) break;
        this.#context.logger.error({ worker: worker.number, err: decodeError(message.error) }, 'an unforeseen error');
        break;
      case 'log':
        this.#context.logger[message.level]({ ...readFields(message.fields), worker: worker.number }, message.message);
        break;
      case 'opened':
        this.#mirror.opened(worker, message);
        break;
      case 'asked':
        void worker.answer(message.question, this.#decide(worker, message));
        break;
      case 'signIn':
        void worker.answer(message.question, this.#mirror.signIn(message));
        break;
      case 'event':
        this.#mirror.told(message);
        break;
      case 'statistics':
        this.#mirror.statistics(worker.number, message);
        this.#context.counters.add(message.counts);
        if (message.process !== null) this.#context.workers.set(String(worker.number), message.process);
        break;
      case 'ended':
        this.#mirror.ended(message);
        break;
      case 'named':
        void worker.answer(
          message.question,
          this.#placement.named(worker.visitors.get(message.socket), message.address),
        );
        break;
      case 'claim':
        void worker.answer(message.question, this.#claim(worker, message.streamPath, message.by));
        break;
      case 'announced': {
        const place = this.#claims.announce(worker, message.streamPath);
        if (place === null) break;
        this.#sendToAll({ kind: 'announced', place });
        this.#source.appeared(message.streamPath);
        break;
      }
      case 'released':
        if (this.#claims.release(worker, message.streamPath)) this.#released(worker, message.streamPath);
        break;
    }
  }

  #welcome(worker: WorkerProcess): void {
    const { number, pid } = worker;
    const level = this.#isStarting ? 'debug' : 'info';
    this.#context.logger[level]({ worker: number, pid }, `worker ${number} serves`);
    this.#placement.placeWaiting();
  }

  async #claim(worker: WorkerProcess, streamPath: StreamPath, by: string): Promise<void> {
    const isStalled = this.#mirror.isStalledElsewhere(worker, streamPath);
    await this.#claims.claim(worker, streamPath, by);
    if (isStalled) this.#mirror.willResume(streamPath);
  }

  async #decide(worker: WorkerProcess, message: Extract<ToPrimary, { kind: 'asked' }>): Promise<Pass> {
    // Nobody is asked about a publisher who would not get the place anyway.
    if (message.action === 'publish') await this.#claims.check(worker, message.target.address.path);
    return this.#mirror.asked(message);
  }

  #released(worker: WorkerProcess, streamPath: StreamPath): void {
    this.#mirror.released(streamPath);
    this.#sendToAll({ kind: 'released', streamPath, worker: worker.number });
  }

  #onEnd(worker: WorkerProcess, end: WorkerEnd): void {
    this.#processes.delete(worker);
    this.#context.workers.delete(String(worker.number));
    const isAwaited = this.#isStopping || (this.#isStarting && !worker.wasReady);
    const reason = this.#isStopping
      ? new ClosedError('the server is stopping')
      : new ConnectionError(`worker ${worker.number} died`);
    const sessions = this.#mirror.lost(worker, reason);
    for (const streamPath of this.#claims.releaseAll(worker)) this.#released(worker, streamPath);
    if (isAwaited) {
      for (const visitor of end.leftOver) visitor.destroy();
      return;
    }
    const delayMs = this.#slots.find((slot) => slot.worker === worker)?.replace() ?? 0;
    this.#context.counters.count('worker_deaths');
    const { code, signal, lastWords } = end;
    this.#context.logger.error(
      { worker: worker.number, code, signal, sessions, ...(lastWords === '' ? {} : { lastWords }) },
      `worker ${worker.number} died (${describeEnd(end)}); another takes its place in ${delayMs} ms`,
    );
    for (const visitor of end.leftOver) this.#placement.place(visitor);
  }

  #sendToAll(message: ToWorker): void {
    for (const worker of this.#workers) worker.send(message);
  }
}

function portable({ key, cert }: CertificatePair): CertificatePair {
  return { key, cert };
}
