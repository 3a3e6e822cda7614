import { resolve } from 'node:path';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { Slab, SlabPool } from '../../bytes/slab.ts';
import type { Context } from '../../core/context.ts';
import type { DoorCertificate } from '../../core/doors.ts';
import { Entrance } from '../../core/entrance.ts';
import type { Listener } from '../../core/listener.ts';
import { peerAddress } from '../../core/peer-address.ts';
import type { Server } from '../../core/server.ts';
import { readProxyHeader } from '../../protocols/proxy/proxy-header.ts';
import { type RtmpConfig, type RtmpsConfig, rtmpSection } from './config.ts';
import { RtmpConnection } from './rtmp-connection.ts';

/** How long connections may take to end at `stop` before they are cut. */
const STOP_TIMEOUT_MS = 2000;

/** The most that one read takes from a socket. */
const READ_BUFFER_BYTES = 65_536;

/** The RTMP and RTMPS doors. */
export class RtmpServer implements Server {
  readonly #context: Context;
  readonly #rtmp: RtmpConfig | undefined;
  readonly #rtmps: RtmpsConfig | undefined;
  readonly #options: RtmpConfig;
  readonly #entrance: Entrance;
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly #slab = new Slab();
  readonly #slabs = new SlabPool();
  readonly #servers: NetServer[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<RtmpConnection>();
  #listeners: Listener[] = [];
  #certificate: DoorCertificate | null = null;
  #removeTask: (() => void) | null = null;

  constructor(context: Context, config: { readonly rtmp?: RtmpConfig; readonly rtmps?: RtmpsConfig }) {
    this.#context = context;
    this.#rtmp = config.rtmp;
    this.#rtmps = config.rtmps;
    this.#options = config.rtmp ?? rtmpSection.parse({});
    this.#entrance = new Entrance(context, readProxyHeader);
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  async run(): Promise<void> {
    const { config, doors } = this.#context;
    if (this.#rtmp !== undefined) {
      const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
      this.#guard(server);
      server.on('connection', (socket) => this.#welcome(socket, 'rtmp'));
      this.#entrance.guard(server);
      this.#servers.push(server);
      this.#listeners.push(await doors.open(server, 'rtmp', config.bind, this.#rtmp.port));
    }
    if (this.#rtmps !== undefined) {
      const server = await this.#createTlsServer(this.#rtmps);
      this.#guard(server);
      this.#entrance.guard(server);
      this.#servers.push(server);
      this.#listeners.push(await doors.open(server, 'rtmps', config.bind, this.#rtmps.port));
    }
    this.#removeTask = this.#context.ticker.add(() => {
      for (const connection of this.#connections) connection.tick();
    });
  }

  async stop(): Promise<void> {
    this.#removeTask?.();
    this.#removeTask = null;
    this.#certificate?.close();
    this.#certificate = null;
    this.#listeners = [];
    const closed = this.#servers.splice(0).map((server) => this.#context.doors.close(server));
    this.#entrance.close();
    for (const connection of this.#connections) connection.leave();
    const cut = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, STOP_TIMEOUT_MS);
    await Promise.all(closed);
    clearTimeout(cut);
  }

  async #createTlsServer(config: RtmpsConfig): Promise<TlsServer> {
    const { config: core, doors, folder, logger } = this.#context;
    const certificate = await doors.certificate({
      ...config,
      name: 'rtmps',
      folder,
      dataFolder: resolve(folder, core.store.path),
      logger,
    });
    this.#certificate = certificate;
    const server = createTlsServer({
      ...certificate.current(),
      handshakeTimeout: core.limits.handshakeTimeoutMs,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    });
    certificate.onChange((pair) => server.setSecureContext(pair));
    server.on('secureConnection', (socket: TLSSocket) => this.#welcome(socket, 'rtmps'));
    server.on('tlsClientError', (error, socket) => {
      logger.debug({ ip: peerAddress(socket), err: error }, 'TLS handshake failed');
      socket.destroy();
    });
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
    const connection = new RtmpConnection(this.#context, socket, {
      protocol,
      chunkSize: this.#options.chunkSize,
      windowAckSize: this.#options.windowAckSize,
      readBuffer: this.#readBuffer,
      slab: this.#slab,
      slabs: this.#slabs,
    });
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
  }
}
