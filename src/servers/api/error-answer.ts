import type { ErrorRequestHandler, Request } from 'express';
import { RecordError } from '../../errors.ts';
import { type ApiError, asApiError } from './api-error.ts';
import type { RefusalLog } from './refusal-log.ts';
import { sendJson, writeJson } from './send-json.ts';

/** Characters of an address that are logged or said again. */
const MAX_SHOWN = 200;

/** Where a request went, without its query. */
export function shownPath(request: Request): string {
  const path = request.baseUrl + request.path;
  return path.length > MAX_SHOWN ? `${path.slice(0, MAX_SHOWN)}…` : path;
}

/** Why, in words that are for the log only. */
function reasonOf(error: ApiError): object {
  const { code, cause } = error;
  if (cause instanceof RecordError) return { reason: cause.message };
  return code === 'UNAUTHORIZED' && cause instanceof Error ? { reason: cause.message } : {};
}

/** Logs every error, as far as the log has room, and answers it as JSON. */
export function answerError(log: RefusalLog): ErrorRequestHandler {
  return (thrown, request, response, _next) => {
    const error = asApiError(thrown);
    const { status, code, message } = error;
    const fields = { method: request.method, path: shownPath(request), ip: request.ip, status };
    if (status === 500) log.write('error', { ...fields, err: error.cause ?? error }, `API: ${code} ${message}`);
    else log.write('warn', { ...fields, ...reasonOf(error) }, `API: ${code} ${message}`);
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    for (const name of ['Content-Disposition', 'Content-Range', 'Accept-Ranges', 'ETag', 'Last-Modified']) {
      response.removeHeader(name);
    }
    response.set(error.headers);
    sendJson(response, status, writeJson({ success: false, code, message, error: message }));
  };
}
