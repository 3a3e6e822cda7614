import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { BucketCounts } from './buckets.ts';
import type { BroadcastServer } from './broadcast-server.ts';
import type { FlushTimes } from './flush-times.ts';
import type { Load } from './load.ts';
import type { Gear } from './pace.ts';
import type { Ticker } from './ticker.ts';

/** The delay of the event loop is looked for so often, in milliseconds. */
const RESOLUTION_MS = 20;
/** What is said of the delay is of the last so many seconds, and of twice as many at most. */
const WINDOW_SECONDS = 30;
const NANOS_PER_MILLI = 1e6;
const MICROS_PER_SECOND = 1e6;

/** How one process of the server is; can be sent to another process. */
export interface ProcessReport {
  readonly pid: number;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** Of the user and the system together. */
  readonly cpuSeconds: number;
  readonly memory: Readonly<Record<'rss' | 'heapUsed' | 'heapTotal' | 'external' | 'arrayBuffers', number>>;
  /** The share of the last second in which the event loop was not idle, 0 to 1. */
  readonly utilisation: number;
  /** By how much the event loop was late. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Bytes kept for newcomers, of all streams. */
  readonly gopBytes: number;
  readonly feeds: Readonly<Record<Gear, number>>;
  /** Milliseconds. */
  readonly passes: BucketCounts;
  readonly delays: BucketCounts;
}

/** What is looked at: the part of the Context that the process's state shows in. */
export interface VitalsHost {
  readonly broadcasts: ReadonlyMap<string, BroadcastServer>;
  readonly load: Load;
  readonly flushTimes: FlushTimes;
  readonly ticker: Ticker;
}

/** Watches this process from `start` to `stop`. */
export class ProcessVitals {
  readonly #host: VitalsHost;
  /** Begun one window apart and forgotten in turn: the older one is asked. */
  #older: IntervalHistogram;
  #newer: IntervalHistogram;
  #seconds = 0;
  #removeTask: (() => void) | null = null;

  constructor(host: VitalsHost) {
    this.#host = host;
    this.#older = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#newer = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  }

  start(): void {
    this.#older.enable();
    this.#newer.enable();
    this.#removeTask ??= this.#host.ticker.add(() => this.#tick());
  }

  stop(): void {
    this.#removeTask?.();
    this.#removeTask = null;
    this.#older.disable();
    this.#newer.disable();
  }

  read(): ProcessReport {
    const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const { load, flushTimes } = this.#host;
    const delays = this.#older;
    return {
      pid: process.pid,
      startedAt: Math.round(performance.timeOrigin),
      cpuSeconds: (user + system) / MICROS_PER_SECOND,
      memory: { rss, heapUsed, heapTotal, external, arrayBuffers },
      utilisation: load.utilisation,
      delayMs: {
        p50: lateness(delays, delays.percentile(50)),
        p99: lateness(delays, delays.percentile(99)),
        max: lateness(delays, delays.max),
      },
      ...this.#ofStreams(),
      passes: flushTimes.passes.read(),
      delays: flushTimes.delays.read(),
    };
  }

  #ofStreams(): Pick<ProcessReport, 'gopBytes' | 'feeds'> {
    const feeds: Record<Gear, number> = { 'at once': 0, 'video frame': 0, relaxed: 0 };
    let gopBytes = 0;
    for (const broadcast of this.#host.broadcasts.values()) {
      gopBytes += broadcast.gop.bytes;
      for (const feed of broadcast.feeds) feeds[feed.pace.gear]++;
    }
    return { gopBytes, feeds };
  }

  #tick(): void {
    if (++this.#seconds < WINDOW_SECONDS) return;
    this.#seconds = 0;
    const forgotten = this.#older;
    this.#older = this.#newer;
    this.#newer = forgotten;
    forgotten.reset();
  }
}

/** Node counts from one look to the next: what is beyond the time between two looks is the delay. */
function lateness(histogram: IntervalHistogram, nanos: number): number {
  return histogram.count === 0 ? 0 : Math.max(0, nanos / NANOS_PER_MILLI - RESOLUTION_MS);
}
