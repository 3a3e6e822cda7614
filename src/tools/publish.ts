import { setTimeout as sleep } from 'node:timers/promises';
import { NmsError } from '../errors.ts';
import { type Clip, loadClip, loopClip, testClip } from './clip.ts';
import { openOutlet } from './open-outlet.ts';
import type { Outlet } from './outlet.ts';
import { readableBytes, readableClock, readableRate } from './readable.ts';
import { parseTarget } from './target.ts';
import type { ToolOptions } from './tool-options.ts';
import { stampVideoBody } from './wall-clock.ts';

/** Time for a connection, and for a server to say yes, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Bytes that may wait for a slow network before the clip waits too. */
const MAX_PENDING_BYTES = 1024 * 1024;
/** How often a waiting clip looks whether it may go on, in milliseconds. */
const RETRY_MS = 20;
/** A longer delay (a slow network, a sleeping machine) is not made up for: the clip goes on from where it is. */
const MAX_LAG_MS = 1000;
const STATUS_INTERVAL_MS = 1000;

/** What was sent so far, and what of it was told. */
class PublishReport {
  readonly #options: ToolOptions;
  readonly #startedAt = performance.now();
  #bytes = 0;
  #toldAt = this.#startedAt;
  #toldBytes = 0;

  constructor(options: ToolOptions) {
    this.#options = options;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Shows the state, once a second. */
  tell(pending: number): void {
    const now = performance.now();
    if (now - this.#toldAt < STATUS_INTERVAL_MS) return;
    const rate = readableRate(((this.#bytes - this.#toldBytes) * 8000) / (now - this.#toldAt));
    const slow = pending > MAX_PENDING_BYTES / 4 ? `, network too slow: ${readableBytes(pending)} wait` : '';
    const line = `${readableClock(this.elapsedMs)}  ${rate}  ${readableBytes(this.#bytes)}${slow}`;
    (this.#options.status ?? this.#options.print)(line);
    this.#toldAt = now;
    this.#toldBytes = this.#bytes;
  }

  summary(): string {
    return `published ${(this.elapsedMs / 1000).toFixed(1)} s, ${readableBytes(this.#bytes)}`;
  }
}

/** Sends the clip in real time until `signal` or the outlet ends, or `seconds` are over. */
async function feed(outlet: Outlet, clip: Clip, options: ToolOptions, report: PublishReport): Promise<void> {
  const { signal, seconds = Number.POSITIVE_INFINITY } = options;
  const isOver = () => signal.aborted || outlet.ending.reason !== null || report.elapsedMs >= seconds * 1000;
  const over = AbortSignal.any([signal, abortedWhen(outlet)]);
  let clipStart = performance.now();
  for (const { kind, timestampMs, body, isVideoFrame } of loopClip(clip)) {
    for (;;) {
      report.tell(outlet.pending);
      const early = clipStart + timestampMs - performance.now();
      if (isOver()) return;
      if (early <= 0 && outlet.pending <= MAX_PENDING_BYTES) {
        if (early < -MAX_LAG_MS) clipStart -= early;
        break;
      }
      await sleep(early > 0 ? early : RETRY_MS, undefined, { signal: over }).catch((error: unknown) => {
        if (!over.aborted) throw error;
      });
    }
    const bytes = isVideoFrame ? stampVideoBody(body, Date.now()) : body;
    outlet.send(kind, timestampMs, bytes);
    report.add(bytes.length);
  }
}

function abortedWhen(outlet: Outlet): AbortSignal {
  const controller = new AbortController();
  void outlet.ending.settled.then(() => controller.abort());
  return controller.signal;
}

/**
 * Publishes the test clip to an `rtmp(s)://`, `http(s)://` or `ws(s)://` address, round after round in real time, until
 * `signal` or `seconds` end it. Each video frame carries the time at which it was sent. Resolves with the exit code: 0 when
 * the end was ours, 1 when the peer refused or ended it, which is printed.
 */
export async function runPublish(url: string, options: ToolOptions): Promise<number> {
  try {
    const target = parseTarget(url);
    const clip = await loadClip(testClip);
    const outlet = await openOutlet(target, { ...options, answerTimeoutMs: ANSWER_TIMEOUT_MS });
    options.print(`publishing the test clip to ${target.shown}`);
    const report = new PublishReport(options);
    await feed(outlet, clip, options, report);
    const reason = outlet.ending.reason;
    options.print(report.summary());
    await outlet.finish();
    if (reason === null) return 0;
    options.print(reason.message);
  } catch (error) {
    if (!(error instanceof NmsError)) throw error;
    options.print(error.message);
  }
  return 1;
}
