import type { ServerResponse } from 'node:http';
import type { EventLog, LoggedEvent } from './event-log.ts';

/** Bytes that may wait for a reader who does not read; then he is cut off, and may come back for the rest. */
export const MAX_READER_BACKLOG_BYTES = 256 * 1024;
/** After how long a reader whose connection was lost comes back. */
const RETRY_MS = 3000;

/** One reader of events, in the form that browsers know (HTML Living Standard, 9.2, server-sent events). */
export class EventReader {
  readonly #response: ServerResponse;
  readonly #log: EventLog;
  readonly #names: ReadonlySet<string> | null;
  /** Of what was missed, until it is on its way. */
  #replayBytes = 0;

  /** @param names those that are wanted; `null`: all */
  constructor(response: ServerResponse, log: EventLog, names: ReadonlySet<string> | null) {
    this.#response = response;
    this.#log = log;
    this.#names = names;
  }

  /** Says where the reader is, and what he has missed since `lastId`. */
  begin(lastId: string | null): void {
    this.#response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      // nginx would keep events back until a buffer is full.
      'X-Accel-Buffering': 'no',
    });
    const head = `retry: ${RETRY_MS}\n`;
    if (lastId === null) return this.#write(`${head}id: ${this.#log.lastId}\n\n`);
    const { events, gap } = this.#log.since(lastId);
    if (gap !== null) {
      const data = JSON.stringify({ reason: gap });
      return this.#write(`${head}id: ${this.#log.lastId}\nevent: reset\ndata: ${data}\n\n`);
    }
    const missed = events.filter((event) => this.#wants(event)).map((event) => this.#encode(event));
    const text = `${head}id: ${lastId}\n\n${missed.join('')}`;
    // What he missed may be more than may wait for him otherwise.
    this.#replayBytes = Buffer.byteLength(text);
    this.#response.once('drain', () => {
      this.#replayBytes = 0;
    });
    this.#write(text);
  }

  tell(event: LoggedEvent): void {
    if (this.#wants(event)) this.#write(this.#encode(event));
  }

  /** Keeps proxies from closing what is silent; and who wants few events stays within what is remembered. */
  ping(): void {
    this.#write(`id: ${this.#log.lastId}\n: ping\n\n`);
  }

  end(): void {
    this.#response.end();
  }

  #wants({ name }: LoggedEvent): boolean {
    return this.#names === null || this.#names.has(name);
  }

  #encode({ seq, name, data }: LoggedEvent): string {
    return `id: ${this.#log.idOf(seq)}\nevent: ${name}\ndata: ${data}\n\n`;
  }

  #write(text: string): void {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) return;
    response.write(text);
    if (response.writableLength > MAX_READER_BACKLOG_BYTES + this.#replayBytes) response.destroy();
  }
}
