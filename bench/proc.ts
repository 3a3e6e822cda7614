import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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

/** Open sockets of these processes: what a server opens on disk meanwhile is none. */
export function sockets(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const folder = `/proc/${pid}/fd`;
    return sum + readdirSync(folder).filter((fd) => isSocket(`${folder}/${fd}`)).length;
  }, 0);
}

function isSocket(link: string): boolean {
  try {
    return readlinkSync(link).startsWith('socket:');
  } catch (error) {
    // Closed since it was listed.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
