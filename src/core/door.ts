import { createServer, type Server, type Socket } from 'node:net';
import { type Listener, listen } from './listener.ts';
import type { Logger } from './logger.ts';

/** How long a connection that came in may be silent before the system asks whether its peer is there. */
const KEEP_ALIVE_MS = 30_000;

const ignore = () => {};

/** What a listening socket needs to know. */
export interface DoorOptions {
  readonly name: Listener['name'];
  readonly host: string;
  readonly port: number;
  readonly logger: Logger;
  /** May a peer end its side and still be answered? */
  readonly allowHalfOpen?: boolean;
  /** Is the connection read in another process? */
  readonly pauseOnConnect?: boolean;
}

/** A listening socket. Who comes before `start` is held; who came in stays when it closes. */
export class Door {
  readonly listener: Listener;
  readonly #server: Server;
  readonly #held = new Set<Socket>();
  #onSocket: ((socket: Socket) => void) | null = null;

  private constructor(server: Server, listener: Listener) {
    this.#server = server;
    this.listener = listener;
    server.on('connection', (socket) => this.#arrive(socket));
  }

  /** @throws ListenError */
  static async open({ name, host, port, logger, ...socketOptions }: DoorOptions): Promise<Door> {
    const server = createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      ...socketOptions,
    });
    const door = new Door(server, await listen(server, name, host, port));
    server.on('error', (error) => logger.error({ err: error }, `the ${name} listener failed`));
    return door;
  }

  /** Lets everybody in, first those who came before. */
  start(onSocket: (socket: Socket) => void): void {
    this.#onSocket = onSocket;
    for (const socket of this.#held) {
      socket.off('error', ignore);
      if (!socket.destroyed) onSocket(socket);
    }
    this.#held.clear();
  }

  /** Lets nobody in any more; cuts those who were held. Idempotent. */
  close(): void {
    this.#server.close();
    for (const socket of this.#held) socket.destroy();
    this.#held.clear();
  }

  #arrive(socket: Socket): void {
    if (this.#onSocket !== null) return this.#onSocket(socket);
    // One that fails while it is held closes, too.
    socket.on('error', ignore);
    this.#held.add(socket);
  }
}
