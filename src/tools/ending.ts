import type { NmsError } from '../errors.ts';

/** Why a connection is over; the first reason counts. */
export class Ending {
  readonly #settled = Promise.withResolvers<NmsError>();
  #reason: NmsError | null = null;

  /** `null` while it is not over. */
  get reason(): NmsError | null {
    return this.#reason;
  }

  /** Resolves with the reason. */
  get settled(): Promise<NmsError> {
    return this.#settled.promise;
  }

  /** Says why it is over; later reasons are not heard. */
  because(reason: NmsError): void {
    this.#reason ??= reason;
    this.#settled.resolve(this.#reason);
  }
}
