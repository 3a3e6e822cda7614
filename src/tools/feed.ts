import { setTimeout as sleep } from 'node:timers/promises';
import { type Clip, loopClip } from './clip.ts';
import type { Outlet } from './outlet.ts';
import type { PublishReport } from './publish-report.ts';
import type { ToolOptions } from './tool-options.ts';
import { stampVideoBody } from './wall-clock.ts';

/** Bytes that may wait for a slow network before the clip waits too. */
const MAX_PENDING_BYTES = 1024 * 1024;
/** How often a waiting clip looks whether it may go on, in milliseconds. */
const RETRY_MS = 20;
/** A longer delay (a slow network, a sleeping machine) is not made up for: the clip goes on from where it is. */
const MAX_LAG_MS = 1000;

/** Sends the clip in real time until `signal` or the outlet ends, or `seconds` are over. */
export async function feedClip(outlet: Outlet, clip: Clip, options: ToolOptions, report: PublishReport): Promise<void> {
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
