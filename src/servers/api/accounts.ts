import { randomBytes } from 'node:crypto';
import { valueAt } from '../../core/config-tree.ts';
import type { Context } from '../../core/context.ts';
import { hashPassword, isWeakPassword, verifyPassword } from '../../core/password.ts';
import { ConfigError } from '../../errors.ts';
import { ApiError } from './api-error.ts';
import type { Claims } from './claims.ts';
import { type Attempt, SignInLimits, tooMany } from './sign-in-limits.ts';
import type { TokenFamilies } from './token-families.ts';
import { type Account, type Bearer, EVENTS_TOKEN_LIFE, type Tokens } from './tokens.ts';

/** Each check takes a thread and 16 MiB for some 50 ms. */
const MAX_CHECKS_AT_ONCE = 4;

const USERS_KEY = ['auth', 'jwt', 'users'];

interface Pair {
  readonly token: string;
  readonly expiresIn: string;
  readonly refreshToken: string;
  readonly refreshExpiresIn: string;
}

/** Signs users in and out, and changes their passwords. */
export class Accounts {
  readonly limits = new SignInLimits();
  readonly #context: Context;
  readonly #tokens: Tokens;
  readonly #families: TokenFamilies;
  /** What an unknown user's password is checked against, so that he takes as long as a known one. */
  #nobody: Promise<string> | null = null;
  #checks = 0;

  constructor(context: Context, tokens: Tokens, families: TokenFamilies) {
    this.#context = context;
    this.#tokens = tokens;
    this.#families = families;
  }

  /** @throws ApiError INVALID_CREDENTIALS, TOO_MANY_REQUESTS */
  async signIn(ip: string, username: string, password: string) {
    const account = await this.#check(ip, username, password);
    if (account === null) {
      this.#context.counters.count('api_login_failures');
      throw new ApiError('INVALID_CREDENTIALS', 'Invalid username or password');
    }
    this.#context.logger.info({ user: username, ip }, `API: ${username} signed in`);
    const pair = await this.#issue(account, this.#tokens.newFamily());
    return { ...pair, user: { username, role: account.role } };
  }

  /** A new pair for a refresh token, which is worth nothing then. @throws ApiError UNAUTHORIZED */
  async refresh(ip: string, refreshToken: string) {
    const { user, claims } = await this.#tokens.verify(refreshToken, ['refresh']);
    const { family, generation } = claims;
    const entry = { username: user.username, generation, expiresAt: this.#expiryOf(claims) };
    if (!this.#families.advance(family, entry)) {
      const message = `API: a refresh token of ${user.username} was used twice; all tokens of that sign-in are revoked`;
      this.#context.logger.warn({ user: user.username, ip }, message);
      throw this.#tokens.refuse('revoked');
    }
    const pair = await this.#issue(this.#tokens.accountOf(user.username), { family, generation: generation + 1 });
    return { ...pair, user };
  }

  /** Revokes all tokens of the bearer's sign-in. */
  signOut({ user, claims }: Bearer): void {
    this.#families.end(claims.family, { username: user.username, expiresAt: this.#expiryOf(claims) });
    this.#context.logger.info({ user: user.username }, `API: ${user.username} signed out`);
  }

  /** A token that may stand in the address of the events. */
  async eventsToken({ user, claims }: Bearer) {
    const { family, generation } = claims;
    const account = this.#tokens.accountOf(user.username);
    return { token: await this.#tokens.issue('events', account, { family, generation }), expiresIn: EVENTS_TOKEN_LIFE };
  }

  /**
   * Gives a user another password, which makes all his tokens worthless. `isKept`: it outlives the process.
   * @throws ApiError BAD_REQUEST, UNAUTHORIZED, TOO_MANY_REQUESTS, UNAVAILABLE
   */
  async changePassword(ip: string, username: string, change: { readonly old: string; readonly new: string }) {
    const { configuration } = this.#context;
    if (configuration === null) {
      throw new ApiError(
        'UNAVAILABLE',
        'This server does not change its configuration: passwords are set where it is made.',
      );
    }
    const account = await this.#check(ip, username, change.old);
    if (account === null) {
      this.#context.counters.count('api_login_failures');
      throw new ApiError('BAD_REQUEST', 'Old password is incorrect');
    }
    if (change.new === change.old) throw new ApiError('BAD_REQUEST', 'New password must be different from the old one');
    if (isWeakPassword(change.new)) throw new ApiError('BAD_REQUEST', 'New password is one that everybody knows');
    const password = await hashPassword(change.new);
    const plan = await configuration
      .apply((own) => this.#withPassword(own, account, password), username)
      .catch((error: unknown) => this.#refuseChange(username, error));
    this.#context.logger.info({ user: username, ip }, `API: ${username} has a new password`);
    return { username, isKept: plan.isWritten };
  }

  /** What is wrong with the configuration is the operator's affair: it may name files, and keys that are not the user's. */
  #refuseChange(user: string, error: unknown): never {
    if (!(error instanceof ConfigError)) throw error;
    this.#context.logger.warn({ user, err: error }, `API: the new password of ${user} cannot be kept`);
    throw new ApiError('UNAVAILABLE', 'The new password cannot be kept; the log says why.', { cause: error });
  }

  /** To be called when it is the change's turn: the users, and their passwords, may be others since the old one was checked. */
  #withPassword(own: Readonly<Record<string, unknown>>, { username, password: old }: Account, password: string) {
    const account = this.#tokens.accountOf(username);
    if (account === undefined) throw this.#tokens.refuse('user');
    if (account.password !== old) throw new ApiError('BAD_REQUEST', 'Old password is incorrect');
    const known = valueAt(own, USERS_KEY);
    const users: readonly object[] = Array.isArray(known) ? known : this.#context.config.auth.jwt.users;
    const isHis = (user: object) => 'username' in user && user.username === username;
    return { auth: { jwt: { users: users.map((user) => (isHis(user) ? { ...user, password } : user)) } } };
  }

  /** The configuration may have had other times when the token was made. */
  #expiryOf({ ends }: Claims): number {
    return Math.max(ends * 1000, this.#tokens.familyExpiry(Date.now()));
  }

  async #issue(
    account: Account | undefined,
    of: { readonly family: string; readonly generation: number },
  ): Promise<Pair> {
    const { expiresIn, refreshExpiresIn } = this.#context.config.auth.jwt;
    const [token, refreshToken] = await Promise.all([
      this.#tokens.issue('access', account, of),
      this.#tokens.issue('refresh', account, of),
    ]);
    return { token, expiresIn, refreshToken, refreshExpiresIn };
  }

  /** The account when the password is right. @throws ApiError TOO_MANY_REQUESTS */
  async #check(ip: string, username: string, password: string): Promise<Account | null> {
    const account = this.#tokens.accountOf(username);
    const attempt: Attempt = { ip, username, isUser: account !== undefined };
    if (this.#checks >= MAX_CHECKS_AT_ONCE) throw tooMany('Too many people sign in at once', 1000);
    this.limits.begin(attempt);
    this.#checks++;
    try {
      const isRight = await verifyPassword(password, account?.password ?? (await this.#nobodysPassword()));
      if (account !== undefined && isRight) {
        this.limits.succeed(attempt);
        return account;
      }
      this.limits.fail(attempt);
      return null;
    } finally {
      this.#checks--;
    }
  }

  #nobodysPassword(): Promise<string> {
    this.#nobody ??= hashPassword(randomBytes(16).toString('hex'));
    return this.#nobody;
  }
}
