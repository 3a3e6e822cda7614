import type { Socket } from 'node:net';
import type { CountedSocket } from '../../core/connection-limits.ts';
import type { DoorName } from './messages.ts';

/** A connection, from its arrival in the primary to its end in a worker. */
export class Visitor implements CountedSocket {
  readonly id: number;
  readonly door: DoorName;
  readonly socket: Socket;
  /** The peer's; once a proxy has said for whom it connected, that client's. */
  remoteAddress: string | undefined;
  readonly #listeners: (() => void)[] = [];

  constructor(id: number, door: DoorName, socket: Socket) {
    this.id = id;
    this.door = door;
    this.socket = socket;
    this.remoteAddress = socket.remoteAddress;
    // A connection that breaks before it is handed over is found broken by the worker.
    socket.on('error', () => {});
  }

  once(_event: 'close', listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** A worker has it: this process lets go. */
  handOver(): void {
    this.socket.destroy();
  }

  /** Could another worker still have it? */
  get isHere(): boolean {
    return !this.socket.destroyed;
  }

  /** It cannot be served, or its worker is gone. */
  destroy(): void {
    this.leave();
  }

  /** It has ended, wherever it was. */
  leave(): void {
    this.socket.destroy();
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
