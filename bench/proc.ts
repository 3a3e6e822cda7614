import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of these processes, in KiB. */
export function rssKb(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const found = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return sum + Number(found?.[1] ?? 0);
  }, 0);
}

/** Open file descriptors of these processes. */
export function descriptors(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
}
