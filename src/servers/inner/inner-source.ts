import { performance } from 'node:perf_hooks';
import { BroadcastServer } from '../../core/broadcast-server.ts';
import type { Context } from '../../core/context.ts';
import type { Source } from '../../core/source.ts';
import type { StreamPath } from '../../core/stream-path.ts';
import { AbsentError, BusyError, ClosedError, DeniedError } from '../../errors.ts';
import { innerLimits } from '../../protocols/inner/inner-limits.ts';
import { openLink } from './inner-link.ts';
import { parseStreamPath } from './inner-origin.ts';
import { InnerPublisher } from './inner-publisher.ts';

/** How long a stream flows on by default after the last player here has left: another may come. */
const LINGER_MS = 5_000;
/** The first, at once, and the longest wait before a stream that broke off is asked for again. */
const FIRST_RETRY_MS = 50;
/** The longest wait before a stream that broke off is asked for again. */
const MAX_RETRY_MS = 2_000;
/** A stream that flowed for so long was no failure. */
const GOOD_MS = 5_000;

/** What an `InnerSource` is made of. */
export interface InnerSourceOptions {
  readonly context: Context;
  /** What every process of this server knows and nobody else. */
  readonly token: string;
  /** Where the process listens that has the stream; `null` when none has it, or this one. */
  readonly locate: (streamPath: StreamPath) => string | null;
  /** How long a stream flows on after the last player here has left; 5 s by default. */
  readonly lingerMs?: number;
}

/** One stream on its way here. */
interface Pull {
  readonly streamPath: StreamPath;
  readonly target: string;
  readonly controller: AbortController;
  publisher: InnerPublisher | null;
  /** Milliseconds of the monotonic clock; 0 before. */
  begunAt: number;
  /** Since when nobody here wants it; -1: somebody does. */
  idleSince: number;
  /** The stream appeared while it was asked for: a refusal may be older than that. */
  hasNews: boolean;
  brought: Promise<boolean>;
}

interface Retry {
  count: number;
  timer: NodeJS.Timeout | null;
}

/** Fetches streams that other processes of this server have: each once, for as long as somebody here plays it. */
export class InnerSource implements Source {
  readonly #options: InnerSourceOptions;
  readonly #pulls = new Map<StreamPath, Pull>();
  readonly #retries = new Map<StreamPath, Retry>();
  #removeTask: (() => void) | null = null;
  #isStopped = false;

  constructor(options: InnerSourceOptions) {
    this.#options = options;
  }

  bring(streamPath: StreamPath): Promise<boolean> {
    const target = this.#isOver ? null : this.#options.locate(streamPath);
    if (target === null) return Promise.resolve(false);
    const current = this.#pulls.get(streamPath);
    if (current?.target === target) return current.brought;
    // One that flows is replaced when the new one has the place: until then players have what it brings.
    if (current?.publisher === null) current.controller.abort();
    const pull: Pull = {
      streamPath,
      target,
      controller: new AbortController(),
      publisher: null,
      begunAt: 0,
      idleSince: -1,
      hasNews: false,
      brought: Promise.resolve(false),
    };
    this.#pulls.set(streamPath, pull);
    this.#removeTask ??= this.#options.context.ticker.add(() => this.#dropUnwanted());
    pull.brought = this.#pull(pull);
    return pull.brought;
  }

