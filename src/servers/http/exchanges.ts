import { ServerResponse } from 'node:http';
import { constants, type Http2ServerResponse } from 'node:http2';
import { Deadline } from '../../core/deadline.ts';

/** The requests that an application is answering, so that their answers are waited for when the server stops. */
export class Exchanges {
  readonly #open = new Set<ServerResponse | Http2ServerResponse>();
  #areLast = false;
  #onEmpty: (() => void) | null = null;

  add(response: ServerResponse | Http2ServerResponse): void {
    this.#open.add(response);
    if (this.#areLast) this.#makeLast(response);
    response.once('close', () => {
      this.#open.delete(response);
      if (this.#open.size === 0) this.#onEmpty?.();
    });
  }

  /** No connection is kept for another request from now on. */
  beLast(): void {
    this.#areLast = true;
    for (const response of this.#open) this.#makeLast(response);
  }

  /** Resolves when all are answered; those that are not after `timeoutMs` are cut, and it says how many. */
  async answered(timeoutMs: number): Promise<number> {
    if (this.#open.size === 0) return 0;
    const isEmpty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    if (await new Deadline(timeoutMs).meets(isEmpty)) return 0;
    const left = [...this.#open];
    for (const response of left) {
      if (response instanceof ServerResponse) response.destroy();
      else response.stream.close(constants.NGHTTP2_CANCEL);
    }
    return left.length;
  }

  /** RFC 9112, 9.6: says so where the head has not left yet, and closes either way. HTTP/2 has told its whole connection. */
  #makeLast(response: ServerResponse | Http2ServerResponse): void {
    if (!(response instanceof ServerResponse)) return;
    if (!response.headersSent) response.shouldKeepAlive = false;
    else response.once('finish', () => response.req.socket.end());
  }
}
