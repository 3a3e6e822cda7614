import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { until } from '../support/wait.ts';

/** A call as it arrived. */
export interface ReceivedCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Record<string, unknown>;
  /** What happened, whichever form it was told in. */
  readonly event: string;
}

/** What the receiver does with a call. */
export type Answer = (call: ReceivedCall, response: ServerResponse) => void;

const taken: Answer = (_call, response) => void response.end();

/** Somebody who is told; keeps every call. */
export class Receiver implements AsyncDisposable {
  readonly calls: ReceivedCall[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  answer: Answer = taken;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const body = JSON.parse(text) as Record<string, unknown>;
        const event = String(body['event'] ?? body['action']);
        const call = { path: request.url ?? '', headers: request.headers, text, body, event };
        this.calls.push(call);
        this.answer(call, response);
      });
    });
  }

  /** @param port 0: any */
  static async open(answer: Answer = taken, port = 0): Promise<Receiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const receiver = new Receiver(server);
    receiver.answer = answer;
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  of(event: string): ReceivedCall[] {
    return this.calls.filter((call) => call.event === event);
  }

  async received(event: string, count = 1): Promise<ReceivedCall[]> {
    await until(() => this.of(event).length >= count, `${count} of ${event}`);
    return this.of(event);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}

/** An answer in JSON. */
export const says =
  (status: number, body: unknown): Answer =>
  (_call, response) =>
    void response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));

/** What the session of a call in our own form was. */
export function sessionOf(call: ReceivedCall | undefined): Record<string, unknown> {
  return (call?.body['session'] ?? {}) as Record<string, unknown>;
}
