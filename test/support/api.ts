import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWeb, type WebHouse } from './web.ts';

export const API_SECRET = 'the secret of a test, long enough for anybody';

export const users = [
  { username: 'admin', password: 'right', role: 'admin' as const },
  { username: 'guest', password: 'plain', role: 'viewer' as const },
];

const signedIn = { auth: { jwt: { secret: API_SECRET, users } } };

export interface ApiReply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The envelope; fails when it is no JSON. */
  readonly body: { success: boolean; data?: any; message: string; code?: string; error?: string }; // oxlint-disable-line typescript/no-explicit-any
}

export interface ApiRequest {
  readonly method?: string;
  readonly token?: string | undefined;
  /** An object is sent as JSON, a text as it is. */
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of this address of the loopback network. */
  readonly from?: string;
}

/** One exchange with the API on `port`; `path` is below `/api/v1`. */
export function askApi(port: number, path: string, request: ApiRequest = {}): Promise<ApiReply> {
  const { method = 'GET', token, body, headers = {}, from } = request;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port,
        path: `/api/v1${path}`,
        method,
        agent: false,
        headers: {
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(from === undefined ? {} : { localAddress: from }),
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text,
            get body() {
              return JSON.parse(text);
            },
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(typeof body === 'object' ? JSON.stringify(body) : body);
  });
}

export interface Pair {
  readonly token: string;
  readonly refreshToken: string;
}

export async function signIn(port: number, username = 'admin', from?: string): Promise<Pair> {
  const password = users.find((user) => user.username === username)?.password ?? '';
  const request = { method: 'POST', body: { username, password }, ...(from === undefined ? {} : { from }) };
  const reply = await askApi(port, '/login', request);
  assert.equal(reply.status, 200, reply.text);
  return reply.body.data;
}

/** The parts that speak HTTP, with an API that `users` may sign in to; in a folder of their own unless one is given. */
export async function startApi(
  config: NonNullable<Parameters<typeof startWeb>[0]> = {},
  folder?: string,
): Promise<WebHouse> {
  const own = folder ?? mkdtempSync(join(tmpdir(), 'nms-api-'));
  const house = await startWeb(config.auth === undefined ? { ...config, ...signedIn } : config, own);
  return {
    ...house,
    [Symbol.asyncDispose]: async () => {
      await house[Symbol.asyncDispose]();
      if (folder === undefined) rmSync(own, { recursive: true, force: true });
    },
  };
}

/** Changes the configuration, as an administrator would. */
export async function configure(house: WebHouse, change: Readonly<Record<string, unknown>>): Promise<void> {
  const plan = await house.context.configuration?.apply(change, 'the test');
  assert.equal(plan?.isApplied, true);
}
