import {
  AbsentError,
  BusyError,
  ClosedError,
  ConnectionError,
  DeniedError,
  NmsError,
  type ProtocolError,
  TimeoutError,
} from '../errors.ts';
import { readableText } from './readable.ts';
import type { Target } from './target.ts';

/** Bytes of an answer's body that are read for its message. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** OpenSSL's and Node's words for a certificate that cannot be trusted. */
const CERTIFICATE = /CERT|SELF_SIGNED|ISSUER|HOSTNAME_MISMATCH|ALTNAME/;

/** What TLS says of a peer that sends something else. */
const NOT_TLS: ReadonlySet<string> = new Set([
  'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_UNEXPECTED_MESSAGE',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
]);

/** The tool was told to end before it had begun. */
export function interrupted(): ClosedError {
  return new ClosedError('interrupted');
}

/** The peer said nothing; `what` is what did not come (`no answer`). */
export function unanswered(target: Target, what: string, timeoutMs: number): TimeoutError {
  return new TimeoutError('answerTimeoutMs', `${target.address}: ${what} within ${timeoutMs / 1000} s`);
}

/** What went wrong with a connection, in words that say what to do. */
export function connectionFailure(error: unknown, target: Target): NmsError {
  if (error instanceof NmsError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const fail = (text: string) => new ConnectionError(text, { cause: error });
  switch (code) {
    case 'ECONNREFUSED':
      return fail(`nothing listens at ${target.address}`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fail(`there is no host named ${target.host}`);
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return fail(`${target.address} cannot be reached (${code})`);
    case 'ECONNRESET':
    case 'EPIPE':
      return fail(`${target.address} closed the connection (${code})`);
  }
  if (NOT_TLS.has(code)) return fail(`${target.address} does not speak TLS (${code})`);
  if (code.startsWith('HPE_')) return fail(`${target.address} does not speak HTTP (${code})`);
  if (target.isSecure && CERTIFICATE.test(code)) {
    return fail(`the certificate of ${target.address} is not trusted (${code}); --insecure accepts it`);
  }
  return fail(`the connection to ${target.address} failed: ${readableText(message)}`);
}

/** An RTMP server's refusal, by its status code. */
export function rtmpRefusal(code: string, description: string): NmsError {
  const text = readableText(`refused: ${code} ${description}`);
  if (code.endsWith('.StreamNotFound')) return new AbsentError(text);
  if (code.endsWith('.BadName')) return new BusyError(text);
  return new DeniedError(text);
}

/** An HTTP answer that is no media, by its status and what its body says. */
export function httpRefusal(status: number, phrase: string, body: string): NmsError {
  const said = messageOf(body);
  const text = readableText(`refused: ${status} ${phrase}${said === '' ? '' : `: ${said}`}`);
  if (status === 404) return new AbsentError(text);
  if (status === 409) return new BusyError(text);
  return new DeniedError(text);
}

/** The message of a JSON body, or a short plain text; pages are not for terminals. */
function messageOf(body: string): string {
  try {
    const value: unknown = JSON.parse(body);
    const { message, error } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
    if (typeof message === 'string') return message;
    if (typeof error === 'string') return error;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    if (!body.trimStart().startsWith('<')) return body;
  }
  return '';
}

/** The text of an answer's body, as much as is needed for its message. */
export async function readAnswer(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of body) {
      parts.push(part);
      size += part.length;
      if (size >= MAX_ANSWER_BYTES) break;
    }
  } catch (error) {
    // A refusal is often followed by a reset; what came before it is the answer.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
  return Buffer.concat(parts).toString('utf8', 0, MAX_ANSWER_BYTES);
}

/** What the peer sent is not the protocol that was asked for. */
export function protocolFailure(error: ProtocolError, target: Target): NmsError {
  return new ConnectionError(`${target.address} answered in another language: ${error.message}`, { cause: error });
}
