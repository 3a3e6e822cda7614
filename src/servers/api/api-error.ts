import { AbsentError, BusyError, ClosedError, ConfigError, RecordError } from '../../errors.ts';
import { type ApiErrorCode, apiErrorCodes } from './error-codes.ts';

/** An answer of the API that is no success; its status follows from its code. */
export class ApiError extends Error {
  readonly status: number;
  /** For programs: `UNAUTHORIZED`. */
  readonly code: ApiErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message for whoever asked: it names no file and holds no secret */
  constructor(
    code: ApiErrorCode,
    message: string,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ApiError';
    this.status = apiErrorCodes[code].status;
    this.code = code;
    this.headers = options.headers ?? {};
  }
}

/** What Express and its parsers throw about an address or a body, in our words. */
function fromParser(error: unknown): ApiError | null {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return null;
  const type = 'type' in error ? String(error.type) : '';
  if (error.status === 413) return new ApiError('TOO_LARGE', 'The body is too large.', { cause: error });
  if (error.status === 415) return new ApiError('UNSUPPORTED', 'The body has an unknown encoding.', { cause: error });
  if (error.status < 400 || error.status > 499) return null;
  if (error instanceof URIError) return new ApiError('BAD_REQUEST', 'The address is malformed.', { cause: error });
  if (type === 'request.aborted') return new ApiError('BAD_REQUEST', 'The body did not come whole.', { cause: error });
  return new ApiError('BAD_REQUEST', 'The body is not valid JSON.', { cause: error });
}

/** What other parts of the server refuse. A recording's error names files: that is for the log. */
function fromServer(error: unknown): ApiError | null {
  if (error instanceof AbsentError) return new ApiError('NOT_FOUND', error.message, { cause: error });
  if (error instanceof BusyError) return new ApiError('CONFLICT', error.message, { cause: error });
  if (error instanceof ConfigError) return new ApiError('BAD_REQUEST', error.message, { cause: error });
  if (error instanceof ClosedError) return new ApiError('UNAVAILABLE', 'The server is stopping.', { cause: error });
  if (!(error instanceof RecordError)) return null;
  return new ApiError('UNAVAILABLE', 'The recording cannot be written; the log says why.', { cause: error });
}

/** Any error as an answer; what nobody foresaw is `INTERNAL` and says nothing more. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const internal = () => new ApiError('INTERNAL', 'The server failed; its log says more.', { cause: error });
  return fromParser(error) ?? fromServer(error) ?? internal();
}
