import { NmsError } from '../errors.ts';
import { loadClip, testClip } from './clip.ts';
import { feedClip } from './feed.ts';
import { openOutlet } from './open-outlet.ts';
import { PublishReport } from './publish-report.ts';
import { parseTarget } from './target.ts';
import type { ToolOptions } from './tool-options.ts';

/** Time for a connection, and for a server to say yes, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000;

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
    await feedClip(outlet, clip, options, report);
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
