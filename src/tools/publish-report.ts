import { readableBytes, readableClock, readableRate } from './readable.ts';
import type { ToolOptions } from './tool-options.ts';

/** More bytes that wait than this are worth a word. */
const SLOW_BYTES = 256 * 1024;
const STATUS_INTERVAL_MS = 1000;

/** What was sent so far, and what of it was told. */
export class PublishReport {
  readonly #options: ToolOptions;
  readonly #startedAt = performance.now();
  #bytes = 0;
  #toldAt = this.#startedAt;
  #toldBytes = 0;

  constructor(options: ToolOptions) {
    this.#options = options;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Shows the state, once a second. */
  tell(pending: number): void {
    const now = performance.now();
    if (now - this.#toldAt < STATUS_INTERVAL_MS) return;
    const rate = readableRate(((this.#bytes - this.#toldBytes) * 8000) / (now - this.#toldAt));
    const slow = pending > SLOW_BYTES ? `, network too slow: ${readableBytes(pending)} wait` : '';
    const line = `${readableClock(this.elapsedMs)}  ${rate}  ${readableBytes(this.#bytes)}${slow}`;
    (this.#options.status ?? this.#options.print)(line);
    this.#toldAt = now;
    this.#toldBytes = this.#bytes;
  }

  summary(): string {
    return `published ${(this.elapsedMs / 1000).toFixed(1)} s, ${readableBytes(this.#bytes)}`;
  }
}
