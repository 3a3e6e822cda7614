import type { ServerHttp2Session } from 'node:http2';
import type { Server as NetServer, Socket } from 'node:net';
import { type PreparedChange, prepareAll } from '../../core/change.ts';
import type { CoreConfig } from '../../core/config.ts';
import type { Context } from '../../core/context.ts';
import { type DoorSection, Doorway } from '../../core/doorway.ts';
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
const DRAIN_MS = 2000;

export interface HttpServerConfig {
  readonly http?: HttpConfig | undefined;
  readonly https?: HttpsConfig | undefined;
}

/** The door that we open ourselves: none with somebody else's server. */
function portOf(config: HttpConfig | undefined): DoorSection | undefined {
  return config === undefined || config.server !== undefined ? undefined : config;
}

/** The HTTP and HTTPS listeners: HTTP/1.0, 1.1 and 2, WebSockets; what comes in goes to the media routes and the application. */
export class HttpServer implements Server {
  readonly #context: Context;
  readonly #config: HttpServerConfig;
  readonly #http: Doorway;
  readonly #https: Doorway;
  readonly #entrance: Entrance;
  readonly #sockets = new Set<Socket>();
  #attachment: Attachment | null = null;
  #dispatcher: Dispatcher | null = null;
  readonly #http2 = new Set<ServerHttp2Session>();

  constructor(context: Context, config: HttpServerConfig) {
    this.#context = context;
    this.#config = config;
    this.#entrance = new Entrance(context, readProxyHeader);
    this.#http = new Doorway(context, {
      name: 'http',
      isSecure: false,
      create: () => this.#prepareServer(createPlainDoor(context.config.limits)),
    });
    this.#https = new Doorway(context, {
      name: 'https',
      isSecure: true,
      create: (pair) => this.#prepareServer(createSecureDoor(pair!, () => context.config.limits)),
    });
  }

  get listeners(): readonly Listener[] {
    return [this.#http, this.#https].flatMap(({ listener }) => listener ?? []);
  }

  /** @throws ListenError when a door stays shut; those that were open are closed again. */
  async run(): Promise<void> {
    const { http, https } = this.#config;
    const application = this.#context.application ?? createApplication(this.#context);
    const dispatcher = new Dispatcher(this.#context, application);
    this.#dispatcher = dispatcher;
    try {
      if (http?.server !== undefined) {
        this.#attachment = new Attachment(http.server, this.#context, dispatcher, http.path);
        this.#attachment.attach();
      }
      await this.#http.open(portOf(http));
      await this.#https.open(https);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  prepare({ http, https }: HttpServerConfig, core: CoreConfig): Promise<PreparedChange> {
    return prepareAll([() => this.#http.prepare(portOf(http), core), () => this.#https.prepare(https, core)]);
  }

  closeDoors(): void {
    this.#http.shut();
    this.#https.shut();
    this.#entrance.close();
    this.#dispatcher?.exchanges.beLast();
    // RFC 9113, 6.8: streams that are open go on, others may begin elsewhere.
    for (const connection of this.#http2) connection.close();
  }

  /** Requests that are being answered get their answer. */
  async drain(timeoutMs: number): Promise<void> {
    const left = (await this.#dispatcher?.exchanges.answered(timeoutMs)) ?? 0;
    if (left > 0) this.#context.logger.warn({ requests: left }, `requests are cut without an answer: ${left}`);
  }

  async stop(): Promise<void> {
    this.#attachment?.detach();
    this.#attachment = null;
    this.closeDoors();
    this.#endSessions();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, DRAIN_MS);
    await Promise.all([this.#http.close(), this.#https.close()]);
    clearTimeout(timer);
  }

  /** Players that wait for a stream, and whoever else is still here. */
  #endSessions(): void {
    for (const session of [...this.#context.sessions.values()]) {
      if (/^(http|ws)/.test(session.protocol)) session.close(new ClosedError('the server is stopping'));
    }
  }

  #prepareServer(server: NetServer): NetServer {
    const dispatcher = this.#dispatcher!;
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('request', dispatcher.request);
    server.on('checkContinue', dispatcher.checkContinue);
    server.on('upgrade', dispatcher.upgrade);
    server.on('clientError', dispatcher.clientError);
    server.on('session', (session: ServerHttp2Session) => {
      this.#http2.add(session);
      session.once('close', () => this.#http2.delete(session));
    });
    server.on('tlsClientError', (error: Error) => {
      this.#context.logger.debug({ err: error }, 'a TLS handshake failed');
    });
    this.#entrance.guard(server);
    return server;
  }

  #admit(socket: Socket): void {
    if (!this.#context.connections.admit(socket)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
