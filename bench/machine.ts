import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

/** What the figures depend on besides the servers. */
export function describeMachine(root: string) {
  return {
    date: new Date().toISOString(),
    commit: git(root, 'rev-parse', 'HEAD'),
    isClean: git(root, 'status', '--porcelain') === '',
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    congestionControl: readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim(),
    node: process.version,
    loadAverage: loadavg()[0] ?? 0,
  };
}

function git(root: string, ...args: string[]): string | null {
  const run = spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' });
  return run.status === 0 ? run.stdout.trim() : null;
}
