import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { CoreConfig } from '../../core/config.ts';
import { secondsOf } from '../../core/config-auth.ts';
import type { Context } from '../../core/context.ts';
import { ApiError } from './api-error.ts';
import type { Claims, TokenKind } from './claims.ts';
import type { ApiUser } from './operation.ts';
import type { TokenFamilies } from './token-families.ts';

type JwtConfig = CoreConfig['auth']['jwt'];
export type Account = JwtConfig['users'][number];

const ALGORITHM = 'HS256';
/** How far a clock that was set back may make a token look as if it came from the future. */
const CLOCK_TOLERANCE_S = 5;
const ID_BYTES = 12;
const MARK_BYTES = 16;
/** A token of ours has some 400 characters. */
const MAX_TOKEN_LENGTH = 4096;
/** Tokens whose signature is remembered to be right; the one used longest ago is forgotten for a new one. */
const MAX_VERIFIED = 1000;
/** How long a token for the events may stand in an address. */
export const EVENTS_TOKEN_LIFE = '60s';

const claimsSchema = z.object({
  username: z.string(),
  kind: z.enum(['access', 'refresh', 'events']),
  jti: z.string(),
  family: z.string(),
  generation: z.number().int(),
  mark: z.string(),
  ends: z.number(),
  iat: z.number(),
  exp: z.number(),
});

/** Why a token is refused, and in words for the log; the client is told none of it. */
const refusals = {
  missing: 'no token',
  invalid: 'not a token of this server',
  expired: 'the token has expired',
  early: 'the token is not valid yet',
  kind: 'the token is of another kind',
  revoked: 'the token is revoked',
  user: 'the token is of no user',
  password: 'the token is of an old password',
} as const;

type Refusal = keyof typeof refusals;

interface Verified {
  readonly claims: Claims;
  /** What it was checked with: another secret makes it unknown. */
  readonly secret: string;
}

export interface Bearer {
  readonly user: ApiUser;
  readonly claims: Claims;
}

/** What jose found. */
function refusalBy(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return 'expired';
  return error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf' ? 'early' : 'invalid';
}

const newId = () => randomBytes(ID_BYTES).toString('base64url');

/** Makes and checks the tokens of the API: JSON Web Tokens, HS256 and no other. The configuration is read each time. */
export class Tokens {
  readonly #context: Context;
  readonly #families: TokenFamilies;
  readonly #verified = new Map<string, Verified>();
  /** A configuration that changes has other accounts. */
  readonly #marks = new WeakMap<Account, { readonly secret: string; readonly mark: string }>();

  constructor(context: Context, families: TokenFamilies) {
    this.#context = context;
    this.#families = families;
  }

  get #config(): JwtConfig {
    return this.#context.config.auth.jwt;
  }

  /** A token for `user`, `of` a sign-in and its place in it. @throws ApiError when there is no such user */
  async issue(
    kind: TokenKind,
    user: Account | undefined,
    of: { readonly family: string; readonly generation: number },
  ): Promise<string> {
    if (user === undefined) throw this.refuse('user');
    const { secret, expiresIn, refreshExpiresIn } = this.#config;
    if (secret === '') throw new ApiError('UNAVAILABLE', 'There is no secret to sign tokens with.');
    const life = { access: expiresIn, refresh: refreshExpiresIn, events: EVENTS_TOKEN_LIFE }[kind];
    const ends = Math.ceil(this.familyExpiry(Date.now()) / 1000);
    return new SignJWT({ username: user.username, kind, ...of, mark: this.#markOf(user), ends })
      .setProtectedHeader({ alg: ALGORITHM })
      .setJti(newId())
      .setIssuedAt()
      .setExpirationTime(life)
      .sign(new TextEncoder().encode(secret));
  }

  /** What all tokens of a new sign-in share. */
  newFamily(): { readonly family: string; readonly generation: number } {
    return { family: newId(), generation: 0 };
  }

  /** When tokens that are made now will have expired, in unix milliseconds. */
  familyExpiry(now: number): number {
    const { expiresIn, refreshExpiresIn } = this.#config;
    return now + Math.max(secondsOf(expiresIn), secondsOf(refreshExpiresIn)) * 1000;
  }

  /** The user as the configuration has him now. */
  accountOf(username: string): Account | undefined {
    return this.#config.users.find((user) => user.username === username);
  }

  /** Who brings `token`. @throws ApiError UNAUTHORIZED when it is not good, or of none of the `kinds`. */
  async verify(token: string | null, kinds: readonly TokenKind[]): Promise<Bearer> {
    if (token === null) throw this.refuse('missing');
    const claims = await this.#read(token);
    const refusal = this.refusalOf(claims, kinds);
    if (refusal !== null) throw this.refuse(refusal);
    const { username, role } = this.accountOf(claims.username)!;
    return { user: { username, role }, claims };
  }

  /** Why a token that was signed by us is not good now; `null`: it is. */
  refusalOf(claims: Claims, kinds: readonly TokenKind[]): Refusal | null {
    const now = Date.now() / 1000;
    if (!kinds.includes(claims.kind)) return 'kind';
    if (claims.exp <= now) return 'expired';
    return claims.iat > now + CLOCK_TOLERANCE_S ? 'early' : this.standingOf(claims);
  }

  /** Why its bearer is welcome no more, whatever the time; `null`: he is. */
  standingOf(claims: Claims): Refusal | null {
    const { family, username, ends } = claims;
    if (this.#families.isEnded(family, { username, expiresAt: ends * 1000 })) return 'revoked';
    const account = this.accountOf(claims.username);
    if (account === undefined) return 'user';
    const mark = Buffer.from(this.#markOf(account));
    const offered = Buffer.from(claims.mark);
    return mark.length === offered.length && timingSafeEqual(mark, offered) ? null : 'password';
  }

  /** The answer to whoever brings a token that is not good; counted. */
  refuse(reason: Refusal, cause: unknown = null): ApiError {
    this.#context.counters.count('api_token_failures', reason);
    const message = 'Invalid or missing authentication token';
    const headers = { 'WWW-Authenticate': 'Bearer' };
    return new ApiError('UNAUTHORIZED', message, { headers, cause: new Error(refusals[reason], { cause }) });
  }

  async #read(token: string): Promise<Claims> {
    const { secret } = this.#config;
    if (token.length > MAX_TOKEN_LENGTH || secret === '') throw this.refuse('invalid');
    const digest = createHash('sha256').update(token).digest('base64');
    const known = this.#verified.get(digest);
    this.#verified.delete(digest);
    const claims = known?.secret === secret ? known.claims : await this.#check(token, secret);
    if (this.#verified.size >= MAX_VERIFIED) this.#verified.delete(this.#verified.keys().next().value!);
    this.#verified.set(digest, { claims, secret });
    return claims;
  }

  async #check(token: string, secret: string): Promise<Claims> {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
      algorithms: [ALGORITHM],
      requiredClaims: ['exp', 'iat'],
      clockTolerance: 0,
    }).catch((error: unknown) => {
      throw this.refuse(refusalBy(error), error);
    });
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) throw this.refuse('invalid', claims.error);
    return claims.data;
  }

  /** Keyed, so that it tells nothing of the password to whoever reads the token. */
  #markOf(account: Account): string {
    const { secret } = this.#config;
    const known = this.#marks.get(account);
    if (known?.secret === secret) return known.mark;
    const { username, password } = account;
    const hmac = createHmac('sha256', secret).update(JSON.stringify([username, password]));
    const mark = hmac.digest().subarray(0, MARK_BYTES).toString('base64url');
    this.#marks.set(account, { secret, mark });
    return mark;
  }
}
