import type { Server as NetServer } from 'node:net';
import { resolve } from 'node:path';
import type { CertificatePair } from './certificate.ts';
import { type PreparedChange, prepareAll } from './change.ts';
import type { CoreConfig } from './config.ts';
import type { Context } from './context.ts';
import type { DoorCertificate } from './doors.ts';
import type { Listener } from './listener.ts';

/** A section of the configuration that opens a door. */
export interface DoorSection {
  readonly port: number;
  readonly key?: string | undefined;
  readonly cert?: string | undefined;
}

/** What a doorway does. */
export interface DoorwayOptions {
  readonly name: Listener['name'];
  readonly isSecure: boolean;
  /** Makes what speaks to those who come in; it does not listen itself. `pair`: of a TLS door. */
  create(pair: CertificatePair | null): NetServer;
}

interface Held {
  readonly certificate: DoorCertificate;
  readonly forget: () => void;
}

interface Secure {
  setSecureContext(options: { readonly key: string | Buffer; readonly cert: string | Buffer }): void;
}

/** The place of one door: open, shut, or moved elsewhere as its section in the configuration says. */
export class Doorway {
  readonly #context: Context;
  readonly #options: DoorwayOptions;
  #section: DoorSection | undefined;
  #bind = '';
  #server: NetServer | null = null;
  #held: Held | null = null;
  #listener: Listener | null = null;
  readonly #ending = new Set<Promise<void>>();

  constructor(context: Context, options: DoorwayOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** `null`: it is shut. */
  get listener(): Listener | null {
    return this.#listener;
  }

  /** @throws ListenError, ConfigError */
  async open(section: DoorSection | undefined): Promise<void> {
    await (await this.prepare(section, this.#context.config))?.commit();
  }

  /**
   * Opens what the section asks for, and lets nobody in yet; `null`: all is as it should be.
   * @throws ListenError, ConfigError; then nothing has changed.
   */
  async prepare(section: DoorSection | undefined, { bind }: CoreConfig): Promise<PreparedChange | null> {
    const before = this.#section;
    if (section === undefined) return before === undefined ? null : this.#prepareEnd();
    const isNew = before === undefined;
    const isMoved = isNew || before.port !== section.port || this.#bind !== bind;
    const isSigned = this.#options.isSecure && (isNew || before.key !== section.key || before.cert !== section.cert);
    if (!isMoved && !isSigned) return null;
    const next: { pair: CertificatePair | null; server: NetServer | null } = { pair: null, server: this.#server };
    const change = await prepareAll([
      async () => {
        if (!isSigned) return null;
        const certificate = await this.#load(section);
        next.pair = certificate.current();
        return { commit: () => this.#hold(certificate, next.server), cancel: () => certificate.close() };
      },
      async () => {
        if (!isMoved) return null;
        next.server ??= this.#options.create(next.pair);
        return this.#prepareDoor(next.server, section.port, bind);
      },
    ]);
    return {
      ...change,
      commit: () => {
        this.#section = section;
        this.#bind = bind;
        return change.commit();
      },
    };
  }

  /** Lets nobody in any more; who is in stays. Idempotent. */
  shut(): void {
    this.#end();
  }

  /** Shuts it; resolves when all connections have ended, also those of doors that were shut before. */
  async close(): Promise<void> {
    this.#end();
    await Promise.all(this.#ending);
  }

  async #prepareDoor(server: NetServer, port: number, bind: string): Promise<PreparedChange> {
    const door = await this.#context.doors.prepare(server, this.#options.name, bind, port);
    const from = this.#listener?.address ?? null;
    return {
      doors: [{ name: this.#options.name, from, to: door.listener.address }],
      commit: () => {
        this.#server = server;
        this.#listener = door.listener;
        door.commit();
      },
      cancel: () => door.cancel(),
    };
  }

  #prepareEnd(): PreparedChange {
    const from = this.#listener?.address ?? null;
    return { doors: [{ name: this.#options.name, from, to: null }], commit: () => this.#end(), cancel: () => {} };
  }

  #end(): void {
    this.#section = undefined;
    this.#listener = null;
    this.#held?.forget();
    this.#held?.certificate.close();
    this.#held = null;
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const ending = this.#context.doors.close(server);
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }

  #load({ key, cert }: DoorSection): Promise<DoorCertificate> {
    const { config, doors, folder, logger } = this.#context;
    const dataFolder = resolve(folder, config.store.path);
    return doors.certificate({ key, cert, name: this.#options.name, folder, dataFolder, logger });
  }

  /** Connections that are open keep the certificate they began with. */
  #hold(certificate: DoorCertificate, server: NetServer | null): void {
    const before = this.#held;
    before?.forget();
    const use = ({ key, cert }: CertificatePair) => (server as unknown as Secure).setSecureContext({ key, cert });
    if (before !== null) use(certificate.current());
    this.#held = { certificate, forget: certificate.onChange(use) };
    if (before !== null && before.certificate !== certificate) before.certificate.close();
  }
}
