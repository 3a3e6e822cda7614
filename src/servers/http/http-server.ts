import type { Server as NetServer, Socket } from 'node:net';
import { resolve } from 'node:path';
import type { Context } from '../../core/context.ts';
import type { DoorCertificate } from '../../core/doors.ts';
import { Entrance } from '../../core/entrance.ts';
import type { Listener } from '../../core/listener.ts';
import type { Server } from '../../core/server.ts';
import { ClosedError } from '../../errors.ts';
import { readProxyHeader } from '../../protocols/proxy/proxy-header.ts';
import { createApplication } from './application.ts';
import { Attachment } from './attachment.ts';
import type { HttpConfig, HttpsConfig } from './config.ts';
import { Dispatcher } from './dispatcher.ts';
import { createPlainDoor, createSecureDoor } from './doors.ts';

/** How long connections may take to end by themselves once the server stops. */
const DRAIN_MS = 1000;

export interface HttpServerConfig {
  readonly http?: HttpConfig | undefined;
  readonly https?: HttpsConfig | undefined;
}

/** The HTTP and HTTPS listeners: HTTP/1.0, 1.1 and 2, WebSockets; what comes in goes to the media routes and the application. */
export class HttpServer implements Server {
  readonly #context: Context;
  readonly #config: HttpServerConfig;
  readonly #entrance: Entrance;
  readonly #sockets = new Set<Socket>();
  readonly #doors: NetServer[] = [];
  readonly #listeners: Listener[] = [];
  #certificate: DoorCertificate | null = null;
  #attachment: Attachment | null = null;

  constructor(context: Context, config: HttpServerConfig) {
    this.#context = context;
    this.#config = config;
    this.#entrance = new Entrance(context, readProxyHeader);
  }

  /** The open doors, in the order in which they were opened. */
  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /** @throws ListenError when a door stays shut; those that were open are closed again. */
  async run(): Promise<void> {
    const { http, https } = this.#config;
    const application = this.#context.application ?? createApplication(this.#context);
    const dispatcher = new Dispatcher(this.#context, application);
    try {
      if (http?.server !== undefined) {
        this.#attachment = new Attachment(http.server, this.#context, dispatcher, http.path);
        this.#attachment.attach();
      } else if (http !== undefined) {
        await this.#open('http', createPlainDoor(this.#context.config.limits), http.port, dispatcher);
      }
      if (https !== undefined) await this.#openSecure(https, dispatcher);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#attachment?.detach();
    this.#attachment = null;
    this.#certificate?.close();
    this.#certificate = null;
    this.#listeners.length = 0;
    const doors = this.#doors.splice(0);
    const closed = doors.map((door) => this.#context.doors.close(door));
    this.#entrance.close();
    this.#endSessions();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, DRAIN_MS);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  /** Players that wait for a stream, and whoever else is still here. */
  #endSessions(): void {
    for (const session of [...this.#context.sessions.values()]) {
      if (/^(http|ws)/.test(session.protocol)) session.close(new ClosedError('the server is stopping'));
    }
  }

  async #openSecure(config: HttpsConfig, dispatcher: Dispatcher): Promise<void> {
    const certificate = await this.#context.doors.certificate({
      key: config.key,
      cert: config.cert,
      folder: this.#context.folder,
      name: 'https',
      dataFolder: resolve(this.#context.folder, this.#context.config.store.path),
      logger: this.#context.logger,
    });
    this.#certificate = certificate;
    const door = createSecureDoor(certificate.current(), this.#context.config.limits);
    // Connections that are open keep the certificate they began with.
    certificate.onChange((pair) => door.setSecureContext({ ...pair, minVersion: 'TLSv1.2' }));
    await this.#open('https', door, config.port, dispatcher);
  }

  async #open(name: Listener['name'], door: NetServer, port: number, dispatcher: Dispatcher): Promise<void> {
    door.on('connection', (socket: Socket) => this.#admit(socket));
    door.on('request', dispatcher.request);
    door.on('checkContinue', dispatcher.checkContinue);
    door.on('upgrade', dispatcher.upgrade);
    door.on('clientError', dispatcher.clientError);
    door.on('tlsClientError', (error: Error) => {
      this.#context.logger.debug({ err: error }, 'a TLS handshake failed');
    });
    this.#entrance.guard(door);
    const { config, doors } = this.#context;
    const listener = await doors.open(door, name, config.bind, port);
    door.on('error', (error) => this.#context.logger.error({ err: error }, `the ${name} listener failed`));
    this.#doors.push(door);
    this.#listeners.push(listener);
  }

  #admit(socket: Socket): void {
    if (!this.#context.connections.admit(socket)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
