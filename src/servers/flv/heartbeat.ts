import type { WebSocket } from 'ws';
import { TimeoutError } from '../../errors.ts';

/** Asks a WebSocket peer regularly whether it lives; `onDead` when nothing came since the last question. */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout | null;
  #isAlive = true;

  constructor(webSocket: WebSocket, intervalMs: number, onDead: (reason: Error) => void) {
    const alive = () => {
      this.#isAlive = true;
    };
    webSocket.on('pong', alive);
    webSocket.on('ping', alive);
    webSocket.on('message', alive);
    const beat = () => {
      if (!this.#isAlive) onDead(new TimeoutError('pingIntervalMs', `no answer to a ping within ${intervalMs} ms`));
      else if (webSocket.readyState === webSocket.OPEN) {
        this.#isAlive = false;
        webSocket.ping();
      }
    };
    this.#timer = intervalMs === 0 ? null : setInterval(beat, intervalMs).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}
