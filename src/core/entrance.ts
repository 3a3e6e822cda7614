import type { Server, Socket } from 'node:net';
import { NmsError, TimeoutError } from '../errors.ts';
import type { Context } from './context.ts';
import { joinAddress } from './listener.ts';
import { lendPeer, type Peer, peerAddress } from './peer-address.ts';

/** What a proxy said before its connection's first byte. */
export interface Announcement {
  /** Bytes that it takes; the connection's own follow. */
  readonly length: number;
  /** For whom it connected; `null`: it did not say. */
  readonly source: Peer | null;
}

/**
 * Reads an announcement in all bytes that have come; `null`: there is none.
 * @throws ProtocolError
 */
export type ReadAnnouncement = (bytes: Buffer) => Announcement | 'need more' | null;

const NOTHING = Buffer.alloc(0);

/** Names one connection of this machine, also to a TLS socket that was laid over it. */
function nameOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}

/**
 * Stands before the listeners of a server: hears what a trusted proxy says about its client before anybody else reads a
 * byte, and makes the socket say that the client is at its other end. Connections of all others go straight in.
 */
export class Entrance {
  readonly #context: Context;
  readonly #read: ReadAnnouncement;
  /** Those of whom nobody behind the entrance knows yet. */
  readonly #waiting = new Set<Socket>();
  /** Who is at the other end of connections that may become TLS sockets, by `nameOf`. */
  readonly #clients = new Map<string, Peer>();

  constructor(context: Context, read: ReadAnnouncement) {
    this.#context = context;
    this.#read = read;
  }

  /** Puts itself before all listeners for `connection` that the server has now. */
  guard(server: Server): void {
    const { trustedProxies } = this.#context;
    const listeners = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      const welcome = () => {
        for (const listener of listeners) listener.call(server, socket);
      };
      if (trustedProxies.has(peerAddress(socket))) this.#receive(socket, welcome);
      else welcome();
    });
    server.prependListener('secureConnection', (socket: Socket) => this.#lendTo(socket));
    server.prependListener('tlsClientError', (_error: Error, socket: Socket) => this.#lendTo(socket));
  }

  /** Cuts those who have not come in yet. Idempotent. */
  close(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  #receive(socket: Socket, welcome: () => void): void {
    if (!this.#context.connections.admit(socket)) return;
    this.#waiting.add(socket);
    const { handshakeTimeoutMs: ms } = this.#context.config.limits;
    const refuse = (reason: Error) => this.#refuse(socket, reason);
    const late = () => refuse(new TimeoutError('limits.handshakeTimeoutMs', `nothing came within ${ms} ms`));
    const timer = ms === 0 ? null : setTimeout(late, ms);
    let heard: Buffer = NOTHING;
    const onData = (chunk: Buffer) => {
      heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk]);
      try {
        const announcement = this.#read(heard);
        if (announcement === 'need more') return;
        stopReading();
        giveBack(socket, heard.subarray(announcement?.length ?? 0));
        this.#enter(socket, announcement?.source ?? null, welcome).catch(refuse);
      } catch (error) {
        refuse(error as Error);
      }
    };
    const onEnd = () => socket.destroy();
    const stopReading = () => {
      if (timer !== null) clearTimeout(timer);
      socket.off('data', onData);
      socket.off('end', onEnd);
    };
    // One that fails closes, too; and it may still fail while another process is asked about it.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      stopReading();
      this.#waiting.delete(socket);
    });
    socket.on('end', onEnd);
    socket.on('data', onData);
  }

  async #enter(socket: Socket, client: Peer | null, welcome: () => void): Promise<void> {
    if (client !== null) {
      this.#introduce(socket, client);
      await this.#context.doors.named?.(socket, peerAddress(socket));
    }
    if (socket.destroyed) return;
    this.#waiting.delete(socket);
    welcome();
  }

  #introduce(socket: Socket, { address, port }: Peer): void {
    const name = nameOf(socket);
    const client = { address: peerAddress({ remoteAddress: address }), port };
    lendPeer(socket, client);
    this.#clients.set(name, client);
    socket.once('close', () => this.#clients.delete(name));
  }

  #lendTo(socket: Socket): void {
    const client = this.#clients.get(nameOf(socket));
    if (client !== undefined) lendPeer(socket, client);
  }

  #refuse(socket: Socket, reason: Error): void {
    this.#context.counters.count('connections_refused', 'proxy');
    const ip = joinAddress(peerAddress(socket), socket.remotePort ?? 0);
    const { logger } = this.#context;
    if (reason instanceof NmsError) {
      logger.info({ ip, code: reason.code, reason: reason.message }, 'a connection of a trusted proxy was refused');
    } else {
      logger.error({ ip, err: reason }, 'a connection of a trusted proxy failed');
    }
    socket.destroy();
  }
}

/** Leaves the socket as if nobody had read from it, with these bytes still to come. */
function giveBack(socket: Socket, bytes: Buffer): void {
  // Neither flowing nor paused, as it began; Node's own HTTP server does the same before an upgrade.
  Object.assign(socket, { readableFlowing: null });
  if (bytes.length > 0) socket.unshift(bytes);
}
