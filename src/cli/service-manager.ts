import { execFile } from 'node:child_process';
import type { Logger } from '../core/logger.ts';
import type { Listener } from '../index.ts';

/** How long telling it may take; it is a datagram to a local socket. */
const TELL_MS = 5_000;

/**
 * systemd, for a service of `Type=notify`, which names its socket in `NOTIFY_SOCKET`; without that nothing is told. Node has no
 * sockets of that kind, so `systemd-notify` tells it, which every system with systemd has.
 */
export class ServiceManager {
  readonly #isThere: boolean;
  readonly #logger: Logger;

  constructor(environment: Readonly<Record<string, string | undefined>>, logger: Logger) {
    this.#isThere = (environment['NOTIFY_SOCKET'] ?? '') !== '';
    this.#logger = logger;
  }

  /** All doors are open. */
  ready(listeners: readonly Listener[]): void {
    const doors = listeners.map(({ name, address }) => `${name} ${address}`).join(', ');
    this.#tell('READY=1', `STATUS=serves: ${doors}`);
  }

  stopping(): void {
    this.#tell('STOPPING=1', 'STATUS=stops');
  }

  #tell(...words: readonly string[]): void {
    if (!this.#isThere) return;
    // Not its flags: --stopping is known from systemd 253 on.
    execFile('systemd-notify', words, { timeout: TELL_MS }, (error) => {
      if (error === null) return;
      const message = 'systemd was not told: systemd-notify failed; a service of Type=exec needs none';
      this.#logger.warn({ err: error, words }, message);
    });
  }
}
