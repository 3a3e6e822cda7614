import { type ChildProcess, fork } from 'node:child_process';
import type { SessionId } from '../../core/session.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import { ConnectionError, TimeoutError } from '../../errors.ts';
import type { Claimant } from './claims.ts';
import { decodeError, encodeError } from './error-data.ts';
import type { ConfigureMessage, EndStep, StartMessage, ToPrimary, ToWorker, Pass } from './messages.ts';
import type { Host } from './placement.ts';
import { Questions } from './questions.ts';
import type { SessionHome } from './remote-session.ts';
import type { Visitor } from './visitor.ts';

/** How long a worker may take until its servers run. */
const START_TIMEOUT_MS = 30_000;
/** How long a worker may take to answer about a place, which it does without asking anybody. */
const ANSWER_TIMEOUT_MS = 5_000;
/** How long a worker, which may just have been started, may take until a new configuration is in force there. */
const CONFIGURE_MS = 30_000;
/** How long a step of a worker's end may take beyond the time it was given. */
const STEP_ANSWER_MS = 2_000;
/**
 * Seconds that a worker which serves may say nothing before it is killed: it reports once a second. They are ticks of the
 * primary, which has none while the machine or its own process is suspended.
 */
export const MAX_SILENT_SECONDS = 20;
/** Connections on their way to one process: the next is under way while it takes the last. */
const MAX_HANDED = 2;
/** How long a process may live on without its channel. */
const LINGER_MS = 2_000;
/** What is kept of a worker's last words. */
const MAX_LAST_WORDS = 4096;

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it wrote to its standard error last: a crash of Node itself says why only there. */
  readonly lastWords: string;
  /** Connections that it has not taken. */
  readonly leftOver: readonly Visitor[];
}

export interface WorkerEvents {
  readonly onMessage: (worker: WorkerProcess, message: ToPrimary) => void;
  readonly onEnd: (worker: WorkerProcess, end: WorkerEnd) => void;
}

/** Flags of this process, but not its debugger's: two processes cannot listen on its port. */
function flags(): { execArgv?: string[] } {
  const isDebugged = process.execArgv.some((flag) => flag.startsWith('--inspect'));
  return isDebugged ? { execArgv: process.execArgv.filter((flag) => !flag.startsWith('--inspect')) } : {};
}

/** One process that serves, seen from the primary: its connections, its messages, its end. */
export class WorkerProcess implements Host, Claimant, SessionHome {
  readonly number: number;
  readonly innerPath: string;
  readonly visitors = new Map<number, Visitor>();
  /** Those of them that are still to be handed over. */
  #waiting: Visitor[] = [];
  /** On their way to the process. */
  readonly #handed = new Set<number>();
  countedAt = 0;
  readonly #child: ChildProcess;
  readonly #events: WorkerEvents;
  readonly #questions = new Questions();
  readonly #readiness = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<void>();
  #startTimer: NodeJS.Timeout | null = null;
  #cutTimer: NodeJS.Timeout | null = null;
  #isReady = false;
  #isSilent = false;
  #silentSeconds = 0;
  #exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | null = null;
  #failure: Error | null = null;
  #lastWords = '';

