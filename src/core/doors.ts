import type { Server, Socket } from 'node:net';
import { Certificate, type CertificateOptions, type CertificatePair } from './certificate.ts';
import { type Listener, listen } from './listener.ts';

/** The pair of one TLS door: the one in use, and those that follow it. */
export interface DoorCertificate {
  current(): CertificatePair;
  /** Calls `listener` with each new pair; returns what ends that. */
  onChange(listener: (pair: CertificatePair) => void): () => void;
  close(): void;
}

/**
 * Who lets connections in. A process on its own listens itself; one of several is handed connections by the process that
 * has the doors open.
 */
export interface Doors {
  /**
   * From now on `server` gets `connection` events.
   * @throws ListenError when the door stays shut.
   */
  open(server: Server, name: Listener['name'], host: string, port: number): Promise<Listener>;
  /** Lets nobody in any more; resolves when every connection of `server` has ended. */
  close(server: Server): Promise<void>;
  /**
   * A proxy has said for whom it connected: is there room for one more connection of that address? Not asked where the
   * connections of the whole server are counted by `ConnectionLimits` of this process.
   * @throws LimitError when there is none.
   */
  named?(socket: Socket, address: string): Promise<void>;
  /** @throws ConfigError when there is no pair that can be used. */
  certificate(options: CertificateOptions): Promise<DoorCertificate>;
}

/** The doors of a process on its own. */
export const ownDoors: Doors = {
  open: listen,
  close: (server) => new Promise((resolve) => server.close(() => resolve())),
  certificate: (options) => Certificate.load(options),
};
