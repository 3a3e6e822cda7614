import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { Router } from 'express';
import type { RequestHandler, Response } from 'express';
import type { Context } from '../../core/context.ts';
import type { Route } from '../../core/route.ts';
import type { Server } from '../../core/server.ts';
import type { StaticConfig } from './config.ts';
import { liveList } from './live-list.ts';

const FILES = fileURLToPath(new URL('./files/', import.meta.url));
const PLAYER = createRequire(import.meta.url).resolve('mpegts.js');

/** WebKit before 15.4 does not count WebSockets of the same host as 'self'. */
function policy(host: string): string {
  const sockets = /^[\w.-]+(:\d+)?$|^\[[\da-f:.]+\](:\d+)?$/i.test(host) ? ` ws://${host} wss://${host}` : '';
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    'media-src blob:',
    `connect-src 'self'${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

const guardPage: RequestHandler = (request, response, next) => {
  response.set({
    'Content-Security-Policy': policy(request.headers.host ?? ''),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Opener-Policy': 'same-origin',
  });
  next();
};

function sendFile(response: Response, path: string): void {
  response.set('Cache-Control', 'no-cache');
  // Without a callback Express passes a failure on; the reader who left is none.
  response.sendFile(path, { dotfiles: 'allow' });
}

/** The page at `/` with its list of live streams, and the operator's own folder of files. */
export class PageServer implements Server {
  readonly #context: Context;
  readonly #routes: Route[] = [];

  constructor(context: Context, files: StaticConfig) {
    this.#context = context;
    if (files !== undefined) {
      const root = resolve(context.folder, files.root);
      this.#routes.push({ path: files.router, handler: express.static(root) as unknown as Route['handler'] });
    }
    const router = this.#createRouter();
    const handler: RequestHandler = (request, response, next) => {
      if (context.config.webadmin.enable) router(request, response, next);
      else next();
    };
    this.#routes.push({ path: '/', handler: handler as unknown as Route['handler'] });
    context.routes.push(...this.#routes);
  }

  async run(): Promise<void> {}

  async stop(): Promise<void> {
    for (const route of this.#routes) {
      const index = this.#context.routes.indexOf(route);
      if (index >= 0) this.#context.routes.splice(index, 1);
    }
  }

  #createRouter(): Router {
    const router = Router();
    const page =
      (name: string): RequestHandler =>
      (_request, response) =>
        sendFile(response, resolve(FILES, name));
    router.get(['/', '/index.html'], guardPage, page('index.html'));
    router.get('/page/page.css', guardPage, page('page.css'));
    router.get('/page/page.js', guardPage, page('page.js'));
    router.get('/page/mpegts.js', guardPage, (_request, response) => sendFile(response, PLAYER));
    router.get('/streams.json', (_request, response) => this.#answerList(response));
    return router;
  }

  #answerList(response: Response): void {
    response.set('Cache-Control', 'no-store');
    if (this.#context.config.auth.play) {
      const message = 'Players need a signed address here; the list is not public.';
      response.status(403).json({ success: false, code: 'NMS_DENIED', message, error: message });
      return;
    }
    response.json({ success: true, data: { streams: liveList(this.#context) }, message: 'Live streams' });
  }
}
