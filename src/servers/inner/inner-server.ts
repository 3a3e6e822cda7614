import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Context } from '../../core/context.ts';
import type { Server } from '../../core/server.ts';
import { ClosedError, ListenError } from '../../errors.ts';
import { InnerConnection } from './inner-connection.ts';

/** Connections that may be open without having shown the token. */
export const MAX_UNKNOWN = 256;
/** How long connections may take to end at `stop` before they are cut. */
const STOP_TIMEOUT_MS = 2_000;

/** What an `InnerServer` is made of. */
export interface InnerServerOptions {
  readonly context: Context;
  /** The socket's file, in a folder of ours, or the name of a pipe. */
  readonly path: string;
  /** What every process of this server knows and nobody else. */
  readonly token: string;
}

/** Gives the streams that are published in this process to the other processes of this server. */
export class InnerServer implements Server {
  readonly #options: InnerServerOptions;
  readonly #server: NetServer;
  readonly #connections = new Map<Socket, InnerConnection>();

  constructor(options: InnerServerOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#welcome(socket));
  }

  /** @throws ListenError */
  run(): Promise<void> {
    const { path } = this.#options;
    return new Promise((resolve, reject) => {
      const onError = (error: Error) => {
        reject(new ListenError(path, `the inner server cannot listen on ${path}: ${error.message}`, { cause: error }));
      };
      this.#server.once('error', onError);
      this.#server.listen(path, () => {
        this.#server.off('error', onError);
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    const cut = setTimeout(() => this.#cut(), STOP_TIMEOUT_MS);
    if (this.#server.listening) {
      const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
      for (const connection of this.#connections.values()) connection.close(new ClosedError('the server is stopping'));
      await closed;
    }
    clearTimeout(cut);
    this.#cut();
  }

  #cut(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #welcome(socket: Socket): void {
    const unknown = [...this.#connections.values()].filter(({ hasAsked }) => !hasAsked).length;
    if (unknown >= MAX_UNKNOWN) {
      this.#options.context.logger.warn({ unknown }, `${unknown} inner connections have not said who they are`);
      socket.destroy();
      return;
    }
    this.#connections.set(socket, new InnerConnection(this.#options.context, socket, this.#options.token));
    socket.once('close', () => this.#connections.delete(socket));
  }
}
