import type { Logger } from '../../core/logger.ts';

/** Lines about refused requests in a second; what hostile clients cause beyond is counted and said in one line. */
const MAX_LINES = 20;

interface Share {
  lines: number;
  unsaid: number;
}

/** Logs requests that were refused or failed, so many a second and no more. */
export class RefusalLog {
  readonly #logger: Logger;
  /** Failures of the server have lines of their own: no client can hide them. */
  readonly #shares: Readonly<Record<'warn' | 'error', Share>> = {
    warn: { lines: 0, unsaid: 0 },
    error: { lines: 0, unsaid: 0 },
  };

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  write(level: 'warn' | 'error', fields: object, message: string): void {
    const share = this.#shares[level];
    if (share.lines < MAX_LINES) {
      share.lines++;
      this.#logger[level](fields, message);
    } else share.unsaid++;
  }

  /** To be called about once a second. */
  tick(): void {
    for (const level of ['warn', 'error'] as const) {
      const share = this.#shares[level];
      if (share.unsaid > 0) {
        const what = level === 'warn' ? 'were refused' : 'failed';
        this.#logger[level]({ requests: share.unsaid }, `API: ${share.unsaid} more requests ${what}`);
      }
      share.lines = 0;
      share.unsaid = 0;
    }
  }
}
