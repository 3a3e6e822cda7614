import type { Session } from './session.ts';
import type { StreamPath } from './stream-path.ts';
import type { StreamRegistry } from './stream-registry.ts';

/** Who knows the registry, if there is one. */
export interface ClaimHost {
  readonly registry: StreamRegistry | null;
}

/** What a broadcast holds of its path in the registry; without a registry nothing, and nobody is asked. */
export class Claim {
  readonly #host: ClaimHost;
  readonly #streamPath: StreamPath;
  #pending = 0;
  #isHeld = false;

  constructor(host: ClaimHost, streamPath: StreamPath) {
    this.#host = host;
    this.#streamPath = streamPath;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** @throws BusyError when another process keeps the path. */
  async take(session: Session): Promise<void> {
    const { registry } = this.#host;
    if (registry === null || session.internal) return;
    this.#pending++;
    try {
      await registry.claim(this.#streamPath, session);
      this.#isHeld = true;
    } finally {
      this.#pending--;
    }
  }

  announce(): void {
    if (this.#isHeld) this.#host.registry?.announce(this.#streamPath);
  }

  /** Gives the path back, unless it is being claimed for somebody else here. */
  release(): void {
    if (!this.#isHeld || this.#pending > 0) return;
    this.#isHeld = false;
    this.#host.registry?.release(this.#streamPath);
  }

  /** Another process has the path now. */
  lose(): void {
    this.#isHeld = false;
  }
}
