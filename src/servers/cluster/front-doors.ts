import { createServer, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { Certificate } from '../../core/certificate.ts';
import type { CertificatePair } from '../../core/certificate-pair.ts';
import type { Context } from '../../core/context.ts';
import { type Listener, listen } from '../../core/listener.ts';
import type { DoorName } from './messages.ts';

/** A section of the configuration that opens a door. */
export interface DoorConfig {
  readonly name: DoorName;
  readonly port: number;
  readonly key?: string | undefined;
  readonly cert?: string | undefined;
}

export interface FrontDoorEvents {
  readonly onSocket: (socket: Socket, door: DoorName) => void;
  readonly onCertificate: (door: DoorName, pair: CertificatePair) => void;
}

const KEEP_ALIVE_MS = 30_000;

function isSecure(name: DoorName): boolean {
  return name === 'rtmps' || name === 'https';
}

/** The primary's listeners: every connection is accepted here and read nowhere but in its worker. */
export class FrontDoors {
  readonly #context: Context;
  readonly #configs: readonly DoorConfig[];
  readonly #events: FrontDoorEvents;
  readonly #servers: Server[] = [];
  readonly #certificates = new Map<DoorName, Certificate>();
  #listeners: Listener[] = [];

  constructor(context: Context, configs: readonly DoorConfig[], events: FrontDoorEvents) {
    this.#context = context;
    this.#configs = configs;
    this.#events = events;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /** The pairs of the TLS doors, as they are now. */
  get certificates(): Partial<Record<DoorName, CertificatePair>> {
    const pairs = [...this.#certificates].map(([name, certificate]) => {
      const { key, cert } = certificate.current();
      return [name, { key, cert }];
    });
    return Object.fromEntries(pairs) as Partial<Record<DoorName, CertificatePair>>;
  }

  /** @throws ListenError or ConfigError when a door stays shut; `close` shuts the others. */
  async open(): Promise<void> {
    for (const config of this.#configs) {
      if (isSecure(config.name)) await this.#loadCertificate(config);
      await this.#open(config);
    }
  }

  /** Lets nobody in any more. Idempotent. */
  close(): void {
    this.#listeners = [];
    for (const certificate of this.#certificates.values()) certificate.close();
    this.#certificates.clear();
    // That all connections have ended is for the workers to say.
    for (const server of this.#servers.splice(0)) server.close();
  }

  async #loadCertificate({ name, key, cert }: DoorConfig): Promise<void> {
    const { config, folder, logger } = this.#context;
    const dataFolder = resolve(folder, config.store.path);
    const certificate = await Certificate.load({ name, key, cert, folder, dataFolder, logger });
    this.#certificates.set(name, certificate);
    certificate.onChange((pair) => this.#events.onCertificate(name, { key: pair.key, cert: pair.cert }));
  }

  async #open({ name, port }: DoorConfig): Promise<void> {
    const { config, logger } = this.#context;
    const server = createServer({
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: config.limits.pingIntervalMs || KEEP_ALIVE_MS,
    });
    server.on('connection', (socket) => this.#events.onSocket(socket, name));
    this.#servers.push(server);
    const listener = await listen(server, name, config.bind, port);
    server.on('error', (error) => logger.error({ err: error }, `the ${name} listener failed`));
    this.#listeners.push(listener);
  }
}
