/** Work on files in one of libuv's threads, as Node names it. */
const FILE_WORK = /^FSReq/;
/** How long such work, which mostly takes less than a millisecond, may hold up the end. */
const FILE_WORK_MS = 200;

function isHeldUp(): boolean {
  return process.getActiveResourcesInfo().some((name) => FILE_WORK.test(name));
}

/**
 * Ends the process. `process.exit` waits for calls of the system that are under way in other threads, and one may never
 * return: a write into a log that nobody reads, a disk of the network that is gone. Only another program in its place, which
 * ends at once, leaves these behind; Windows has no such thing.
 */
export function endProcess(code: number): void {
  if (!isHeldUp()) process.exit(code);
  setTimeout(() => {
    if (isHeldUp() && process.platform !== 'win32' && process.execve !== undefined) {
      process.execve(process.execPath, [process.execPath, '-e', `process.exit(${code})`], {});
    }
    process.exit(code);
  }, FILE_WORK_MS);
}
