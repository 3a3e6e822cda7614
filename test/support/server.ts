import { NodeMediaServer, type NodeMediaServerConfig } from '../../src/index.ts';
import { type LogLine, recordingLogger } from './house.ts';

export interface RunningServer extends AsyncDisposable {
  readonly server: NodeMediaServer;
  readonly lines: LogLine[];
  /** The port of a door. */
  port(name: 'rtmp' | 'rtmps' | 'http' | 'https'): number;
}

/** A server in this process on ports that the system chooses; without a folder it has no history. Stops at the end of the block. */
export async function startServer(config: NodeMediaServerConfig = {}, folder?: string): Promise<RunningServer> {
  const lines: LogLine[] = [];
  // Servers of several tests share the current folder, of which a store can have one.
  const withoutHistory = folder === undefined ? { store: { maxHistory: 0 } } : {};
  const server = new NodeMediaServer(
    { bind: '127.0.0.1', rtmp: { port: 0 }, http: { port: 0 }, ...withoutHistory, ...config },
    { logger: recordingLogger(lines), ...(folder === undefined ? {} : { folder }) },
  );
  await server.run();
  return {
    server,
    lines,
    port: (name) => {
      const listener = server.listeners.find((candidate) => candidate.name === name);
      if (listener === undefined) throw new Error(`${name} is not open`);
      return listener.port;
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
