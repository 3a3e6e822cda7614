import { type OutgoingHttpHeaders, ServerResponse, STATUS_CODES } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import { hasTokens } from '../../core/config-auth.ts';
import { inPeersWords } from '../../core/requested-path.ts';
import { hasStreamKeys } from '../../core/stream-keys.ts';
import {
  AbsentError,
  BusyError,
  ClosedError,
  DeniedError,
  EndError,
  LimitError,
  NmsError,
  ProtocolError,
  TimeoutError,
} from '../../errors.ts';
import type { FlvSession } from './flv-session.ts';

export type AnyResponse = ServerResponse | Http2ServerResponse;

/** An answer that is no media. */
export interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

/** Every answer may be read by any page: streams are protected by signatures, not by origins. */
export const CORS_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Content-Type, Date',
} as const;

export const METHODS = 'GET, HEAD, OPTIONS, POST, PUT';

export function jsonAnswer(status: number, body: object, headers: OutgoingHttpHeaders = {}): Answer {
  const text = `${JSON.stringify(body)}\n`;
  return {
    status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      'Cache-Control': 'no-store',
      ...CORS_HEADERS,
      ...headers,
    },
    body: text,
  };
}

export function errorAnswer(status: number, error: Error, headers: OutgoingHttpHeaders = {}): Answer {
  const code = error instanceof NmsError ? error.code : 'NMS_INTERNAL';
  const message = error instanceof NmsError ? error.message : 'the server failed; its log says more';
  return jsonAnswer(status, { success: false, code, message, error: message }, headers);
}

/** Was a credential needed, and none given? */
function lacksCredentials(session: FlvSession, action: 'play' | 'publish'): boolean {
  const { auth } = session.context.config;
  const { sign, token, key } = session.target.query;
  const isGiven = sign !== undefined || (token !== undefined && hasTokens(auth.token));
  const isKeyGiven = key !== undefined && hasStreamKeys(auth.streamKeys);
  return auth[action] && !isGiven && !isKeyGiven;
}

function challenges(session: FlvSession): string {
  const bearer = hasTokens(session.context.config.auth.token) ? ', Bearer realm="stream"' : '';
  return `Sign realm="stream"${bearer}`;
}

/** Protocols name the limit that was exceeded in their message. */
export function isTooLarge(error: Error): boolean {
  return error instanceof ProtocolError && error.limit === 'maxMessageBytes';
}

/** Why a session could not begin, or why it ended, as HTTP says it. */
export function answerFor(error: Error, session: FlvSession, action: 'play' | 'publish'): Answer {
  if (error instanceof DeniedError) {
    if ('isTooMany' in error) return errorAnswer(429, error);
    if (error.isFinal || !lacksCredentials(session, action)) return errorAnswer(403, error);
    return errorAnswer(401, error, { 'WWW-Authenticate': challenges(session) });
  }
  if (error instanceof AbsentError) return errorAnswer(404, new AbsentError(inPeersWords(session, error)));
  if (error instanceof EndError) return errorAnswer(404, error);
  if (error instanceof BusyError) return errorAnswer(409, error);
  if (isTooLarge(error)) return errorAnswer(413, error);
  if (error instanceof ProtocolError) return errorAnswer(400, error);
  if (error instanceof TimeoutError) return errorAnswer(408, error);
  if (error instanceof ClosedError || error instanceof LimitError) return errorAnswer(503, error);
  session.log('error', 'a request failed', { err: error });
  return errorAnswer(500, error);
}

/** Writes an answer through Node's own response, of either version. */
export function respond(response: AnyResponse, answer: Answer): void {
  if (response instanceof ServerResponse) response.writeHead(answer.status, answer.headers).end(answer.body);
  else response.writeHead(answer.status, answer.headers).end(answer.body);
}

/** The head of an HTTP/1.1 message, in one piece. */
export function encodeHead(status: number, headers: OutgoingHttpHeaders): Buffer {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (const [name, value] of Object.entries({ Date: new Date().toUTCString(), ...headers })) {
    lines.push(`${name}: ${String(value)}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** The answer as the last HTTP/1.1 message of a connection. */
export function encodeAnswer(answer: Answer): Buffer {
  return Buffer.concat([
    encodeHead(answer.status, { ...answer.headers, Connection: 'close' }),
    Buffer.from(answer.body),
  ]);
}
