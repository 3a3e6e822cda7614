import { createHash, randomBytes, randomInt, scrypt, timingSafeEqual } from 'node:crypto';

/** Cost of new hashes, the one that Node-Media-Server 4.4 uses: 16 MiB and some 50 ms for each check. */
const COST = { N: 16384, r: 8, p: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 64;
/** A stored hash may not ask for more than this: a mistyped cost would stop the process. */
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
/** How often a stored hash may have to be derived; a mistyped number would stop the process. */
const MAX_PARALLEL = 16;

const GENERATED_LENGTH = 16;
/** Without the characters that are read as each other on a terminal: 0 O 1 l I. */
const GENERATED_ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** Passwords that shipped with media servers or stand in every list: as good as none. */
const WELL_KNOWN = new Set([
  'admin',
  'admin123',
  'administrator',
  'nms2018',
  'password',
  'changeme',
  'default',
  'secret',
  'root',
  '123456',
  '12345678',
]);

/** What begins like this is a hash; a damaged one fits nothing, least of all its own text. */
const SCHEME = 'scrypt$';

interface ScryptHash {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const HEX = /^(?:[0-9a-f]{2})+$/i;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

function parseHash(stored: string): ScryptHash | null {
  const [scheme, cost, blockSize, parallel, salt, hash, ...rest] = stored.split('$');
  if (scheme !== 'scrypt' || salt === undefined || hash === undefined || rest.length > 0) return null;
  const [N, r, p] = [cost, blockSize, parallel].map((part) => (/^\d{1,9}$/.test(part ?? '') ? Number(part) : 0));
  if (!N || !r || !p || N < 2 || (N & (N - 1)) !== 0 || p > MAX_PARALLEL) return null;
  // RFC 7914, 2 and 6: N is less than 2^(128 * r / 8), and what the derivation needs is this much.
  if (Math.log2(N) >= 16 * r || 128 * r * (N + p + 2) > MAX_MEMORY_BYTES) return null;
  const isHex = HEX.test(salt) && HEX.test(hash);
  if (!isHex && !(BASE64.test(salt) && BASE64.test(hash))) return null;
  const encoding = isHex ? 'hex' : 'base64';
  return { N, r, p, salt: Buffer.from(salt, encoding), hash: Buffer.from(hash, encoding) };
}

function derive(password: string, { N, r, p, salt }: Omit<ScryptHash, 'hash'>, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const maxmem = 2 * MAX_MEMORY_BYTES;
    scrypt(password, salt, length, { N, r, p, maxmem }, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

/** Whether `stored` is a hash rather than a plain password; a damaged hash is one too, and fits no password. */
export function isPasswordHash(stored: string): boolean {
  return stored.startsWith(SCHEME);
}

/** `scrypt$16384$8$1$<salt>$<hash>`, 16 and 64 bytes in lower-case hex: what Node-Media-Server 4.4 writes and reads. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { ...COST, salt }, HASH_BYTES);
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString('hex')}$${hash.toString('hex')}`;
}

/**
 * Whether `password` is the one behind `stored`: a scrypt hash with salt and hash in hex or base64, or, for a library's own
 * configuration, the plain password. An empty `stored` fits nothing. Takes as long for a wrong password as for a right one.
 */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const parsed = parseHash(stored);
  if (parsed !== null) return timingSafeEqual(await derive(password, parsed, parsed.hash.length), parsed.hash);
  if (stored.startsWith(SCHEME)) return false;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(password), digest(stored)) && stored !== '';
}

/** Empty, or known to everyone: no password at all. */
export function isWeakPassword(password: string): boolean {
  return password === '' || WELL_KNOWN.has(password.toLowerCase());
}

/** 16 random characters, 93 bits. */
export function generatePassword(): string {
  let password = '';
  for (let index = 0; index < GENERATED_LENGTH; index += 1) {
    password += GENERATED_ALPHABET.charAt(randomInt(GENERATED_ALPHABET.length));
  }
  return password;
}
