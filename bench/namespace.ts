import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const mtuVariable = 'NMS_BENCH_MTU';
const enter = (mtu: number) => `ip link set lo up mtu ${mtu}`;

/** The loopback MTU of this process: the one asked for inside our own namespace, else what the machine has. */
export function loopbackMtu(): number {
  return Number(process.env[mtuVariable] ?? readFileSync('/sys/class/net/lo/mtu', 'utf8'));
}

/** Whether this process runs in the namespace that `runInNamespace` made. */
export function isInNamespace(): boolean {
  return process.env[mtuVariable] !== undefined;
}

/** Says why this user cannot have a network namespace, or null when he can. */
export function namespaceObstacle(): string | null {
  const trial = spawnSync('unshare', [...unshareFlags(), 'sh', '-c', enter(1500)], { encoding: 'utf8' });
  if (trial.error) return `unshare: ${trial.error.message}`;
  return trial.status === 0 ? null : trial.stderr.trim() || `unshare ended with ${trial.status ?? trial.signal}`;
}

/**
 * Runs this program again inside a network namespace of its own with the loopback MTU `mtu`, and passes the exit
 * code on. The copy ends with this process and after `lifeS` seconds at the latest.
 */
export async function runInNamespace(
  loadgen: string,
  args: readonly string[],
  { lifeS, mtu }: { readonly lifeS: number; readonly mtu: number },
): Promise<number> {
  const script = `${enter(mtu)} && exec "$0" "$@"`;
  const guard = [loadgen, 'exec', '--seconds', String(Math.ceil(lifeS))];
  const child = spawn('unshare', [...unshareFlags(), 'sh', '-c', script, ...guard, process.execPath, ...args], {
    stdio: 'inherit',
    env: { ...process.env, [mtuVariable]: String(mtu) },
  });
  // A terminal sends SIGINT to the copy as well; this process only has to outlive it.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function unshareFlags(): string[] {
  return process.getuid?.() === 0 ? ['-n'] : ['-rn'];
}
