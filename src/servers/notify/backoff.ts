import type { OutboxConfig } from './config.ts';

type BackoffConfig = Pick<OutboxConfig, 'minBackoffMs' | 'maxBackoffMs' | 'jitter'>;

/**
 * The wait before the next attempt: doubled after each failure up to a bound, less a part that is left to chance, so that
 * those who failed together do not come back together.
 * @param attempts attempts that failed, 1 or more
 * @param chance from 0 to 1
 */
export function backoffMs(
  { minBackoffMs, maxBackoffMs, jitter }: BackoffConfig,
  attempts: number,
  chance: number,
): number {
  const full = Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(attempts - 1, 52));
  return Math.round(full * (1 - jitter * chance));
}
