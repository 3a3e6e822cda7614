import cors from 'cors';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

const DAY_S = 86_400;

/** Whether a browser is sent to HTTPS is the operator's choice: a self-signed certificate on another port would lock it out. */
const common = { strictTransportSecurity: false, xFrameOptions: { action: 'deny' } } as const;

/** Headers that go with every answer of the API: it is no page, and nobody keeps what it says. */
export function apiHeaders(): RequestHandler[] {
  const contentSecurityPolicy = {
    useDefaults: false,
    directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
  };
  const noStore: RequestHandler = (_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  };
  return [helmet({ ...common, contentSecurityPolicy }), noStore];
}

/** Headers of the page about the API. Its scripts and pictures are its own; the program that draws it sets styles by itself. */
export function docsHeaders(): RequestHandler {
  return helmet({
    ...common,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'", "'unsafe-inline'"],
        'img-src': ["'self'", 'data:'],
        'connect-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
  });
}

/** Lets pages of these origins use the API; with none: their own only, which needs no permission. */
export function allowOrigins(origins: () => readonly string[]): RequestHandler {
  return cors((_request, callback) => {
    const allowed = origins();
    callback(null, {
      origin: allowed.includes('*') ? '*' : allowed.length > 0 && [...allowed],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
      allowedHeaders: ['Authorization', 'Content-Type', 'Last-Event-ID', 'Range'],
      exposedHeaders: [
        'Retry-After',
        'RateLimit-Limit',
        'RateLimit-Remaining',
        'RateLimit-Reset',
        'Content-Disposition',
        'Content-Range',
      ],
      maxAge: DAY_S,
      preflightContinue: true,
    });
  });
}
