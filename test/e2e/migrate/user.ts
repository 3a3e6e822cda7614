import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a user of Node-Media-Server 4.4.3 has around his server, written against that server: signatures, receiver, scripts. */

/** The signature of his own backend: md5 of path, time and secret. */
export function signed(path: string, secret: string, ttl = 3600): string {
  const expires = Math.floor(Date.now() / 1000) + ttl;
  const hash = createHash('md5').update(`${path}-${expires}-${secret}`).digest('hex');
  return `${path}?sign=${expires}-${hash}`;
}

/** One call that the receiver was made, with the keys that 4.4.3 sends. */
export interface Call {
  readonly id: string;
  readonly ip: string;
  readonly app: string;
  readonly name: string;
  readonly query: Readonly<Record<string, string>>;
  readonly protocol: string;
  readonly createtime: number;
  readonly endtime: number;
  readonly inbytes: number;
  readonly outbytes: number;
  readonly filePath: string;
  readonly action: string;
}

/** His webhook receiver: takes any content type for JSON, refuses the names it does not like, answers 200 to all else. */
export class Receiver {
  readonly calls: Call[] = [];
  readonly #server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const call = JSON.parse(body) as Call;
      this.calls.push(call);
      response.statusCode = call.name === 'banned' ? 403 : 200;
      response.end('ok');
    });
  });

  /** Returns its address. */
  async listen(port = 0): Promise<string> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** The actions about one stream, in the order in which they came. */
  actionsOf(name: string): string[] {
    return this.calls.filter((call) => call.name === name).map((call) => call.action);
  }
}

interface Envelope {
  readonly success: boolean;
  readonly data?: unknown;
  readonly message?: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: Envelope;
}

/** His scripts' way to ask the API: `fetch`, a token in the header. */
export class ApiScript {
  readonly #base: string;
  #token = '';

  constructor(base: string) {
    this.#base = base;
  }

  async ask(method: string, path: string, body?: object): Promise<ApiAnswer> {
    const response = await fetch(`${this.#base}/api/v1${path}`, {
      method,
      headers: {
        ...(this.#token === '' ? {} : { Authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, body: (type.includes('json') ? JSON.parse(text) : {}) as Envelope };
  }

  /** Everything below `data` that the scripts read, as they know it. */
  async data<Data>(method: string, path: string, body?: object): Promise<Data> {
    const answer = await this.ask(method, path, body);
    if (!answer.body.success) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body.data as Data;
  }

  async signIn(username: string, password: string): Promise<void> {
    const { token } = await this.data<{ token: string }>('POST', '/login', { username, password });
    this.#token = token;
  }
}
