import { cpus } from 'node:os';
import { z } from 'zod';

const cores = cpus().length;
/** Other work beyond this moves latencies. */
const disturbingCores = 0.25;

const latency = z.object({ frames: z.number(), p50: z.number(), p90: z.number(), p99: z.number(), max: z.number() });
export const played = z.object({
  players: z.number(),
  started: z.number(),
  refused: z.number(),
  lost: z.number(),
  slowLost: z.number(),
  protocolErrors: z.number(),
  windowFromUs: z.number(),
  windowS: z.number(),
  joinS: z.number(),
  joinMs: z.object({ p50: z.number(), p99: z.number() }),
  bytesPerS: z.number(),
  behindNominal: z.number(),
  missingFrames: z.number(),
  videoMs: latency,
  audioMs: latency,
  series: z.array(
    z.object({
      fromUs: z.number(),
      s: z.number(),
      frames: z.number(),
      p50: z.number(),
      p99: z.number(),
      max: z.number(),
    }),
  ),
  userS: z.number(),
  systemS: z.number(),
  onCpuS: z.number(),
  rssBeforeKb: z.number(),
  rssKb: z.number(),
  ownCpuS: z.number(),
  idleS: z.number(),
  stolenS: z.number(),
});
/** What the load generator says of its players. Latencies are -1 when no frame came. */
export type Played = z.output<typeof played>;

export const published = z.object({
  lost: z.number(),
  skipped: z.number(),
  seconds: z.number(),
  lateMs: z.object({ mean: z.number(), max: z.number() }),
  ownCpuS: z.number(),
});
/** What the load generator says of its publishers. */
export type Published = z.output<typeof published>;

/** Seconds of CPU time of the server in the window. */
export function cpuSOf({ userS, systemS, onCpuS }: Played): number {
  const ticksS = userS + systemS;
  // schedstat is exact but knows living threads only; the ticks of /proc/PID/stat know all and step by 10 ms.
  return onCpuS > 0 && Math.abs(onCpuS - ticksS) < 0.05 + 0.05 * ticksS ? onCpuS : ticksS;
}

/**
 * Were programs of others busy during the window? `publisher`: null when nobody published; `knownCores`: what other
 * programs of the bench kept busy.
 */
export function isDisturbed(result: Played, publisher: Published | null, knownCores = 0): boolean {
  const publisherCores = publisher === null || publisher.seconds <= 0 ? 0 : publisher.ownCpuS / publisher.seconds;
  const knownS = result.idleS + result.stolenS + result.ownCpuS + cpuSOf(result);
  return cores - knownS / result.windowS - publisherCores - knownCores > disturbingCores;
}
