import express, { Router } from 'express';
import type { RequestHandler } from 'express';
import type { Context } from '../../core/context.ts';
import type { Route } from '../../core/route.ts';
import type { Server } from '../../core/server.ts';
import { errorHandler, notFound } from './api-error.ts';
import { Login } from './login.ts';
import { Rates } from './rates.ts';
import { kickSession, listSessions } from './sessions.ts';
import { listStreams } from './streams.ts';
import { type ApiUser, requireRole, requireToken } from './token.ts';

const MAX_BODY_BYTES = 16 * 1024;

/** Pages of other origins may use the API: what they need is a token, and no browser adds that by itself. */
const headers: RequestHandler = (request, response, next) => {
  response.set('Cache-Control', 'no-store');
  response.set('X-Content-Type-Options', 'nosniff');
  response.set('Access-Control-Allow-Origin', '*');
  if (request.method !== 'OPTIONS') return next();
  response.set('Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE, OPTIONS');
  response.set('Access-Control-Allow-Headers', 'Authorization, Content-Type');
  response.set('Access-Control-Max-Age', '86400');
  response.status(204).end();
};

/** What Express takes for the client's address; behind a proxy of ours it is what that says. */
function nameClient({ trustedProxies }: Context): RequestHandler {
  return (request, _response, next) => {
    Object.defineProperty(request, 'ip', { value: trustedProxies.clientOf(request).address, configurable: true });
    next();
  };
}

/** The REST API under `/api/v1`. */
export class ApiServer implements Server {
  readonly #context: Context;
  readonly #rates: Rates;
  readonly #route: Route;
  #stopTicking: (() => void) | null = null;

  constructor(context: Context) {
    this.#context = context;
    this.#rates = new Rates(context);
    this.#route = { path: '/api/v1', handler: this.#createRouter() as unknown as Route['handler'] };
    context.routes.push(this.#route);
  }

  async run(): Promise<void> {
    this.#stopTicking ??= this.#context.ticker.add(() => this.#rates.sample());
  }

  async stop(): Promise<void> {
    this.#stopTicking?.();
    this.#stopTicking = null;
    const index = this.#context.routes.indexOf(this.#route);
    if (index >= 0) this.#context.routes.splice(index, 1);
  }

  #createRouter(): Router {
    const context = this.#context;
    const { jwt } = context.config.auth;
    const router = Router();
    router.use(nameClient(context), headers, express.json({ limit: MAX_BODY_BYTES }));

    router.get('/health', (_request, response) => {
      const data = { status: 'ok', timestamp: new Date().toISOString() };
      response.json({ success: true, data, message: 'Server is healthy' });
    });
    router.post('/login', new Login(jwt).handler);

    router.use(requireToken(jwt));
    router.get('/streams', (_request, response) => {
      response.json({ success: true, data: listStreams(context, this.#rates), message: 'Streams' });
    });
    router.get('/sessions', (_request, response) => {
      response.json({ success: true, data: listSessions(context, this.#rates), message: 'Sessions' });
    });
    router.delete('/sessions/:id', requireRole('admin'), (request, response) => {
      const { id } = request.params as { id: string };
      kickSession(context, id, (response.locals['user'] as ApiUser).username);
      response.json({ success: true, data: { id }, message: 'Session deleted successfully' });
    });

    router.use(notFound);
    router.use(errorHandler(context.logger));
    return router;
  }
}