  constructor(entry: string, start: StartMessage, events: WorkerEvents) {
    this.number = start.worker;
    this.innerPath = start.innerPath;
    this.#events = events;
    this.#child = fork(entry, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      ...flags(),
    });
    this.#readiness.promise.catch(() => undefined);
    this.#listen();
    this.#startTimer = setTimeout(() => {
      this.#failure = new TimeoutError('cluster', `worker ${this.number} was not ready within ${START_TIMEOUT_MS} ms`);
      this.kill();
    }, START_TIMEOUT_MS);
    this.send(start);
  }

  /** Resolves when its servers run; rejects with the reason when they do not. */
  get ready(): Promise<void> {
    return this.#readiness.promise;
  }

  /** Resolves when the process has ended and all it said was heard. Never rejects. */
  get end(): Promise<void> {
    return this.#end.promise;
  }

  get isReady(): boolean {
    return this.#isReady && !this.hasEnded;
  }

  /** Did its servers ever run? */
  get wasReady(): boolean {
    return this.#isReady;
  }

  get hasEnded(): boolean {
    return this.#exit !== null || this.#isSilent;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** A message to a worker that has ended is lost with it: its end is heard of in its own way. */
  send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  welcome(visitor: Visitor): void {
    this.visitors.set(visitor.id, visitor);
    this.#waiting.push(visitor);
    this.#handNext();
  }

  /**
   * A few at a time: Node holds back everything that is said to a process behind a connection that it has not received yet.
   * Behind a crowd of them, the answers to those who came first would wait for the last.
   */
  #handNext(): void {
    if (this.#handed.size >= MAX_HANDED || !this.#child.connected) return;
    const visitor = this.#waiting.shift();
    if (visitor === undefined) return;
    this.#handed.add(visitor.id);
    const message: ToWorker = { kind: 'socket', socket: visitor.id, door: visitor.door };
    // Node forgets a handle that it could not send; kept open here, it is ours until the worker says that it has it.
    this.#child.send(message, visitor.socket, { keepOpen: true }, (error) => {
      if (error !== null) this.#received(visitor.id);
    });
  }

  #received(id: number): void {
    if (this.#handed.delete(id)) this.#handNext();
  }

  closeSession(session: SessionId, reason: Error): void {
    this.send({ kind: 'close', session, reason: encodeError(reason) });
  }

  mayYield(streamPath: StreamPath): Promise<void> {
    return this.#ask((question) => ({ kind: 'mayYield', question, streamPath }), ANSWER_TIMEOUT_MS);
  }

  yieldPlace(streamPath: StreamPath, by: string): Promise<void> {
    return this.#ask((question) => ({ kind: 'yield', question, streamPath, by }), ANSWER_TIMEOUT_MS);
  }

  /** Resolves when the new configuration is in force there. @throws TimeoutError; ConnectionError when it has ended before. */
  configure(change: Omit<ConfigureMessage, 'kind' | 'question'>): Promise<void> {
    return this.#ask((question) => ({ kind: 'configure', question, ...change }), CONFIGURE_MS);
  }

  /** A step of its end. @throws TimeoutError; ConnectionError when it has ended before. */
  goTowardsEnd(kind: EndStep, timeoutMs: number): Promise<void> {
    return this.#ask((question) => ({ kind, question, timeoutMs }), timeoutMs + STEP_ANSWER_MS);
  }

  /** Answers a question of the worker's with the outcome of `decision`. */
  async answer(question: number, decision: Promise<Pass | void>): Promise<void> {
    const answer = await decision.then(
      (pass) => ({ error: null, pass: pass ?? null }),
      (reason: unknown) => ({ error: encodeError(reason), pass: null }),
    );
    this.send({ kind: 'answer', question, ...answer });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** To be called about once a second. Kills a worker that hangs; says so once. */
  watch(): boolean {
    if (!this.isReady || ++this.#silentSeconds !== MAX_SILENT_SECONDS) return false;
    this.kill();
    return true;
  }

  #ask(message: (question: number) => ToWorker, timeoutMs: number): Promise<void> {
    return this.#questions.ask((question) => this.send(message(question)), timeoutMs);
  }

  #listen(): void {
    const child = this.#child;
    child.on('message', (message) => this.#onMessage(message as ToPrimary));
    child.on('error', (error) => {
      this.#failure ??= error;
      // A process that was never made has no other end.
      if (child.pid !== undefined) return;
      this.#isSilent = true;
      this.#onExit(null, null);
    });
    child.on('exit', (code, signal) => this.#onExit(code, signal));
    // What the process said last may be read after its exit.
    child.on('disconnect', () => {
      this.#isSilent = true;
      this.#settle();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-MAX_LAST_WORDS);
    });
  }

  #onMessage(message: ToPrimary): void {
    this.#silentSeconds = 0;
    switch (message.kind) {
      case 'ready':
        this.#stopStartTimer();
        this.#isReady = true;
        this.#readiness.resolve();
        break;
      case 'failed':
        this.#failure = decodeError(message.error);
        break;
      case 'answer':
        this.#questions.answer(message.question, message.error, undefined);
        return;
      case 'took':
        this.visitors.get(message.socket)?.handOver();
        this.#received(message.socket);
        return;
      case 'gone':
        this.visitors.get(message.socket)?.leave();
        this.visitors.delete(message.socket);
        this.#received(message.socket);
        return;
      case 'statistics':
        this.countedAt = message.at;
        break;
    }
    this.#events.onMessage(this, message);
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#exit = { code, signal };
    if (!this.#child.connected) this.#isSilent = true;
    this.#settle();
  }

  #settle(): void {
    if (this.#isSilent && this.#exit === null) {
      // Without its channel it ends by itself; one that hangs is helped.
      this.#cutTimer ??= setTimeout(() => this.kill(), LINGER_MS);
    }
    if (!this.#isSilent || this.#exit === null) return;
    if (this.#cutTimer !== null) clearTimeout(this.#cutTimer);
    this.#stopStartTimer();
    const { code, signal } = this.#exit;
    this.#readiness.reject(this.#failure ?? this.#earlyEnd(signal ?? `exit code ${code}`));
    this.#questions.rejectAll(new ConnectionError(`worker ${this.number} has ended`));
    const leftOver = this.#leave();
    this.#events.onEnd(this, { code, signal, lastWords: this.#lastWords.trim(), leftOver });
    this.#end.resolve();
  }

  #earlyEnd(how: string): Error {
    const lines = this.#lastWords.trim().split('\n');
    const why = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? '';
    return new ConnectionError(
      `worker ${this.number} ended before it was ready (${how})${why === '' ? '' : `: ${why}`}`,
    );
  }

  /** Its connections are gone, but for those that it has not taken. */
  #leave(): Visitor[] {
    const visitors = [...this.visitors.values()];
    this.visitors.clear();
    this.#waiting = [];
    for (const visitor of visitors) if (!visitor.isHere) visitor.destroy();
    return visitors.filter((visitor) => visitor.isHere);
  }

  #stopStartTimer(): void {
    if (this.#startTimer !== null) clearTimeout(this.#startTimer);
    this.#startTimer = null;
  }
}
