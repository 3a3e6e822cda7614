import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { CoreConfig } from '../../core/config.ts';
import { type FailedAttempts, WrongCredentialError } from '../../core/failed-attempts.ts';
import type { Session } from '../../core/session.ts';
import { DeniedError } from '../../errors.ts';
import {
  type AdobeAnswer,
  AdobeChallenges,
  AUTHENTICATION_FAILED,
  isAdobeResponse,
  NEED_AUTHENTICATION,
  readAdobeRequest,
} from '../../protocols/rtmp/adobe-auth.ts';

type Publisher = CoreConfig['auth']['publishers'][number];

const KEY_BYTES = 32;
/** Challenges remembered as answered; each for the half minute that it could be answered again. */
const MAX_ANSWERED = 10_000;

/** Challenges that were answered and are no good any more. */
class Answered {
  readonly #expiries = new Map<string, number>();

  /** @throws DeniedError when it was answered before, or so many were that no other can be remembered. */
  take(id: string, expiresAt: number, now: number): void {
    for (const [known, until] of this.#expiries) {
      if (until > now) break;
      this.#expiries.delete(known);
    }
    if (this.#expiries.has(id)) throw new WrongCredentialError(AUTHENTICATION_FAILED);
    if (this.#expiries.size >= MAX_ANSWERED) throw new DeniedError(AUTHENTICATION_FAILED);
    this.#expiries.set(id, expiresAt);
  }
}

/** User and password over RTMP (authmod=adobe): answers what a connection says of itself until it has shown who it is. */
export class PasswordCheck {
  #publishers: ReadonlyMap<string, Publisher> = new Map();
  readonly #failures: FailedAttempts;
  readonly #challenges = new AdobeChallenges(randomBytes(KEY_BYTES), randomBytes);
  readonly #answered = new Answered();
  /** What the password of an unknown user is compared with. */
  readonly #nobody = randomBytes(KEY_BYTES).toString('base64url');

  constructor(publishers: readonly Publisher[], failures: FailedAttempts) {
    this.#failures = failures;
    this.change(publishers);
  }

  /** Others from now on; who is being asked goes on where he is. */
  change(publishers: readonly Publisher[]): void {
    this.#publishers = new Map(publishers.map((publisher) => [publisher.username, publisher]));
  }

  /**
   * Resolves with the user once he has answered a challenge.
   * @throws DeniedError whose message is the next step of the conversation.
   */
  async signIn(session: Session, query: Readonly<Record<string, string>>): Promise<string> {
    const { address } = session;
    this.#refuseBlocked(address);
    const request = readAdobeRequest(query);
    if (request.step === 'unknown') throw new DeniedError(NEED_AUTHENTICATION);
    const now = performance.now();
    if (request.step === 'named') throw new DeniedError(this.#challenges.issue(request.user, now));
    try {
      this.#check(request.user, request.answer, now);
    } catch (error) {
      session.log('warn', 'a wrong user or password');
      if (error instanceof WrongCredentialError) await this.#failures.punish(session);
      throw error;
    }
    this.#failures.forgive(address);
    session.user = request.user;
    return request.user;
  }

  #refuseBlocked(address: string): void {
    try {
      this.#failures.throwIfBanned(address);
      this.#failures.throwIfBusy(address);
    } catch (cause) {
      throw new DeniedError(AUTHENTICATION_FAILED, { cause });
    }
  }

  #check(user: string, answer: AdobeAnswer, now: number): void {
    const challenge = this.#challenges.open(answer.opaque, user, now);
    if (challenge === null) throw new WrongCredentialError(AUTHENTICATION_FAILED);
    this.#answered.take(challenge.id, challenge.expiresAt, now);
    const publisher = this.#publishers.get(user);
    const secrets = { ...answer, user, salt: challenge.salt, password: publisher?.password ?? this.#nobody };
    if (!isAdobeResponse(secrets, answer.response) || publisher === undefined) {
      throw new WrongCredentialError(AUTHENTICATION_FAILED);
    }
  }
}
