import type { Socket } from 'node:net';
import { type Player, Session, type SessionRegistry } from '../../core/session.ts';
import type { StreamAddress } from '../../core/stream-path.ts';
import type { Subscription } from '../../core/subscription.ts';
import { AbsentError, ClosedError } from '../../errors.ts';
import { innerFormat } from '../../protocols/inner/inner-format.ts';
import { encodeAccept, encodeEnd, encodeMove, encodeRefuse, encodeRenew } from '../../protocols/inner/inner-frames.ts';
import { innerOrigin, innerTarget } from './inner-origin.ts';

/** How long last words may take to a process that does not read. */
const LINGER_MS = 2_000;

/** Another process of this server that plays a stream of this one, for all its players. */
export class InnerPlayer extends Session implements Player {
  readonly format = innerFormat;
  readonly #socket: Socket;
  #hasBegun = false;
  #farewell: Buffer | null = null;

  constructor(registry: SessionRegistry, socket: Socket, address: StreamAddress) {
    super(registry, innerOrigin);
    this.#socket = socket;
    this.setTarget(innerTarget(address));
  }

  override get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  /** Says yes and lets the stream flow. */
  begin(subscription: Subscription): void {
    this.#hasBegun = true;
    // The answer leaves in one piece with the first media.
    this.#socket.cork();
    this.#write(encodeAccept());
    subscription.start();
    process.nextTick(() => this.#socket.uncork());
  }

  send(_units: readonly Buffer[], joined: Buffer | null): void {
    if (joined !== null) this.#write(joined);
  }

  onStreamEnd(reason: Error): void {
    this.#say(encodeEnd(reason));
    this.close(reason);
  }

  onStreamStart(): void {}

  onStreamRenew(): void {
    if (this.#hasBegun) this.#write(encodeRenew());
  }

  onStreamMove(): void {
    this.#say(encodeMove());
    this.close(new ClosedError('the stream goes on in another process'));
  }

  protected release(reason: Error): void {
    const farewell = this.#farewell ?? (this.#hasBegun ? null : encodeRefuse(reason));
    if (farewell === null) this.#socket.destroy();
    else endSocket(this.#socket, farewell);
  }

  /** The last words; a refusal to one who has not been told yes. */
  #say(farewell: Buffer): void {
    this.#farewell = this.#hasBegun ? farewell : encodeRefuse(gone(this.streamPath));
  }

  #write(bytes: Buffer): void {
    this.outBytes += bytes.length;
    this.#socket.write(bytes);
  }
}

/** The refusal of a stream that this process does not have. */
export function gone(streamPath: string): AbsentError {
  return new AbsentError(`${streamPath} is not published here`);
}

/** Ends the connection with these bytes; what the peer still sends is thrown away. */
export function endSocket(socket: Socket, bytes: Buffer): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
  socket.end(bytes);
}
