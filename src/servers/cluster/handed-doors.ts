import type { Server, Socket } from 'node:net';
import type { CertificateOptions, CertificatePair } from '../../core/certificate.ts';
import type { DoorCertificate, Doors } from '../../core/doors.ts';
import type { Listener } from '../../core/listener.ts';
import { ConfigError } from '../../errors.ts';
import type { DoorName, StartMessage, ToPrimary } from './messages.ts';

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
  readonly sockets: Set<Socket>;
}

/** The doors of a worker: the primary has them open, and hands over the connections. */
export class HandedDoors implements Doors {
  readonly #listeners: readonly Listener[];
  readonly #certificates = new Map<string, HandedCertificate>();
  readonly #doors = new Map<DoorName, Door>();
  readonly #send: (message: ToPrimary) => void;
  readonly #ask: AskPrimary;
  /** The primary's number of each connection. */
  readonly #numbers = new WeakMap<Socket, number>();

  constructor(
    start: Pick<StartMessage, 'listeners' | 'certificates'>,
    send: (message: ToPrimary) => void,
    ask: AskPrimary,
  ) {
    this.#listeners = start.listeners;
    for (const [name, pair] of Object.entries(start.certificates)) {
      this.#certificates.set(name, new HandedCertificate(pair));
    }
    this.#send = send;
    this.#ask = ask;
  }

  async open(server: Server, name: DoorName): Promise<Listener> {
    const listener = this.#listeners.find((candidate) => candidate.name === name);
    if (listener === undefined) throw new TypeError(`the primary has no door called ${name}`);
    this.#doors.set(name, { server, sockets: new Set() });
    // Node's HTTP servers begin to watch over their timeouts with this event.
    server.emit('listening');
    return listener;
  }

  async close(server: Server): Promise<void> {
    for (const [name, door] of this.#doors) {
      if (door.server !== server) continue;
      this.#doors.delete(name);
      // Idle HTTP connections end with it; it never listened, and says so in vain.
      server.close(() => {});
      await allClosed(door.sockets);
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
    door.sockets.add(socket);
    this.#numbers.set(socket, id);
    socket.once('close', () => {
      door.sockets.delete(socket);
      this.#send({ kind: 'gone', socket: id });
    });
    // A listener makes its sockets as its server wants them; HTTP clients may say all they have to say and only listen.
    if ('allowHalfOpen' in door.server) socket.allowHalfOpen = door.server.allowHalfOpen === true;
    door.server.emit('connection', socket);
  }

  change(name: DoorName, pair: CertificatePair): void {
    this.#certificates.get(name)?.change(pair);
  }
}

async function allClosed(sockets: ReadonlySet<Socket>): Promise<void> {
  await Promise.all([...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
}
