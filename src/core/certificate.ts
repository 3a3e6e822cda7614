import { stat } from 'node:fs/promises';
import {
  type CertificateFiles,
  type CertificatePair,
  type CheckedPair,
  configuredPaths,
  readConfiguredPair,
} from './certificate-pair.ts';
import { needsRenewal, selfSignedPair } from './certificate-self-signed.ts';
import type { Logger } from './logger.ts';

export type { CertificatePair } from './certificate-pair.ts';

/** How often the files of a pair are looked at. */
const POLL_MS = 1000;
/** When to try again to renew a pair of our own that could not be. */
const RENEW_RETRY_MS = 60 * 60 * 1000;
/** How long before a certificate ends the log warns. */
const WARN_BEFORE_MS = 14 * 24 * 60 * 60 * 1000;

export interface CertificateOptions extends CertificateFiles {
  /** Where a self-signed pair is kept when none is configured: the absolute `store.path`. */
  readonly dataFolder: string;
  readonly logger: Logger;
  /** How often the files are looked at; a change is taken up once it was seen twice. */
  readonly pollMs?: number;
  /** The clock, in unix milliseconds. */
  readonly now?: () => number;
}

/** What a file looks like from outside, through symbolic links: changes with every write, rename and swap. */
async function fingerprint(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  }
}

function clock(options: CertificateOptions): number {
  return options.now?.() ?? Date.now();
}

/**
 * The key and certificate of one TLS listener. A configured pair is watched and taken up when it changes; a broken new one
 * is logged and the old one stays. Without a configured pair a self-signed one is made, kept, and renewed in time.
 * Whoever loads it closes it.
 */
export class Certificate {
  readonly #options: CertificateOptions;
  readonly #listeners = new Set<(pair: CertificatePair) => void>();
  #pair: CheckedPair;
  readonly #isSelfSigned: boolean;
  #timer: NodeJS.Timeout | null = null;
  /** The files as they were taken up, and as they were seen last. */
  #taken = '';
  #seen = '';
  #isLooking = false;
  /** When a renewal may be tried: not each second on a full disk. */
  #renewAt = 0;

  private constructor(options: CertificateOptions, pair: CheckedPair, isSelfSigned: boolean) {
    this.#options = options;
    this.#pair = pair;
    this.#isSelfSigned = isSelfSigned;
  }

  /**
   * Reads or makes the pair and begins to watch it.
   * @throws ConfigError when a configured file is missing or wrong, or a self-signed pair cannot be kept.
   */
  static async load(options: CertificateOptions): Promise<Certificate> {
    const before = await Certificate.#look(options);
    const configured = await readConfiguredPair(options);
    if (configured !== null) {
      const certificate = new Certificate(options, configured, false);
      certificate.#taken = before;
      certificate.#seen = before;
      certificate.#report('certificate loaded');
      certificate.#watch();
      return certificate;
    }
    const { pair, isNew } = await selfSignedPair(options.dataFolder, clock(options));
    const certificate = new Certificate(options, pair, true);
    certificate.#report(isNew ? 'self-signed certificate made' : 'self-signed certificate loaded');
    certificate.#watch();
    return certificate;
  }

  static async #look(options: CertificateOptions): Promise<string> {
    const paths = configuredPaths(options);
    if (paths === null) return '';
    const [key, cert] = await Promise.all([fingerprint(paths.key), fingerprint(paths.cert)]);
    return `${key} ${cert}`;
  }

  /** The pair in use. */
  current(): CertificatePair {
    return this.#pair;
  }

  get isSelfSigned(): boolean {
    return this.#isSelfSigned;
  }

  /** Calls `listener` with each new pair; returns what ends that. */
  onChange(listener: (pair: CertificatePair) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Watches no longer; idempotent. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#listeners.clear();
  }

  #watch(): void {
    this.#timer = setInterval(() => {
      if (this.#isLooking) return;
      this.#isLooking = true;
      this.#check()
        .catch((error: unknown) => this.#complain(error))
        .finally(() => {
          this.#isLooking = false;
        });
    }, this.#options.pollMs ?? POLL_MS);
    this.#timer.unref();
  }

  async #check(): Promise<void> {
    if (this.#isSelfSigned) {
      const now = clock(this.#options);
      if (!needsRenewal(this.#pair, now) || now < this.#renewAt) return;
      this.#renewAt = now + RENEW_RETRY_MS;
      const { pair } = await selfSignedPair(this.#options.dataFolder, now);
      this.#take(pair, 'self-signed certificate renewed');
      return;
    }
    const seen = await Certificate.#look(this.#options);
    const isSettled = seen === this.#seen;
    this.#seen = seen;
    // Key and certificate are written one after the other: a change counts once nothing has moved between two looks.
    if (seen === this.#taken || !isSettled) return;
    this.#taken = seen;
    const pair = await readConfiguredPair(this.#options);
    if (pair === null) throw new Error('both files are gone');
    this.#take(pair, 'certificate reloaded');
  }

  #take(pair: CheckedPair, message: string): void {
    if (this.#timer === null) return;
    for (const listener of this.#listeners) listener(pair);
    this.#pair = pair;
    this.#report(message);
  }

  #complain(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.logger.warn(
      { section: this.#options.name, reason },
      'new certificate refused, the old one stays in use',
    );
  }

  #report(message: string): void {
    const { logger, name } = this.#options;
    const { subject, names, notAfter } = this.#pair;
    const fields = { section: name, subject, names, validTo: new Date(notAfter).toISOString() };
    const left = notAfter - clock(this.#options);
    if (left <= 0) logger.warn(fields, `${message}; it has expired`);
    else if (left < WARN_BEFORE_MS && !this.#isSelfSigned) logger.warn(fields, `${message}; it expires soon`);
    else logger.info(fields, message);
  }
}
