import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { type CertificatePair, type CheckedPair, checkPair } from './certificate-pair.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Browsers of 2026 refuse longer lives even for certificates that their user trusts. */
const LIFE_MS = 365 * DAY_MS;
const RENEW_BEFORE_MS = 30 * DAY_MS;
/** Others may put a pair in the same place at the same time. */
const MAX_ATTEMPTS = 5;

/** Whether a self-signed pair should be made anew by now (unix milliseconds). */
export function needsRenewal(pair: CheckedPair, now: number): boolean {
  return now > pair.notAfter - RENEW_BEFORE_MS;
}

function hostAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const reachable = all.filter((entry) => !entry.internal && !entry.address.startsWith('fe80:'));
  return [...new Set(['127.0.0.1', '::1', ...reachable.map((entry) => entry.address)])];
}

async function generatePair(now: number): Promise<CertificatePair> {
  // Loaded only here: it brings a certificate library that most servers never need.
  const { generate } = await import('selfsigned');
  const host = hostname();
  const names = [...new Set(['localhost', host])].map((value) => ({ type: 2 as const, value }));
  const addresses = hostAddresses().map((ip) => ({ type: 7 as const, ip }));
  const pems = await generate([{ name: 'commonName', value: host }], {
    algorithm: 'sha256',
    keySize: 2048,
    // A minute back: clients' clocks are not ours.
    notBeforeDate: new Date(now - 60_000),
    notAfterDate: new Date(now + LIFE_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [...names, ...addresses] },
    ],
  });
  return { key: Buffer.from(pems.private), cert: Buffer.from(pems.cert) };
}

async function readKept(folder: string): Promise<CheckedPair | null> {
  const files = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem'), name: 'self-signed' };
  try {
    const [key, cert] = await Promise.all([readFile(files.key), readFile(files.cert)]);
    return checkPair({ key, cert }, files);
  } catch {
    // Absent or damaged, the answer is the same: a new one is made.
    return null;
  }
}

/** Gives the folder `fresh` the name `folder`; false when a folder with something in it has that name. */
async function takePlace(fresh: string, folder: string): Promise<boolean> {
  try {
    await rename(fresh, folder);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'EPERM') return false;
    throw error;
  }
}

async function moveAway(folder: string, away: string): Promise<void> {
  await rename(folder, away).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rm(away, { recursive: true, force: true });
}

/** A pair, and whether it was made just now. */
export interface SelfSignedPair {
  readonly pair: CheckedPair;
  readonly isNew: boolean;
}

async function makePair(folder: string, now: number): Promise<SelfSignedPair> {
  const tag = randomBytes(6).toString('hex');
  const fresh = `${folder}.${tag}.new`;
  const files = { key: join(fresh, 'key.pem'), cert: join(fresh, 'cert.pem'), name: 'self-signed' };
  try {
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    const pair = checkPair(await generatePair(now), files);
    await writeFile(files.key, pair.key, { mode: 0o600 });
    await writeFile(files.cert, pair.cert, { mode: 0o644 });
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (await takePlace(fresh, folder)) return { pair, isNew: true };
      const other = await readKept(folder);
      if (other !== null && !needsRenewal(other, now)) return { pair: other, isNew: false };
      await moveAway(folder, `${folder}.${tag}.old`);
    }
    throw new Error(`"${folder}" is taken again and again`);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * The pair kept in `<dataFolder>/tls` (`key.pem`, mode 0600, and `cert.pem`), made anew when it is absent, damaged or near
 * its end. Key and certificate change together, by the rename of their folder, so two listeners that start at once agree.
 * @throws ConfigError when the data folder cannot be written.
 */
export async function selfSignedPair(dataFolder: string, now: number): Promise<SelfSignedPair> {
  const folder = join(dataFolder, 'tls');
  const kept = await readKept(folder);
  if (kept !== null && !needsRenewal(kept, now)) return { pair: kept, isNew: false };
  try {
    return await makePair(folder, now);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const message = `store.path is "${dataFolder}", where the self-signed certificate cannot be kept (${reason}); a folder that can be written is allowed`;
    throw new ConfigError('store.path', message, { cause: error });
  }
}
