import { createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from 'jose';
import type { Logger } from '../../core/logger.ts';
import { DeniedError } from '../../errors.ts';

/** How long an answer may take, and how large it may be. */
const FETCH_MS = 5_000;
/** Of an answer with keys. */
const MAX_BYTES = 256 * 1024;
/** After a failure nobody asks again for this long. */
const FAILURE_PAUSE_MS = 5_000;
/** How often an unknown key makes us ask for new ones at most, and how old keys may become. */
const NEWS_PAUSE_MS = 30_000;
/** How old keys that were fetched may become. */
const MAX_AGE_MS = 600_000;

async function readBounded(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Public keys from an address (a JSON Web Key Set): fetched when the first token comes, again for a new key or in time. */
export class KeySet {
  readonly #url: string;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  readonly #find: JWTVerifyGetKey;
  #failedAt: number | null = null;

  constructor(url: string, logger: Logger) {
    this.#url = url;
    this.#logger = logger;
    this.#find = createRemoteJWKSet(new URL(url), {
      timeoutDuration: FETCH_MS,
      cooldownDuration: NEWS_PAUSE_MS,
      cacheMaxAge: MAX_AGE_MS,
      [customFetch]: (address, options) => this.#fetch(address, options),
    });
  }

  /** The key of a token. Throws JOSEError when there is none, DeniedError when the keys cannot be had. */
  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    try {
      return await this.#find(header, token);
    } catch (error) {
      const isAboutKey = error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      if (isAboutKey || error instanceof errors.JOSENotSupported) throw error;
      throw new DeniedError('the token cannot be checked now', { cause: error });
    }
  };

  /** Ends a fetch that is under way. */
  close(): void {
    this.#stop.abort();
  }

  async #fetch(address: string, options: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
    if (this.#failedAt !== null && Date.now() - this.#failedAt < FAILURE_PAUSE_MS) {
      throw new Error('the keys could not be fetched a moment ago');
    }
    try {
      const signal = AbortSignal.any([options.signal, this.#stop.signal]);
      const response = await fetch(address, { ...options, signal });
      if (response.status !== 200) throw new Error(`the answer was ${response.status}`);
      const text = await readBounded(response);
      const keys = (JSON.parse(text) as { readonly keys?: unknown } | null)?.keys;
      if (!Array.isArray(keys)) throw new Error('the answer is no JSON Web Key Set');
      this.#failedAt = null;
      return new Response(text, { status: 200 });
    } catch (error) {
      this.#failedAt = Date.now();
      if (!this.#stop.signal.aborted) this.#complain(error);
      throw error;
    }
  }

  #complain(error: unknown): void {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    const reason = error instanceof Error ? `${error.message}${cause}` : String(error);
    this.#logger.warn(
      { key: 'auth.token.jwksUrl', host: new URL(this.#url).host, reason },
      'the keys for tokens could not be fetched; tokens are refused meanwhile',
    );
  }
}
