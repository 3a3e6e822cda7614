import type { RequestListener } from 'node:http';
import express from 'express';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Context } from '../../core/context.ts';

function isApi(path: string): boolean {
  return path === '/api' || path.startsWith('/api/');
}

/** The status that a library put on its error, when it means the client; 500 otherwise. */
function statusOf(error: unknown): number {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

/** Everything that is not media: the routes of API, page and files, and an answer for what nobody knows. */
export function createApplication(context: Context): RequestListener {
  const application = express();
  application.disable('x-powered-by');
  application.set('query parser', 'simple');
  for (const route of context.routes) application.use(route.path, route.handler as RequestHandler);

  application.use((request, response) => {
    const message = 'There is nothing here.';
    response.status(404);
    if (isApi(request.path)) response.json({ success: false, code: 'NOT_FOUND', message, error: message });
    else response.type('text/plain').send(`${message}\n`);
  });

  const onError: ErrorRequestHandler = (error, request, response, _next) => {
    const status = statusOf(error);
    if (status === 500) context.logger.error({ err: error, path: request.path }, 'an HTTP request failed');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const message = status === 500 ? 'The server failed; its log says more.' : 'The request is malformed.';
    response.status(status);
    if (isApi(request.path)) {
      response.json({ success: false, code: status === 500 ? 'INTERNAL' : 'BAD_REQUEST', message, error: message });
    } else response.type('text/plain').send(`${message}\n`);
  };
  application.use(onError);
  return application;
}
