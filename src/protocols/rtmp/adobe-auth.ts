import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** How long a challenge may be answered, in milliseconds. */
const LIFE_MS = 30_000;
const NONCE_BYTES = 16;
const SALT_LENGTH = 12;
/** What comes in a query is longer only if it is none of ours. */
const MAX_FIELD_LENGTH = 256;

const PREFIX = '[ AccessManager.Reject ] : ';

/** The first refusal: encoders that have a name and a password come again with the name. FFmpeg ends the word at a space. */
export const NEED_AUTHENTICATION = `${PREFIX}[ code=403 need auth; authmod=adobe ] : `;
/** The last refusal: encoders stop trying. It does not tell a wrong name from a wrong password. */
export const AUTHENTICATION_FAILED = `${PREFIX}[ authmod=adobe ] : ?reason=authfailed`;

/** Parameters of the conversation, which are nobody's business afterwards. */
export const ADOBE_PARAMETERS: readonly string[] = ['authmod', 'user', 'challenge', 'response', 'opaque'];

/** What a connect says of user and password. */
export type AdobeRequest =
  /** Nothing yet. */
  | { readonly step: 'unknown' }
  /** A name: it wants a challenge. */
  | { readonly step: 'named'; readonly user: string }
  | { readonly step: 'answered'; readonly user: string; readonly answer: AdobeAnswer };

export interface AdobeAnswer {
  /** The peer's own random text. */
  readonly challenge: string;
  readonly opaque: string;
  readonly response: string;
}

/** Reads the parameters of a connect, decoded. */
export function readAdobeRequest(query: Readonly<Record<string, string>>): AdobeRequest {
  const fields = ADOBE_PARAMETERS.map((name) => query[name] ?? '');
  const [authmod, user = '', challenge = '', response = '', opaque = ''] = fields;
  if (authmod !== 'adobe' || user === '' || fields.some(({ length }) => length > MAX_FIELD_LENGTH)) {
    return { step: 'unknown' };
  }
  if (response === '') return { step: 'named', user };
  return { step: 'answered', user, answer: { challenge, opaque, response } };
}

export interface AdobeSecrets {
  readonly user: string;
  readonly password: string;
  readonly salt: string;
  readonly opaque: string;
  readonly challenge: string;
}

const md5 = (text: string) => createHash('md5').update(text).digest('base64');

/** The response of one who knows the password, as FFmpeg, librtmp and FMLE compute it. */
export function adobeResponse({ user, password, salt, opaque, challenge }: AdobeSecrets): string {
  return md5(md5(user + salt + password) + opaque + challenge);
}

function isEqual(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

/** Whether the response is that of one who knows the password; takes as long for a wrong one. */
export function isAdobeResponse(secrets: AdobeSecrets, response: string): boolean {
  return isEqual(adobeResponse(secrets), response);
}

/** A challenge that is ours and may still be answered. */
export interface OpenChallenge {
  /** Names it; no other ever has the same. */
  readonly id: string;
  readonly salt: string;
  /** Milliseconds of the clock that was given to `issue`. */
  readonly expiresAt: number;
}

/**
 * Makes challenges and knows them again. Nothing is kept of them: what the peer brings back carries its number, its end and
 * the user, authenticated with `key`. Who answers twice is for the caller to know.
 */
export class AdobeChallenges {
  readonly #key: Buffer;
  readonly #random: (size: number) => Buffer;

  /** @param key random, for this purpose only */
  constructor(key: Buffer, random: (size: number) => Buffer) {
    this.#key = key;
    this.#random = random;
  }

  /** The refusal that holds a new challenge for `user`. @param now milliseconds of any clock that only goes forward */
  issue(user: string, now: number): string {
    const id = this.#random(NONCE_BYTES).toString('base64url');
    const expiresAt = Math.floor(now + LIFE_MS).toString(36);
    const opaque = `${id}.${expiresAt}.${this.#seal(id, expiresAt, user)}`;
    // FFmpeg reads 299 characters of it.
    const parts = ['reason=needauth', `user=${user}`, `salt=${this.#salt(id)}`, `challenge=${id}`, `opaque=${opaque}`];
    return `${PREFIX}[ authmod=adobe ] : ?${parts.join('&')}`;
  }

  /** The challenge behind `opaque`; `null` when it was not made here for this user, or is too old. */
  open(opaque: string, user: string, now: number): OpenChallenge | null {
    const [id = '', until = '', seal = '', ...rest] = opaque.split('.');
    if (rest.length > 0 || !isEqual(this.#seal(id, until, user), seal)) return null;
    const expiresAt = Number.parseInt(until, 36);
    return expiresAt > now ? { id, salt: this.#salt(id), expiresAt } : null;
  }

  #seal(id: string, until: string, user: string): string {
    const seal = createHmac('sha256', this.#key).update(`${id}.${until}.${user}`).digest();
    return seal.subarray(0, NONCE_BYTES).toString('base64url');
  }

  #salt(id: string): string {
    return createHmac('sha256', this.#key).update(`salt ${id}`).digest('base64url').slice(0, SALT_LENGTH);
  }
}

/** What a refusal means, for a log: without the challenge. */
export function describeAdobeRefusal(description: string): string {
  if (description === NEED_AUTHENTICATION) return 'user and password are needed';
  if (description.includes('?reason=needauth')) return 'asked for the password';
  return description.includes('?reason=authfailed') ? 'wrong user or password' : description;
}
