import type { Server, Socket } from 'node:net';
import { Certificate, type CertificateOptions, type CertificatePair } from './certificate.ts';
import { Door } from './door.ts';
import type { Listener } from './listener.ts';
import type { Logger } from './logger.ts';

/** The pair of one TLS door: the one in use, and those that follow it. */
export interface DoorCertificate {
  current(): CertificatePair;
  /** Calls `listener` with each new pair; returns what ends that. */
  onChange(listener: (pair: CertificatePair) => void): () => void;
  close(): void;
}

/** A door that is open and lets nobody in yet; one of `commit` and `cancel` is called, once. */
export interface PreparedDoor {
  readonly listener: Listener;
  /** Lets connections in, in place of the server's door so far; those that came through that one stay. */
  commit(): void;
  cancel(): void;
}

/**
 * Who lets connections in. A process on its own listens itself; one of several is handed connections by the process that
 * has the doors open. The servers behind them listen to nothing; they get `connection` events.
 */
export interface Doors {
  /**
   * Opens a door for `server`.
   * @throws ListenError when it stays shut.
   */
  prepare(server: Server, name: Listener['name'], host: string, port: number): Promise<PreparedDoor>;
  /** Lets nobody in any more; resolves when every connection of `server` has ended. */
  close(server: Server): Promise<void>;
  /**
   * A proxy has said for whom it connected: is there room for one more connection of that address? Not asked where the
   * connections of the whole server are counted by `ConnectionLimits` of this process.
   * @throws LimitError when there is none.
   */
  named?(socket: Socket, address: string): Promise<void>;
  /** @throws ConfigError when there is no pair that can be used. */
  certificate(options: CertificateOptions): Promise<DoorCertificate>;
}

/** What a server that never listens itself is told of, and how its connections are followed. */
export class Guests {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isOpen = false;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Node's HTTP servers begin to watch over their timeouts with this event. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#server.emit('listening');
  }

  welcome(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#server.emit('connection', socket);
  }

  /** Idle HTTP connections end; resolves when all have. */
  async close(): Promise<void> {
    // It never listened, and says so in vain.
    this.#server.close(() => {});
    await Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  }
}

interface OwnDoor {
  readonly guests: Guests;
  door: Door;
}

/** The doors of a process on its own. */
export class OwnDoors implements Doors {
  readonly #logger: Logger;
  readonly #doors = new Map<Server, OwnDoor>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  async prepare(server: Server, name: Listener['name'], host: string, port: number): Promise<PreparedDoor> {
    const allowHalfOpen = 'allowHalfOpen' in server && server.allowHalfOpen === true;
    const door = await Door.open({ name, host, port, logger: this.#logger, allowHalfOpen });
    return { listener: door.listener, commit: () => this.#use(server, door), cancel: () => door.close() };
  }

  async close(server: Server): Promise<void> {
    const own = this.#doors.get(server);
    if (own === undefined) return;
    this.#doors.delete(server);
    own.door.close();
    await own.guests.close();
  }

  certificate(options: CertificateOptions): Promise<DoorCertificate> {
    return Certificate.load(options);
  }

  #use(server: Server, door: Door): void {
    const own = this.#doors.get(server) ?? { guests: new Guests(server), door };
    if (own.door !== door) own.door.close();
    own.door = door;
    this.#doors.set(server, own);
    own.guests.open();
    door.start((socket) => own.guests.welcome(socket));
  }
}
