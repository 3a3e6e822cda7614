import type { AddressInfo, Server } from 'node:net';
import { ListenError } from '../errors.ts';

/** An open door. */
export interface Listener {
  readonly name: 'rtmp' | 'rtmps' | 'http' | 'https';
  readonly host: string;
  /** The real one, also when port 0 was asked for. */
  readonly port: number;
  /** `host:port`, for people. */
  readonly address: string;
}

const CAUSES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another program',
  EACCES: 'not permitted; ports below 1024 often need privileges',
  EADDRNOTAVAIL: 'this machine has no such address',
  EAFNOSUPPORT: 'this machine has no addresses of that family',
  ENOTFOUND: 'no such host name',
};

/** `host:port`, with brackets around an IPv6 host. */
export function joinAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** @throws ListenError with the address and the reason when the system refuses. */
export function listen(server: Server, name: Listener['name'], host: string, port: number): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off('listening', onListening);
      const address = joinAddress(host, port);
      const cause = CAUSES[error.code ?? ''] ?? error.message;
      reject(new ListenError(address, `${name} cannot listen on ${address}: ${cause}`, { cause: error }));
    };
    const onListening = () => {
      server.off('error', onError);
      const real = (server.address() as AddressInfo).port;
      resolve({ name, host, port: real, address: joinAddress(host, real) });
    };
    server.once('error', onError);
    server.once('listening', onListening);
    server.listen({ host, port });
  });
}
