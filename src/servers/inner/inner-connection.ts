import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Context } from '../../core/context.ts';
import { ConnectionError, DeniedError, ProtocolError, TimeoutError } from '../../errors.ts';
import { encodeRefuse } from '../../protocols/inner/inner-frames.ts';
import { type InnerFrame, InnerReader } from '../../protocols/inner/inner-reader.ts';
import { parseStreamPath } from './inner-origin.ts';
import { endSocket, gone, InnerPlayer } from './inner-player.ts';

/** One connection from another process: a question first, then a player. */
export class InnerConnection {
  readonly #context: Context;
  readonly #socket: Socket;
  readonly #token: string;
  readonly #reader = new InnerReader('owner');
  readonly #timer: NodeJS.Timeout;
  #player: InnerPlayer | null = null;
  #hasAsked = false;

  constructor(context: Context, socket: Socket, token: string) {
    this.#context = context;
    this.#socket = socket;
    this.#token = token;
    const { handshakeTimeoutMs } = context.config.limits;
    this.#timer = setTimeout(
      () => this.#fail(new TimeoutError('limits.handshakeTimeoutMs', `no hello within ${handshakeTimeoutMs} ms`)),
      handshakeTimeoutMs,
    ).unref();
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (error) => this.#leave(new ConnectionError('the connection failed', { cause: error })));
    socket.on('close', () => this.#leave(new ConnectionError('the connection is closed')));
  }

  /** Has it said which stream it wants, and with which token? */
  get hasAsked(): boolean {
    return this.#hasAsked;
  }

  /** Ends what has not ended by itself. */
  close(reason: Error): void {
    if (this.#player === null) this.#socket.destroy();
    else this.#leave(reason);
  }

  #onData(chunk: Buffer): void {
    if (this.#socket.destroyed) return;
    try {
      this.#reader.push(chunk);
      for (let frame = this.#reader.next(); frame !== null; frame = this.#reader.next()) this.#onFrame(frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  #onFrame(frame: InnerFrame): void {
    if (frame.type !== 'hello') return;
    clearTimeout(this.#timer);
    if (!isSame(frame.token, this.#token)) {
      this.#context.logger.warn({}, 'an inner connection came with a wrong token');
      endSocket(this.#socket, encodeRefuse(new DeniedError('the token is wrong')));
      return;
    }
    this.#hasAsked = true;
    void this.#serve(frame.path);
  }

  async #serve(path: string): Promise<void> {
    try {
      const address = parseStreamPath(path);
      const broadcast = this.#context.broadcasts.get(address.path);
      // What came from elsewhere is fetched there: a stream never goes round in a circle.
      if (broadcast?.isOrigin !== true) {
        endSocket(this.#socket, encodeRefuse(gone(address.path)));
        return;
      }
      const player = new InnerPlayer(this.#context, this.#socket, address);
      this.#player = player;
      const subscription = await broadcast.postPlay(player, { mayWait: false });
      if (player.isClosed) return;
      if (broadcast.isOrigin) player.begin(subscription);
      else player.close(gone(address.path));
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error : new Error(String(error));
    if (this.#player === null) {
      this.#context.logger.warn({ err: reason }, 'an inner connection failed before it asked for a stream');
      this.#leave(reason);
      this.#socket.destroy();
      return;
    }
    this.#leave(reason);
    if (reason instanceof ProtocolError) this.#socket.destroy();
  }

  #leave(reason: Error): void {
    clearTimeout(this.#timer);
    this.#player?.close(reason);
  }
}

/** In a time that does not tell where they differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
