import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { PEER_HEADER, type Peer, readPeer } from './peer-header.ts';

/** How long requests may take to end by themselves at `stop`. */
const DRAIN_MS = 1000;

/** Makes a local socket look like the client's, to whoever asks it during this request. */
function lendIdentity(socket: Socket, peer: Peer): void {
  const { address, port, isSecure } = peer;
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  const identity = { remoteAddress: address, remotePort: port, remoteFamily: family, encrypted: isSecure };
  for (const [name, value] of Object.entries(identity)) {
    Object.defineProperty(socket, name, { value, configurable: true });
  }
}

/** The primary's end of the workers' proxies: answers on a local socket what the workers pass on. */
export class LocalApplication {
  readonly #server: Server;
  readonly #token: string;
  readonly #sockets = new Set<Socket>();

  constructor(application: RequestListener, options: { readonly token: string; readonly maxHeaderBytes: number }) {
    this.#token = options.token;
    // The worker has limited the head; written anew, and with the peer, it may be a little longer.
    // Who speaks HTTP/1.0 need not name a host, and the worker has let him.
    this.#server = createServer({
      maxHeaderSize: options.maxHeaderBytes * 2,
      requestTimeout: 0,
      requireHostHeader: false,
      // The worker ends what it uses no more; if we did, a request could be under way.
      keepAliveTimeout: 0,
    });
    this.#server.on('request', (request: IncomingMessage, response) => {
      const peer = readPeer(request.headers[PEER_HEADER], this.#token);
      if (peer === null) {
        request.socket.destroy();
        return;
      }
      delete request.headers[PEER_HEADER];
      lendIdentity(request.socket, peer);
      application(request, response);
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  close(): Promise<void> {
    if (!this.#server.listening) return Promise.resolve();
    return new Promise((resolve) => {
      const cut = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy();
      }, DRAIN_MS);
      this.#server.close(() => {
        clearTimeout(cut);
        resolve();
      });
    });
  }
}
