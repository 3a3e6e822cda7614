import type { Response } from 'express';
import { networkOf } from '../../core/peer-address.ts';
import { ApiError } from './api-error.ts';
import { AttemptLimit } from './attempt-limit.ts';

/** Addresses, and users of addresses, that are remembered at once; the oldest are forgotten. */
const MAX_KEYS = 10_000;
/** How long wrong passwords count. */
const QUARTER_HOUR_MS = 15 * 60_000;
/** Requests to sign in, right or wrong, from one address. */
const REQUESTS = { max: 10, windowMs: 60_000, maxKeys: MAX_KEYS };
/** Wrong passwords for one user from one address, before he is locked out there. */
const FAILURES = { max: 5, windowMs: QUARTER_HOUR_MS, maxKeys: MAX_KEYS };
/** Wrong passwords for one user from all addresses; beyond, only one password each `PAUSE_MS` is looked at. */
const ACCOUNT_FAILURES = { max: 20, windowMs: QUARTER_HOUR_MS, maxKeys: MAX_KEYS };
/** Between two passwords that are looked at for a user whom many addresses guess at. */
const PAUSE_MS = 5000;
/** How long an address from which a user has signed in is exempt from what others do to his account. */
const FAMILIAR = { max: 1, windowMs: 30 * 24 * 3600_000, maxKeys: MAX_KEYS };

/** The answer to who has to wait. */
export function tooMany(message: string, waitMs: number): ApiError {
  const seconds = String(Math.max(1, Math.ceil(waitMs / 1000)));
  return new ApiError('TOO_MANY_REQUESTS', message, { headers: { 'Retry-After': seconds } });
}

/** Slows down who guesses at one account from many addresses, and shuts nobody out. */
class AccountPace {
  readonly #failures = new AttemptLimit(ACCOUNT_FAILURES);
  readonly #pauses = new AttemptLimit({ max: 1, windowMs: PAUSE_MS, maxKeys: MAX_KEYS });

  /** Milliseconds until a password for the account is looked at; 0: now, and it counts as looked at. */
  enter(username: string, now: number): number {
    if (this.#failures.left(username, now) > 0) return 0;
    if (this.#pauses.left(username, now) === 0) return this.#pauses.waitMs(username, now);
    this.#pauses.count(username, now);
    return 0;
  }

  fail(username: string, now: number): void {
    this.#failures.count(username, now);
  }
}

/** A password that is about to be looked at. */
export interface Attempt {
  readonly ip: string;
  readonly username: string;
  /** Is there such a user? Names that nobody has must not push out what is known of users. */
  readonly isUser: boolean;
}

/** How often one may try to sign in: by address, by address and user, and by user. Bounded; IPv6 addresses count by their /64. */
export class SignInLimits {
  readonly #requests = new AttemptLimit(REQUESTS);
  readonly #failures = new AttemptLimit(FAILURES);
  readonly #familiar = new AttemptLimit(FAMILIAR);
  readonly #users = new AccountPace();
  readonly #strangers = new AccountPace();

  /** Counts a request and says in its answer how many are left. @throws ApiError TOO_MANY_REQUESTS */
  request(ip: string, response: Response): void {
    const now = Date.now();
    const key = networkOf(ip);
    const left = this.#requests.left(key, now);
    if (left > 0) this.#requests.count(key, now);
    const waitMs = this.#requests.waitMs(key, now);
    response.set('RateLimit-Limit', String(this.#requests.max));
    response.set('RateLimit-Remaining', String(Math.max(0, left - 1)));
    response.set('RateLimit-Reset', String(Math.ceil(waitMs / 1000)));
    if (left === 0) throw tooMany('Too many attempts to sign in', waitMs);
  }

  /** Counts a password as wrong until `succeed` says otherwise. @throws ApiError TOO_MANY_REQUESTS: it is not to be looked at. */
  begin(attempt: Attempt): void {
    const now = Date.now();
    const key = this.#keyOf(attempt);
    if (this.#failures.left(key, now) === 0) throw tooMany('Too many wrong passwords', this.#failures.waitMs(key, now));
    if (this.#familiar.left(key, now) > 0) {
      const waitMs = this.#paceOf(attempt).enter(attempt.username, now);
      if (waitMs > 0) throw tooMany('Too many wrong passwords for this user', waitMs);
    }
    this.#failures.count(key, now);
  }

  succeed(attempt: Attempt): void {
    const key = this.#keyOf(attempt);
    this.#failures.forget(key);
    this.#familiar.forget(key);
    this.#familiar.count(key, Date.now());
  }

  fail(attempt: Attempt): void {
    this.#paceOf(attempt).fail(attempt.username, Date.now());
  }

  #keyOf({ ip, username }: Attempt): string {
    return `${networkOf(ip)} ${username}`;
  }

  #paceOf({ isUser }: Attempt): AccountPace {
    return isUser ? this.#users : this.#strangers;
  }
}
