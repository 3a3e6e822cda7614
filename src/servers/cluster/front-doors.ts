import type { Socket } from 'node:net';
import { resolve } from 'node:path';
import { Certificate } from '../../core/certificate.ts';
import type { CertificatePair } from '../../core/certificate-pair.ts';
import { type PreparedChange, prepareAll } from '../../core/change.ts';
import { doorNames } from '../../core/config-schema.ts';
import type { Context } from '../../core/context.ts';
import { Door } from '../../core/door.ts';
import type { DoorSection } from '../../core/doorway.ts';
import type { Listener } from '../../core/listener.ts';
import type { DoorName } from './messages.ts';

/** The sections of the configuration that open a door. */
export type DoorSections = ReadonlyMap<DoorName, DoorSection>;

export interface FrontDoorEvents {
  readonly onSocket: (socket: Socket, door: DoorName) => void;
  readonly onCertificate: (door: DoorName, pair: CertificatePair) => void;
}

/** A door that is open. */
interface OpenDoor {
  readonly section: DoorSection;
  readonly bind: string;
  readonly door: Door;
  readonly certificate: Certificate | null;
}

function isSecure(name: DoorName): boolean {
  return name === 'rtmps' || name === 'https';
}

/** The primary's listeners: every connection is accepted here and read nowhere but in its worker. */
export class FrontDoors {
  readonly #context: Context;
  readonly #events: FrontDoorEvents;
  readonly #open = new Map<DoorName, OpenDoor>();

  constructor(context: Context, events: FrontDoorEvents) {
    this.#context = context;
    this.#events = events;
  }

  get listeners(): readonly Listener[] {
    return doorNames.flatMap((name) => this.#open.get(name)?.door.listener ?? []);
  }

  /** The pairs of the TLS doors, as they are now. */
  get certificates(): Partial<Record<DoorName, CertificatePair>> {
    const pairs = [...this.#open].flatMap(([name, { certificate }]) => {
      if (certificate === null) return [];
      const { key, cert } = certificate.current();
      return [[name, { key, cert }]];
    });
    return Object.fromEntries(pairs) as Partial<Record<DoorName, CertificatePair>>;
  }

  /**
   * Opens what the sections ask for, and lets nobody in yet.
   * @throws ListenError or ConfigError when a door stays shut; then nothing has changed.
   */
  prepare(sections: DoorSections, bind: string): Promise<PreparedChange> {
    const gone = [...this.#open.keys()].filter((name) => !sections.has(name));
    return prepareAll([
      ...gone.map((name) => async () => this.#prepareEnd(name)),
      ...[...sections].map(
        ([name, section]) =>
          () =>
            this.#prepare(name, section, bind),
      ),
    ]);
  }

  /** Lets nobody in any more. Idempotent. */
  close(): void {
    for (const name of [...this.#open.keys()]) this.#end(name);
  }

  async #prepare(name: DoorName, section: DoorSection, bind: string): Promise<PreparedChange | null> {
    const before = this.#open.get(name);
    const isMoved = before === undefined || before.section.port !== section.port || before.bind !== bind;
    const isSame = before?.section.key === section.key && before?.section.cert === section.cert;
    const isSigned = isSecure(name) && (before === undefined || !isSame);
    if (!isMoved && !isSigned) return null;
    const certificate = isSigned ? await this.#load(name, section) : (before?.certificate ?? null);
    let door = before?.door;
    try {
      if (isMoved || door === undefined) door = await this.#openDoor(name, section.port, bind);
    } catch (error) {
      if (isSigned) certificate?.close();
      throw error;
    }
    const next: OpenDoor = { section, bind, door, certificate };
    const moved = { name, from: before?.door.listener.address ?? null, to: door.listener.address };
    return {
      doors: isMoved ? [moved] : [],
      commit: () => this.#use(name, next, before),
      cancel: () => {
        if (isSigned) certificate?.close();
        if (isMoved) next.door.close();
      },
    };
  }

  #use(name: DoorName, next: OpenDoor, before: OpenDoor | undefined): void {
    this.#open.set(name, next);
    if (before?.certificate !== next.certificate) {
      before?.certificate?.close();
      next.certificate?.onChange(({ key, cert }) => this.#events.onCertificate(name, { key, cert }));
    }
    if (before?.door === next.door) return;
    before?.door.close();
    // The workers are told of the door before anybody who came through it is handed over.
    queueMicrotask(() => next.door.start((socket) => this.#events.onSocket(socket, name)));
  }

  #prepareEnd(name: DoorName): PreparedChange {
    const from = this.#open.get(name)?.door.listener.address ?? null;
    return { doors: [{ name, from, to: null }], commit: () => this.#end(name), cancel: () => {} };
  }

  /** That all connections have ended is for the workers to say. */
  #end(name: DoorName): void {
    const open = this.#open.get(name);
    this.#open.delete(name);
    open?.door.close();
    open?.certificate?.close();
  }

  #load(name: DoorName, { key, cert }: DoorSection): Promise<Certificate> {
    const { config, folder, logger } = this.#context;
    return Certificate.load({ name, key, cert, folder, dataFolder: resolve(folder, config.store.path), logger });
  }

  #openDoor(name: DoorName, port: number, host: string): Promise<Door> {
    return Door.open({ name, host, port, logger: this.#context.logger, pauseOnConnect: true });
  }
}
