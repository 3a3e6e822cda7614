import type { Socket } from 'node:net';
import type { ConnectionLimits } from '../../core/connection-limits.ts';
import type { Logger } from '../../core/logger.ts';
import { LimitError } from '../../errors.ts';
import type { DoorName } from './messages.ts';
import { Visitor } from './visitor.ts';

/** Connections that wait while no worker is ready; more are refused. */
const MAX_WAITING = 1024;

/** A worker, as far as it takes connections. */
export interface Host {
  readonly number: number;
  readonly isReady: boolean;
  readonly visitors: ReadonlyMap<number, Visitor>;
  welcome(visitor: Visitor): void;
}

export interface PlacementOptions {
  readonly connections: ConnectionLimits;
  readonly logger: Logger;
  readonly hosts: () => readonly Host[];
  /** Too many wait: one more was cut. */
  readonly onRefused: () => void;
}

/** Gives each connection to the worker that has the fewest, the lowest number among equals. */
export class Placement {
  readonly #connections: ConnectionLimits;
  readonly #logger: Logger;
  readonly #hosts: () => readonly Host[];
  #waiting: Visitor[] = [];
  readonly #onRefused: () => void;
  #refused = 0;
  #count = 0;

  constructor({ connections, logger, hosts, onRefused }: PlacementOptions) {
    this.#connections = connections;
    this.#logger = logger;
    this.#hosts = hosts;
    this.#onRefused = onRefused;
  }

  /** A connection came in; one beyond the limits of the house is cut. */
  arrive(socket: Socket, door: DoorName): void {
    const visitor = new Visitor(++this.#count, door, socket);
    if (this.#connections.admit(visitor)) this.place(visitor);
  }

  /**
   * A proxy has said whose connection it is: counts it for that address. One that has ended meanwhile is none.
   * @throws LimitError when that address has its fill.
   */
  async named(visitor: Visitor | undefined, address: string): Promise<void> {
    if (visitor === undefined) return;
    visitor.remoteAddress = address;
    if (this.#connections.admit(visitor)) return;
    throw new LimitError('limits.maxConnectionsPerAddress', 'too many connections from this address');
  }

  /** Gives it to a worker, or keeps it until one is ready. */
  place(visitor: Visitor): void {
    let chosen: Host | null = null;
    for (const host of this.#hosts()) {
      if (host.isReady && (chosen === null || host.visitors.size < chosen.visitors.size)) chosen = host;
    }
    if (chosen !== null) {
      chosen.welcome(visitor);
    } else if (this.#waiting.length < MAX_WAITING) {
      this.#waiting.push(visitor);
    } else {
      this.#refused++;
      this.#onRefused();
      visitor.destroy();
    }
  }

  /** A worker is ready: those who waited are placed. */
  placeWaiting(): void {
    for (const visitor of this.#waiting.splice(0)) this.place(visitor);
  }

  /** For the log, about once a second: connections are not lost in silence. */
  report(): void {
    const fields = { waiting: this.#waiting.length, refused: this.#refused };
    this.#refused = 0;
    if (fields.waiting + fields.refused === 0) return;
    const refused = fields.refused === 0 ? '' : `, ${fields.refused} more were refused`;
    this.#logger.warn(fields, `no worker is ready: ${fields.waiting} connections wait${refused}`);
  }

  /** Cuts those who wait. */
  end(): void {
    for (const visitor of this.#waiting.splice(0)) visitor.destroy();
  }
}
