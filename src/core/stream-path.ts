import { ProtocolError } from '../errors.ts';

/** `/app/name`, decoded, checked. */
export type StreamPath = `/${string}/${string}`;

export interface StreamAddress {
  readonly path: StreamPath;
  /** Without slashes at its ends; may have several parts (`a/b`). */
  readonly app: string;
  readonly name: string;
}

/** Characters of one part of an app, and of a name. */
export const MAX_NAME_LENGTH = 128;
/** Parts of an app. */
export const MAX_APP_PARTS = 8;

const PART = /^[\p{L}\p{M}\p{N}._~-]+$/u;

function fail(message: string): ProtocolError {
  return new ProtocolError('NMS_PROTOCOL_MESSAGE', message, { section: 'stream names' });
}

function checkPart(part: string, what: string): void {
  if (part === '') throw fail(`an empty part in the ${what}`);
  const length = Array.from(part).length;
  if (length > MAX_NAME_LENGTH) {
    throw fail(`a part of ${length} characters in the ${what}; ${MAX_NAME_LENGTH} are allowed`);
  }
  if (part === '.' || part === '..') throw fail(`"${part}" as a part of the ${what}`);
  if (!PART.test(part)) {
    throw fail(`a character in the ${what} that is not a letter, a digit, "-", "_", "." or "~"`);
  }
}

/**
 * Checks `app` and `name` (already decoded, without a query) and joins them.
 * @throws ProtocolError when a part is empty, too long, `..`, or has other characters than names may have.
 */
export function parseStreamAddress(app: string, name: string): StreamAddress {
  const parts = app.split('/');
  if (parts.length > MAX_APP_PARTS) {
    throw fail(`${parts.length} parts in the app; ${MAX_APP_PARTS} are allowed`);
  }
  for (const part of parts) checkPart(part, 'app');
  checkPart(name, 'stream name');
  return { path: `/${app}/${name}`, app, name };
}

/**
 * Reads `/app/name`, decoded.
 * @throws ProtocolError as `parseStreamAddress` does.
 */
export function parseStreamPath(path: string): StreamAddress {
  if (!path.startsWith('/')) throw fail('a path that does not begin with "/"');
  const cut = path.lastIndexOf('/');
  if (cut === 0) throw fail('a path without an app');
  return parseStreamAddress(path.slice(1, cut), path.slice(cut + 1));
}

/**
 * Reads the path of a URL (`/live/a`, percent-encoded, without `?`), decoding it once.
 * @throws ProtocolError as `parseStreamAddress` does, and for a broken percent-encoding.
 */
export function parseStreamUrlPath(urlPath: string): StreamAddress {
  let decoded: string;
  try {
    decoded = decodeURIComponent(urlPath);
  } catch {
    throw fail('a broken percent-encoding in the path');
  }
  return parseStreamPath(decoded);
}
