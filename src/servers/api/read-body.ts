import express from 'express';
import type { RequestHandler } from 'express';
import { ApiError } from './api-error.ts';

/** How deep values of a body may be nested. */
const MAX_DEPTH = 32;

/** Names that programs have stumbled over. */
const FORBIDDEN_KEY = '__proto__';

/** Nested deeper than `MAX_DEPTH`? Says so without going deeper itself. */
function isTooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth >= MAX_DEPTH || Object.values(value).some((inner) => isTooDeep(inner, depth + 1));
}

/** Reads a body of JSON into `request.body`; without a body that stays undefined. */
export function readBody(maxBytes: number): RequestHandler {
  const empty = new WeakSet<object>();
  const parse = express.json({
    limit: maxBytes,
    inflate: false,
    verify: (_request, response, bytes) => {
      if (bytes.length === 0) empty.add(response);
    },
    reviver: (key: string, value: unknown) => (key === FORBIDDEN_KEY ? undefined : value),
  });
  return (request, response, next) => {
    // Express takes a length of 0 for a body.
    if (request.headers['content-length'] === '0') return next();
    // `null`: there is no body.
    if (request.is('application/json') === false) {
      throw new ApiError('UNSUPPORTED', 'The body is not said to be JSON; Content-Type: application/json is allowed.');
    }
    parse(request, response, (error?: unknown) => {
      if (empty.has(response)) request.body = undefined;
      if (error === undefined && isTooDeep(request.body)) {
        next(new ApiError('BAD_REQUEST', `The body is nested deeper than ${MAX_DEPTH} levels.`));
      } else next(error);
    });
  };
}
