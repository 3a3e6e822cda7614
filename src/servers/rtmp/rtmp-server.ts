import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { Slab, SlabPool } from '../../bytes/slab.ts';
import type { CertificatePair } from '../../core/certificate.ts';
import { type PreparedChange, prepareAll } from '../../core/change.ts';
import type { CoreConfig } from '../../core/config.ts';
import type { Context } from '../../core/context.ts';
import { Doorway } from '../../core/doorway.ts';
import { Entrance } from '../../core/entrance.ts';
import type { Listener } from '../../core/listener.ts';
import { peerAddress } from '../../core/peer-address.ts';
import type { Server } from '../../core/server.ts';
import { ClosedError } from '../../errors.ts';
import { readProxyHeader } from '../../protocols/proxy/proxy-header.ts';
import { type RtmpConfig, type RtmpsConfig, rtmpSection } from './config.ts';
import { RtmpConnection } from './rtmp-connection.ts';

/** How long connections may take to end at `stop` before they are cut. */
const STOP_TIMEOUT_MS = 2000;

/** The most that one read takes from a socket. */
const READ_BUFFER_BYTES = 65_536;

/** RTMPS takes these from the section `rtmp`, too. */
const DEFAULTS = rtmpSection.parse({});

export interface RtmpServerConfig {
  readonly rtmp?: RtmpConfig | undefined;
  readonly rtmps?: RtmpsConfig | undefined;
}

/** The RTMP and RTMPS doors. */
export class RtmpServer implements Server {
  readonly #context: Context;
  #config: RtmpServerConfig;
  readonly #rtmp: Doorway;
  readonly #rtmps: Doorway;
  readonly #entrance: Entrance;
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly #slab = new Slab();
  readonly #slabs = new SlabPool();
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<RtmpConnection>();
  #removeTask: (() => void) | null = null;

  constructor(context: Context, config: RtmpServerConfig) {
    this.#context = context;
    this.#config = config;
    this.#entrance = new Entrance(context, readProxyHeader);
    this.#rtmp = new Doorway(context, { name: 'rtmp', isSecure: false, create: () => this.#createPlain() });
    this.#rtmps = new Doorway(context, { name: 'rtmps', isSecure: true, create: (pair) => this.#createSecure(pair!) });
  }

  get listeners(): readonly Listener[] {
    return [this.#rtmp, this.#rtmps].flatMap(({ listener }) => listener ?? []);
  }

  async run(): Promise<void> {
    await this.#rtmp.open(this.#config.rtmp);
    await this.#rtmps.open(this.#config.rtmps);
    this.#removeTask = this.#context.ticker.add(() => {
      for (const connection of this.#connections) connection.tick();
    });
  }

  prepare(config: RtmpServerConfig, core: CoreConfig): Promise<PreparedChange> {
    const use = { commit: () => void (this.#config = config), cancel: () => {} };
    return prepareAll([
      () => this.#rtmp.prepare(config.rtmp, core),
      () => this.#rtmps.prepare(config.rtmps, core),
      async () => use,
    ]);
  }

  closeDoors(): void {
    this.#rtmp.shut();
    this.#rtmps.shut();
    this.#entrance.close();
  }

  async stop(): Promise<void> {
    this.#removeTask?.();
    this.#removeTask = null;
    this.closeDoors();
    const reason = new ClosedError('the server is stopping');
    for (const connection of this.#connections) {
      connection.askToReturn(reason.message);
      connection.close(reason);
    }
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, STOP_TIMEOUT_MS);
    await Promise.all([this.#rtmp.close(), this.#rtmps.close()]);
    clearTimeout(cut);
  }

  #createPlain(): NetServer {
    const server = createServer();
    this.#guard(server);
    server.on('connection', (socket) => this.#welcome(socket, 'rtmp'));
    this.#entrance.guard(server);
    return server;
  }

  #createSecure({ key, cert }: CertificatePair): NetServer {
    const { config, logger } = this.#context;
    const server = createTlsServer({ key, cert, handshakeTimeout: config.limits.handshakeTimeoutMs });
    this.#guard(server);
    server.on('secureConnection', (socket: TLSSocket) => this.#welcome(socket, 'rtmps'));
    server.on('tlsClientError', (error, socket) => {
      logger.debug({ ip: peerAddress(socket), err: error }, 'TLS handshake failed');
      socket.destroy();
    });
    this.#entrance.guard(server);
    return server;
  }

  /** Counts every TCP connection, also those that never finish a TLS handshake. */
  #guard(server: NetServer): void {
    server.on('connection', (socket: Socket) => {
      if (!this.#context.connections.admit(socket)) return;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  #welcome(socket: Socket, protocol: 'rtmp' | 'rtmps'): void {
    if (socket.destroyed) return;
    const { chunkSize, windowAckSize } = this.#config.rtmp ?? DEFAULTS;
    const connection = new RtmpConnection(this.#context, socket, {
      protocol,
      chunkSize,
      windowAckSize,
      readBuffer: this.#readBuffer,
      slab: this.#slab,
      slabs: this.#slabs,
    });
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }
}
