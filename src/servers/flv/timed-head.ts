import type { OutgoingHttpHeaders } from 'node:http';
import { encodeHead } from './answer.ts';

/** The head of a message that many get, made anew when its `Date` is another. */
export class TimedHead {
  readonly #status: number;
  readonly #headers: OutgoingHttpHeaders;
  readonly #clock: () => number;
  #second = Number.NaN;
  #bytes: Buffer = Buffer.alloc(0);

  /** @param clock Unix milliseconds */
  constructor(status: number, headers: OutgoingHttpHeaders, clock: () => number = Date.now) {
    this.#status = status;
    this.#headers = headers;
    this.#clock = clock;
  }

  /** Shared by all who ask within a second. */
  now(): Buffer {
    const at = this.#clock();
    const second = Math.floor(at / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#bytes = encodeHead(this.#status, { Date: new Date(at).toUTCString(), ...this.#headers });
    }
    return this.#bytes;
  }
}
