import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../errors.ts';

/** A private key and the certificate (chain) that belongs to it, in PEM. */
export interface CertificatePair {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** A pair whose key fits, with what its first certificate says. */
export interface CheckedPair extends CertificatePair {
  readonly subject: string;
  readonly names: string;
  /** Unix milliseconds. */
  readonly notAfter: number;
}

/** Where an operator says his pair is. */
export interface CertificateFiles {
  /** As configured: relative to `folder`, or absolute. */
  readonly key?: string | undefined;
  readonly cert?: string | undefined;
  readonly folder: string;
  /** The section that asks (`rtmps`); messages name its keys. */
  readonly name: string;
}

/** What Node-Media-Server 4 writes into every configuration, whether the files exist or not. */
const SHIPPED = { key: './key.pem', cert: './cert.pem' } as const;

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

async function readOrNull(path: string, key: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return null;
    throw new ConfigError(key, `${key} is "${path}", which cannot be read (${code}); a PEM file is allowed`, {
      cause: error,
    });
  }
}

function parseKey(pem: Buffer, path: string, name: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const encrypted = pem.includes('ENCRYPTED');
    const found = encrypted ? 'which is locked with a passphrase' : 'which holds no private key';
    throw new ConfigError(
      name,
      `${name} is "${path}", ${found}; a private key in PEM without a passphrase is allowed`,
      {
        cause: error,
      },
    );
  }
}

function parseCertificate(pem: Buffer, path: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new ConfigError(name, `${name} is "${path}", which holds no certificate; a certificate in PEM is allowed`, {
      cause: error,
    });
  }
}

/** What only the TLS library says: a key too short, a signature too old. */
function refuseUnusable(pair: CertificatePair, files: { cert: string; name: string }): void {
  try {
    createSecureContext({ key: pair.key, cert: pair.cert });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(':').at(-1) : String(error);
    const message = `${files.name}.cert is "${files.cert}", which TLS refuses (${reason}); a current certificate is allowed`;
    throw new ConfigError(`${files.name}.cert`, message, { cause: error });
  }
}

/**
 * Checks that both parts can be read and belong together.
 * @throws ConfigError naming the key and the file, never their content.
 */
export function checkPair(pair: CertificatePair, files: { key: string; cert: string; name: string }): CheckedPair {
  const key = parseKey(pair.key, files.key, `${files.name}.key`);
  const certificate = parseCertificate(pair.cert, files.cert, `${files.name}.cert`);
  if (!certificate.checkPrivateKey(key)) {
    const message = `${files.name}.key is "${files.key}", which does not fit the certificate "${files.cert}"; the key it was made with is allowed`;
    throw new ConfigError(`${files.name}.key`, message);
  }
  refuseUnusable(pair, files);
  return {
    ...pair,
    subject: certificate.subject.replaceAll('\n', ', '),
    names: certificate.subjectAltName ?? '',
    notAfter: Date.parse(certificate.validTo),
  };
}

/**
 * Where the configured files are, absolute; `null` when no pair is configured. The shipped names count as configured only
 * when at least one of the two exists.
 * @throws ConfigError when only one of `key` and `cert` is given.
 */
export function configuredPaths(files: CertificateFiles): { key: string; cert: string; name: string } | null {
  const { key = '', cert = '', folder, name } = files;
  if (key === '' && cert === '') return null;
  if (key === '' || cert === '') {
    const [missing, given] = key === '' ? ['key', 'cert'] : ['cert', 'key'];
    throw new ConfigError(
      `${name}.${missing}`,
      `${name}.${missing} is missing; ${name}.${given} needs it beside itself`,
    );
  }
  return { key: resolve(folder, key), cert: resolve(folder, cert), name };
}

/**
 * Reads the configured pair; `null` when there is none.
 * @throws ConfigError when a configured file is missing, cannot be read, or does not fit the other.
 */
export async function readConfiguredPair(files: CertificateFiles): Promise<CheckedPair | null> {
  const paths = configuredPaths(files);
  if (paths === null) return null;
  const [key, cert] = await Promise.all([
    readOrNull(paths.key, `${paths.name}.key`),
    readOrNull(paths.cert, `${paths.name}.cert`),
  ]);
  if (key !== null && cert !== null) return checkPair({ key, cert }, paths);
  const isShipped = files.key === SHIPPED.key && files.cert === SHIPPED.cert;
  if (isShipped && key === null && cert === null) return null;
  const missing = key === null ? 'key' : 'cert';
  const path = `${paths.name}.${missing}`;
  throw new ConfigError(path, `${path} is "${paths[missing]}", which does not exist; a PEM file is allowed`);
}
