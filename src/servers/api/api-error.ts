import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from '../../core/logger.ts';

/** An answer of the API that is no success. */
export class ApiError extends Error {
  readonly status: number;
  /** For programs: `UNAUTHORIZED`. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
  }
}

/** What Express's own parsers throw about a body, in our words. */
function fromParser(error: unknown): ApiError | null {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return null;
  if (error.status === 413) return new ApiError(413, 'TOO_LARGE', 'The body is too large.', { cause: error });
  if (error.status === 415)
    return new ApiError(415, 'UNSUPPORTED', 'The body has an unknown encoding.', { cause: error });
  if (error.status < 400 || error.status > 499) return null;
  return new ApiError(400, 'BAD_REQUEST', 'The body is not valid JSON.', { cause: error });
}

function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return fromParser(error) ?? new ApiError(500, 'INTERNAL', 'The server failed; its log says more.', { cause: error });
}

export const notFound: RequestHandler = (request) => {
  throw new ApiError(404, 'NOT_FOUND', `There is no ${request.method} ${request.baseUrl}${request.path}.`);
};

/** Logs every error and answers it as JSON. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (thrown, request, response, _next) => {
    const error = asApiError(thrown);
    const fields = {
      method: request.method,
      path: request.baseUrl + request.path,
      ip: request.ip,
      status: error.status,
    };
    const message = `API: ${error.code} ${error.message}`;
    if (error.status >= 500) logger.error({ ...fields, err: error.cause ?? error }, message);
    else logger.warn(fields, message);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.status(error.status).set(error.headers);
    response.json({ success: false, code: error.code, message: error.message, error: error.message });
  };
}