  /** The stream is published in another process now: whoever waits for it here gets it, whoever kept its place is told. */
  appeared(streamPath: StreamPath): void {
    const broadcast = this.#options.context.broadcasts.get(streamPath);
    if (broadcast === undefined || this.#isOver) return;
    if (broadcast.isOrigin) {
      if (broadcast.publisher !== null) return;
      broadcast.yieldPlace('another process');
    }
    const pull = this.#pulls.get(streamPath);
    if (pull !== undefined) pull.hasNews = true;
    if (broadcast.isWanted) {
      void this.bring(streamPath);
      return;
    }
    const reason = new ClosedError('the stream goes on in another process');
    if (pull !== undefined && pull.target !== this.#options.locate(streamPath)) pull.publisher?.close(reason);
    broadcast.endGrace(reason);
  }

  /** Ends what it fetches, and fetches no more. */
  stop(): void {
    this.#isStopped = true;
    this.#removeTask?.();
    this.#removeTask = null;
    for (const { timer } of this.#retries.values()) if (timer !== null) clearTimeout(timer);
    this.#retries.clear();
    for (const { controller, publisher } of [...this.#pulls.values()]) {
      controller.abort();
      publisher?.close(new ClosedError('the server is stopping'));
    }
  }

  get #isOver(): boolean {
    return this.#isStopped || this.#options.context.isStopping;
  }

  async #pull(pull: Pull): Promise<boolean> {
    const { context, token } = this.#options;
    const { streamPath, target } = pull;
    try {
      const link = await openLink({
        path: target,
        token,
        streamPath,
        timeoutMs: context.config.limits.handshakeTimeoutMs,
        limits: innerLimits(context.config.limits),
        signal: pull.controller.signal,
      });
      const publisher = new InnerPublisher(context, link, {
        address: parseStreamPath(streamPath),
        onEnd: (reason) => this.#ended(pull, reason),
      });
      pull.publisher = publisher;
      const broadcast = BroadcastServer.of(context, streamPath);
      await broadcast.postPublish(publisher);
      pull.begunAt = performance.now();
      publisher.begin(broadcast);
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      if (this.#pulls.get(streamPath) !== pull) {
        // Another process has it by now.
        pull.publisher?.close(reason);
        return this.bring(streamPath);
      }
      const level = reason instanceof AbsentError || this.#isOver ? 'debug' : 'warn';
      context.logger[level]({ stream: streamPath, err: reason }, 'a stream could not be fetched from its process');
      if (pull.publisher === null) this.#ended(pull, reason);
      else pull.publisher.close(reason);
      return false;
    }
  }

  #ended(pull: Pull, reason: Error): void {
    const { streamPath } = pull;
    if (this.#pulls.get(streamPath) !== pull) return;
    this.#pulls.delete(streamPath);
    if (this.#pulls.size === 0) {
      this.#removeTask?.();
      this.#removeTask = null;
    }
    if (pull.begunAt > 0 && performance.now() - pull.begunAt > GOOD_MS) this.#forgetRetry(streamPath);
    // One that has ended in all order may have begun again before that was heard of.
    if (this.#isOver || (isRefusal(reason) && !pull.hasNews)) this.#forgetRetry(streamPath);
    else this.#retry(streamPath);
  }

  #retry(streamPath: StreamPath): void {
    const retry = this.#retries.get(streamPath) ?? { count: 0, timer: null };
    const waitMs = retry.count === 0 ? 0 : Math.min(FIRST_RETRY_MS * 2 ** (retry.count - 1), MAX_RETRY_MS);
    retry.count++;
    if (retry.timer !== null) clearTimeout(retry.timer);
    retry.timer = setTimeout(() => this.#bringAgain(streamPath), waitMs).unref();
    this.#retries.set(streamPath, retry);
  }

  #bringAgain(streamPath: StreamPath): void {
    const broadcast = this.#options.context.broadcasts.get(streamPath);
    const isFree = broadcast !== undefined && broadcast.publisher === null && !broadcast.isOrigin;
    if (isFree && broadcast.isWanted && this.#options.locate(streamPath) !== null) {
      void this.bring(streamPath);
      return;
    }
    this.#forgetRetry(streamPath);
    if (isFree && !broadcast.isWanted) broadcast.endGrace(new ClosedError('nobody here plays the stream any more'));
  }

  #forgetRetry(streamPath: StreamPath): void {
    const timer = this.#retries.get(streamPath)?.timer ?? null;
    if (timer !== null) clearTimeout(timer);
    this.#retries.delete(streamPath);
  }

  #dropUnwanted(): void {
    const now = performance.now();
    const { context, lingerMs = LINGER_MS } = this.#options;
    for (const pull of [...this.#pulls.values()]) {
      const isWanted = context.broadcasts.get(pull.streamPath)?.isWanted === true;
      if (isWanted || pull.publisher === null) pull.idleSince = -1;
      else if (pull.idleSince < 0) pull.idleSince = now;
      else if (now - pull.idleSince >= lingerMs) {
        pull.publisher.close(new ClosedError('nobody here plays the stream any more'));
      }
    }
  }
}

/** What fetches the streams of other processes into the broadcasts of `context`. */
export function createInnerSource(context: Context, options: Omit<InnerSourceOptions, 'context'>): InnerSource {
  return new InnerSource({ context, ...options });
}

/** Nothing is won by asking again: the directory says when there is something new. */
function isRefusal(reason: Error): boolean {
  return reason instanceof AbsentError || reason instanceof BusyError || reason instanceof DeniedError;
}
