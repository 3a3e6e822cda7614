import { connect, type Socket } from 'node:net';
import type { AVPacket } from '../../src/media/packet.ts';
import {
  RtmpClientProtocol,
  type RtmpClientEvent,
  type RtmpClientOptions,
} from '../../src/protocols/rtmp/rtmp-client.ts';
import { until } from './wait.ts';

export interface RtmpPeerOptions extends Partial<RtmpClientOptions> {
  readonly port: number;
  readonly host?: string;
  readonly localAddress?: string;
  /** A socket that is connected already (TLS). */
  readonly socket?: Socket;
}

/** Our own RTMP client on a socket; keeps everything that happened. */
export class RtmpPeer {
  readonly events: RtmpClientEvent[] = [];
  readonly packets: AVPacket[] = [];
  readonly socket: Socket;
  readonly protocol: RtmpClientProtocol;
  isClosed = false;
  error: Error | null = null;

  constructor(mode: 'publish' | 'play', path: string, options: RtmpPeerOptions) {
    const cut = path.indexOf('/', 1);
    const app = options.app ?? path.slice(1, cut);
    const host = options.host ?? '127.0.0.1';
    this.protocol = new RtmpClientProtocol({
      mode,
      app,
      name: path.slice(cut + 1),
      tcUrl: `rtmp://${host}:${options.port}/${app}`,
      ...options,
    });
    const { localAddress } = options;
    this.socket =
      options.socket ?? connect({ host, port: options.port, ...(localAddress === undefined ? {} : { localAddress }) });
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk) => this.#take(chunk));
    this.socket.on('error', (error) => {
      this.error = error;
    });
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    this.flush();
  }

  #take(chunk: Buffer): void {
    try {
      this.protocol.push(chunk);
      for (let event = this.protocol.next(); event !== null; event = this.protocol.next()) {
        if (event.kind === 'packet') this.packets.push(event.packet);
        else this.events.push(event);
      }
    } catch (error) {
      this.error = error as Error;
      this.socket.destroy();
    }
    this.flush();
  }

  flush(): void {
    const bytes = this.protocol.output();
    if (bytes !== null && this.socket.writable) this.socket.write(bytes);
  }

  has(kind: RtmpClientEvent['kind']): boolean {
    return this.events.some((event) => event.kind === kind);
  }

  /** The codes of all onStatus messages, in order. */
  get codes(): string[] {
    return this.events.flatMap((event) => (event.kind === 'status' ? [event.code] : []));
  }

  async started(): Promise<this> {
    await until(
      () => this.has('publishing') || this.has('playing') || this.has('failed') || this.isClosed,
      'an answer',
    );
    return this;
  }

  send(kind: 'audio' | 'video' | 'data', ms: number, body: Buffer): void {
    this.protocol.sendPacketBody(kind, ms, body);
    this.flush();
  }

  /** Ends in the protocol's words. */
  leave(): void {
    this.protocol.close();
    this.flush();
    this.socket.end();
  }

  /** Ends without a word, as a crashed encoder does. */
  crash(): void {
    this.socket.resetAndDestroy();
  }
}
