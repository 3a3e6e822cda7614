import { randomBytes } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { CoreConfig } from '../../core/config.ts';
import { networkOf } from '../../core/peer-address.ts';
import { hashPassword, verifyPassword } from '../../core/password.ts';
import { ApiError } from './api-error.ts';
import { AttemptLimit } from './attempt-limit.ts';
import { signToken } from './token.ts';

type JwtConfig = CoreConfig['auth']['jwt'];

const MAX_KEYS = 10_000;
/** Requests to sign in, right or wrong, from one address. */
const REQUESTS = { max: 10, windowMs: 60_000, maxKeys: MAX_KEYS };
/** Wrong passwords for one user from one address, before he is locked out. */
const FAILURES = { max: 5, windowMs: 15 * 60_000, maxKeys: MAX_KEYS };
/** Each check takes a thread and 16 MiB for some 50 ms. */
const MAX_CHECKS_AT_ONCE = 4;
const MAX_FIELD_LENGTH = 1024;

function field(body: unknown, name: 'username' | 'password'): string {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined;
  if (typeof value !== 'string' || value === '' || value.length > MAX_FIELD_LENGTH) {
    throw new ApiError(400, 'BAD_REQUEST', 'Username and password are required');
  }
  return value;
}

/** `POST /login`: name and password in, a token out. */
export class Login {
  readonly #config: JwtConfig;
  readonly #requests = new AttemptLimit(REQUESTS);
  readonly #failures = new AttemptLimit(FAILURES);
  /** What an unknown user's password is checked against, so that he takes as long as a known one. */
  #nobody: Promise<string> | null = null;
  #checks = 0;

  constructor(config: JwtConfig) {
    this.#config = config;
  }

  readonly handler: RequestHandler = async (request, response) => {
    this.#limitRequests(request, response);
    const username = field(request.body, 'username');
    const password = field(request.body, 'password');
    await this.#check(`${networkOf(request.ip ?? '')} ${username}`, username, password);
    const token = await signToken(this.#config, username);
    const data = { token, user: { username }, expiresIn: this.#config.expiresIn };
    response.json({ success: true, data, message: 'Login successful' });
  };

  #limitRequests(request: Request, response: Response): void {
    const now = Date.now();
    const key = networkOf(request.ip ?? '');
    const left = this.#requests.left(key, now);
    if (left > 0) this.#requests.count(key, now);
    const seconds = String(Math.ceil(this.#requests.waitMs(key, now) / 1000));
    response.set('RateLimit-Limit', String(this.#requests.max));
    response.set('RateLimit-Remaining', String(Math.max(0, left - 1)));
    response.set('RateLimit-Reset', seconds);
    if (left === 0) throw tooMany('Too many attempts to sign in', seconds);
  }

  async #check(key: string, username: string, password: string): Promise<void> {
    const now = Date.now();
    if (this.#failures.left(key, now) === 0) {
      throw tooMany('Too many wrong passwords', String(Math.ceil(this.#failures.waitMs(key, now) / 1000)));
    }
    if (this.#checks >= MAX_CHECKS_AT_ONCE) throw tooMany('Too many people sign in at once', '1');
    const user = this.#config.users.find((candidate) => candidate.username === username);
    this.#checks++;
    try {
      const isRight = await verifyPassword(password, user?.password ?? (await this.#nobodysPassword()));
      if (user === undefined || !isRight) {
        this.#failures.count(key, Date.now());
        throw new ApiError(401, 'INVALID_CREDENTIALS', 'Invalid username or password');
      }
      this.#failures.forget(key);
    } finally {
      this.#checks--;
    }
  }

  #nobodysPassword(): Promise<string> {
    this.#nobody ??= hashPassword(randomBytes(16).toString('hex'));
    return this.#nobody;
  }
}

function tooMany(message: string, seconds: string): ApiError {
  return new ApiError(429, 'TOO_MANY_REQUESTS', message, { headers: { 'Retry-After': seconds } });
}
