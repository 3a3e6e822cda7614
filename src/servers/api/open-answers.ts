import type { Response } from 'express';
import type { Claims } from './claims.ts';
import type { Tokens } from './tokens.ts';

/** Answers that go on for long, such as events: each ends when its token is revoked, or its user is gone or gets another password. */
export class OpenAnswers {
  readonly #tokens: Tokens;
  readonly #answers = new Map<Response, Claims>();

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  get size(): number {
    return this.#answers.size;
  }

  add(response: Response, claims: Claims): void {
    this.#answers.set(response, claims);
    response.once('close', () => this.#answers.delete(response));
  }

  /** To be called about once a second. */
  check(): void {
    for (const [response, claims] of this.#answers) {
      if (this.#tokens.standingOf(claims) !== null) response.destroy();
    }
  }
}
