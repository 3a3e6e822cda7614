import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Context } from '../../core/context.ts';
import type { Dispatcher } from './dispatcher.ts';

type Listener = (...args: unknown[]) => void;
type Taken = 'request' | 'upgrade' | 'checkContinue';

function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/**
 * A place on somebody else's HTTP server. Listeners that the owner added before are put behind ours and called for
 * everything that is not ours; they are put back by `detach`. The server itself is never closed.
 *
 * With `path`, everything below it is ours. Without, ours are what a media route takes (WebSockets only at addresses with
 * a file extension, `/live/a.flv`) and the routes of the API, but not the page at `/`.
 */
export class Attachment {
  readonly #server: Server | SecureServer;
  readonly #context: Context;
  readonly #dispatcher: Dispatcher;
  readonly #path: string | undefined;
  readonly #owners = new Map<Taken, Listener[]>();
  readonly #ours: Readonly<Record<Taken, Listener>>;
  /** Nothing is ours any more. */
  #isDetached = false;

  constructor(server: Server | SecureServer, context: Context, dispatcher: Dispatcher, path: string | undefined) {
    this.#server = server;
    this.#context = context;
    this.#dispatcher = dispatcher;
    this.#path = path;
    this.#ours = {
      request: (...args) => this.#onRequest(args as [IncomingMessage, ServerResponse]),
      checkContinue: (...args) => this.#onCheckContinue(args as [IncomingMessage, ServerResponse]),
      upgrade: (...args) => this.#onUpgrade(args as [IncomingMessage, Duplex, Buffer]),
    };
  }

  attach(): void {
    for (const event of ['request', 'checkContinue', 'upgrade'] as const) {
      this.#owners.set(event, this.#server.listeners(event) as Listener[]);
      this.#server.removeAllListeners(event);
      this.#server.on(event, this.#ours[event]);
    }
  }

  detach(): void {
    this.#isDetached = true;
    for (const [event, owners] of this.#owners) {
      // Whoever came later has put ours behind his own (Socket.IO does, and another of these): it hands everything on.
      if (!this.#server.listeners(event).includes(this.#ours[event])) continue;
      this.#server.off(event, this.#ours[event]);
      const later = this.#server.listeners(event) as Listener[];
      this.#server.removeAllListeners(event);
      for (const listener of [...owners, ...later]) this.#server.on(event, listener);
      this.#owners.delete(event);
    }
  }

  #onRequest([request, response]: [IncomingMessage, ServerResponse]): void {
    if (this.#isDetached) return void this.#leave('request', [request, response]);
    const url = request.url ?? '/';
    if (this.#path !== undefined && pathOf(url) === this.#path) {
      // The page's own addresses are relative: they need the slash.
      response.writeHead(308, { Location: `${this.#path}/${url.slice(this.#path.length)}` }).end();
      return;
    }
    if (this.#claim(request)) return this.#dispatcher.request(request, response);
    const leave = () => void this.#leave('request', [request, response]);
    if (this.#path !== undefined) leave();
    else this.#dispatcher.dispatch(request, response, leave);
  }

  #onCheckContinue([request, response]: [IncomingMessage, ServerResponse]): void {
    const leave = () => {
      if (this.#leave('checkContinue', [request, response])) return;
      response.writeContinue();
      this.#server.emit('request', request, response);
    };
    if (this.#isDetached) return leave();
    if (this.#claim(request)) return this.#dispatcher.checkContinue(request, response);
    if (this.#path !== undefined) leave();
    else this.#dispatcher.dispatch(request, response, leave);
  }

  #onUpgrade([request, socket, head]: [IncomingMessage, Duplex, Buffer]): void {
    if (this.#isDetached) return void this.#leave('upgrade', [request, socket, head]);
    if (this.#claim(request)) return this.#dispatcher.upgrade(request, socket, head);
    const isFile = this.#path === undefined && /\.\w+$/.test(pathOf(request.url ?? '/'));
    if (isFile && this.#dispatcher.mediaUpgrade(request, socket, head)) return;
    if (!this.#leave('upgrade', [request, socket, head])) socket.destroy();
  }

  #leave(event: Taken, args: unknown[]): boolean {
    const owners = this.#owners.get(event) ?? [];
    for (const listener of owners) listener.apply(this.#server, args);
    return owners.length > 0 || this.#server.listenerCount(event) > 1;
  }

  /** Is the request ours? If so its URL is cut down to what our routes know. */
  #claim(request: IncomingMessage): boolean {
    const url = request.url ?? '/';
    const path = pathOf(url);
    if (this.#path === undefined) return this.#isOurs(path);
    if (path !== this.#path && !path.startsWith(`${this.#path}/`)) return false;
    const rest = url.slice(this.#path.length);
    request.url = rest.startsWith('/') ? rest : `/${rest}`;
    return true;
  }

  #isOurs(path: string): boolean {
    return this.#context.routes.some(
      (route) =>
        // An owner may well have his own `/health`: with a path of ours both are there.
        route.path !== '/' && route.isExact !== true && (path === route.path || path.startsWith(`${route.path}/`)),
    );
  }
}
