import { setTimeout as sleep } from 'node:timers/promises';
import { NmsError, TimeoutError } from '../errors.ts';
import type { Inlet } from './inlet.ts';
import { openInlet } from './open-inlet.ts';
import { type Arrival, PlayMeter } from './play-meter.ts';
import { readableClock, readableText } from './readable.ts';
import { parseTarget } from './target.ts';
import type { ToolOptions } from './tool-options.ts';

/** Servers let a player wait for a stream that is not there yet; so do we, in milliseconds. */
const WAIT_TIMEOUT_MS = 20_000;
const STATUS_INTERVAL_MS = 1000;
/** How often we look whether media has begun. */
const POLL_MS = 50;

const now = (): Arrival => ({ unixMs: Date.now(), clockMs: performance.now() });

/** Tells the state once a second, until `signal` or the inlet ends, or `seconds` of media came. */
async function watch(inlet: Inlet, meter: PlayMeter, options: ToolOptions): Promise<void> {
  const { signal, seconds = Number.POSITIVE_INFINITY, print, status = print } = options;
  const ended = new AbortController();
  void inlet.ending.settled.then(() => ended.abort());
  const over = AbortSignal.any([signal, ended.signal]);
  const startedAt = performance.now();
  let toldAt = startedAt;
  while (!over.aborted) {
    const { firstMediaAt } = meter;
    toldAt = Math.max(toldAt, firstMediaAt ?? 0);
    const clockMs = performance.now();
    const deadline = firstMediaAt === null ? startedAt + WAIT_TIMEOUT_MS : firstMediaAt + seconds * 1000;
    if (clockMs >= deadline) {
      if (firstMediaAt !== null) return;
      throw new TimeoutError('WAIT_TIMEOUT_MS', `no media within ${WAIT_TIMEOUT_MS / 1000} s`);
    }
    if (firstMediaAt !== null && clockMs >= toldAt + STATUS_INTERVAL_MS) {
      status(`${readableClock(clockMs - firstMediaAt)}  ${meter.takeState(clockMs)}`);
      toldAt = clockMs;
    }
    const pause = firstMediaAt === null ? POLL_MS : Math.min(deadline, toldAt + STATUS_INTERVAL_MS) - clockMs;
    await sleep(Math.max(1, pause), undefined, { signal: over }).catch((error: unknown) => {
      if (!over.aborted) throw error;
    });
  }
}

/**
 * Plays an `rtmp(s)://`, `http(s)://` or `ws(s)://` address until it, `signal` or `seconds` end, and prints what comes: the
 * tracks, each second bit rate, frame rate and delay, and a summary. Of `runPublish`'s stream the delay is the latency
 * from publisher to player, by the clocks of both machines; of others, how much later than the promptest frame a frame
 * comes. Resolves with the exit code: 0 when media came, 1 with the printed reason otherwise.
 */
export async function runPlay(url: string, options: ToolOptions): Promise<number> {
  const { print } = options;
  const meter = new PlayMeter();
  const tell = (words: string | null) => {
    if (words !== null) print(readableText(words));
  };
  try {
    const target = parseTarget(url);
    const inlet = await openInlet(
      target,
      { ...options, answerTimeoutMs: WAIT_TIMEOUT_MS },
      {
        onBytes: (count) => meter.addBytes(count),
        onPacket: (packet) => tell(meter.add(packet, now())),
        onMalformed: () => meter.addMalformed(),
      },
    );
    try {
      await watch(inlet, meter, options);
    } finally {
      const reason = inlet.ending.reason;
      await inlet.close();
      if (reason !== null) print(reason.message);
    }
  } catch (error) {
    if (!(error instanceof NmsError)) throw error;
    print(error.message);
  }
  if (meter.firstMediaAt === null) return 1;
  for (const line of meter.summary(performance.now())) print(line);
  return 0;
}
