import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { ConnectionError, LimitError, TimeoutError } from '../../errors.ts';
import { callHeaders } from './signature.ts';
import type { Target } from './target.ts';

/** An unused connection is kept for so long. */
const IDLE_MS = 15_000;

/** What a target answered, whole. */
export interface CallAnswer {
  readonly status: number;
  /** `Content-Type`, or ''. */
  readonly type: string;
  readonly body: string;
}

/** One call to make. */
export interface Call {
  readonly target: Target;
  /** The event's. */
  readonly id: string;
  readonly body: string;
  readonly signal: AbortSignal;
  /** Less than the target's own time, when some of that is over. */
  readonly timeoutMs?: number;
}

interface CallerOptions {
  readonly maxResponseBytes: () => number;
  readonly maxIdle: number;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Calls targets over HTTP, on connections that are used again. Follows no redirects, and reads no answer without bounds. */
export class HttpCaller {
  readonly #options: CallerOptions;
  readonly #http: HttpAgent;
  readonly #https: HttpsAgent;

  constructor(options: CallerOptions) {
    this.#options = options;
    const agentOptions = { keepAlive: true, maxFreeSockets: options.maxIdle, timeout: IDLE_MS };
    this.#http = new HttpAgent(agentOptions);
    this.#https = new HttpsAgent(agentOptions);
  }

  /** @throws ConnectionError, TimeoutError, LimitError; the reason of `signal` when that comes first */
  async post(call: Call): Promise<CallAnswer> {
    try {
      return await this.#post(call);
    } catch (error) {
      // The target closed the connection while the call was on its way: it has not looked at it.
      if (!(error instanceof StaleConnection)) throw error;
      return this.#post(call);
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  #post({ target, id, body, signal, timeoutMs = target.timeoutMs }: Call): Promise<CallAnswer> {
    const { maxResponseBytes, now } = this.#options;
    const isSecure = target.url.protocol === 'https:';
    const bytes = Buffer.from(body);
    return new Promise((resolve, reject) => {
      const request = (isSecure ? httpsRequest : httpRequest)(target.url, {
        method: 'POST',
        agent: isSecure ? this.#https : this.#http,
        headers: {
          'User-Agent': 'node-media-server-ts',
          ...target.headers,
          ...callHeaders({ id, body, secret: target.secret, now: now() }),
          'Content-Length': bytes.length,
        },
      });
      const fail = (error: Error) => {
        settle();
        reject(error);
        request.destroy();
      };
      const late = () => fail(new TimeoutError('notify.targets[].timeoutMs', `no answer within ${timeoutMs} ms`));
      const timer = setTimeout(late, timeoutMs);
      const onAbort = () => fail(signal.reason as Error);
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      let hasAnswer = false;
      request.on('error', (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && !hasAnswer && error.code === 'ECONNRESET';
        const message = `the connection failed: ${error.code ?? error.message}`;
        fail(isStale ? new StaleConnection() : new ConnectionError(message, { cause: error }));
      });
      request.on('upgrade', (_response, socket) => {
        socket.destroy();
        fail(new ConnectionError('the connection was made one of another protocol'));
      });
      request.on('response', (response) => {
        hasAnswer = true;
        readBody(response, maxResponseBytes()).then((text) => {
          settle();
          resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body: text });
        }, fail);
      });
      if (signal.aborted) onAbort();
      else request.end(bytes);
    });
  }
}

class StaleConnection extends Error {}

function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        const message = `an answer of more than ${maxBytes} bytes; notify.maxResponseBytes are allowed`;
        reject(new LimitError('notify.maxResponseBytes', message));
      } else {
        chunks.push(chunk);
      }
    });
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.on('close', () => reject(new ConnectionError('the connection ended within the answer')));
    response.on('error', (error) => reject(new ConnectionError('the answer failed', { cause: error })));
  });
}
