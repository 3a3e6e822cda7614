import type { Server, Socket } from 'node:net';
import type { CertificateOptions, CertificatePair } from '../../core/certificate.ts';
import { type DoorCertificate, type Doors, Guests, type PreparedDoor } from '../../core/doors.ts';
import type { Listener } from '../../core/listener.ts';
import { ConfigError } from '../../errors.ts';
import type { DoorName, HandedState, ToPrimary } from './messages.ts';

/** A pair that the primary keeps up to date. */
class HandedCertificate implements DoorCertificate {
  #pair: CertificatePair;
  readonly #listeners = new Set<(pair: CertificatePair) => void>();

  constructor(pair: CertificatePair) {
    this.#pair = pair;
  }

  current(): CertificatePair {
    return this.#pair;
  }

  onChange(listener: (pair: CertificatePair) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
  }

  change(pair: CertificatePair): void {
    this.#pair = pair;
    for (const listener of this.#listeners) listener(pair);
  }
}

/** Asks the primary something under a number; rejects with its no. */
export type AskPrimary = (message: (question: number) => ToPrimary) => Promise<unknown>;

interface Door {
  readonly server: Server;
  readonly guests: Guests;
}

/** The doors of a worker: the primary has them open, and hands over the connections. */
export class HandedDoors implements Doors {
  #listeners: readonly Listener[] = [];
  readonly #certificates = new Map<string, HandedCertificate>();
  readonly #doors = new Map<DoorName, Door>();
  readonly #send: (message: ToPrimary) => void;
  readonly #ask: AskPrimary;
  /** The primary's number of each connection. */
  readonly #numbers = new WeakMap<Socket, number>();

  constructor(state: HandedState, send: (message: ToPrimary) => void, ask: AskPrimary) {
    this.#send = send;
    this.#ask = ask;
    this.learn(state);
  }

  /** What the primary has open now. */
  learn({ listeners, certificates }: HandedState): void {
    this.#listeners = listeners;
    for (const [name, pair] of Object.entries(certificates)) {
      const known = this.#certificates.get(name);
      if (known === undefined) this.#certificates.set(name, new HandedCertificate(pair));
      else known.change(pair);
    }
  }

  async prepare(server: Server, name: DoorName): Promise<PreparedDoor> {
    const listener = this.#listeners.find((candidate) => candidate.name === name);
    if (listener === undefined) throw new TypeError(`the primary has no door called ${name}`);
    const use = () => {
      if (this.#doors.get(name)?.server === server) return;
      const guests = new Guests(server);
      this.#doors.set(name, { server, guests });
      guests.open();
    };
    return { listener, commit: use, cancel: () => {} };
  }

  async close(server: Server): Promise<void> {
    for (const [name, door] of this.#doors) {
      if (door.server !== server) continue;
      this.#doors.delete(name);
      await door.guests.close();
    }
  }

  /** All connections are counted in the primary. */
  async named(socket: Socket, address: string): Promise<void> {
    const number = this.#numbers.get(socket);
    if (number !== undefined) await this.#ask((question) => ({ kind: 'named', question, socket: number, address }));
  }

  async certificate({ name }: CertificateOptions): Promise<DoorCertificate> {
    const certificate = this.#certificates.get(name);
    if (certificate === undefined) throw new ConfigError(`${name}.cert`, `the primary has no certificate for ${name}`);
    return certificate;
  }

  /** A connection; `undefined` when its peer had gone before it arrived. */
  welcome(name: DoorName, id: number, socket: Socket | undefined): void {
    const door = this.#doors.get(name);
    if (socket === undefined || door === undefined) {
      socket?.destroy();
      this.#send({ kind: 'gone', socket: id });
      return;
    }
    this.#send({ kind: 'took', socket: id });
    this.#numbers.set(socket, id);
    socket.once('close', () => this.#send({ kind: 'gone', socket: id }));
    // A listener makes its sockets as its server wants them; HTTP clients may say all they have to say and only listen.
    if ('allowHalfOpen' in door.server) socket.allowHalfOpen = door.server.allowHalfOpen === true;
    door.guests.welcome(socket);
  }

  change(name: DoorName, pair: CertificatePair): void {
    this.#certificates.get(name)?.change(pair);
  }
}
