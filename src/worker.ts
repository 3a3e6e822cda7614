import type { Socket } from 'node:net';
import { encodeError, type StartMessage, type ToPrimary, type ToWorker, WorkerHouse } from './servers/cluster/index.ts';
import { letHeapGrow } from './heap.ts';
import { InnerServer } from './servers/inner/index.ts';
import { createInnerSource, servers } from './servers.ts';

/** How long what was said last may take to reach the primary. */
const FLUSH_MS = 1000;

function send(message: ToPrimary): void {
  // Without the primary there is nobody to tell, and the process ends.
  if (process.connected) process.send?.(message, () => {});
}

/** Ends the process once everything said has been written. */
function end(code: number): void {
  if (!process.connected || process.send === undefined) process.exit(code);
  setTimeout(() => process.exit(code), FLUSH_MS);
  process.send(
    {
      kind: 'statistics',
      at: Date.now(),
      sessions: [],
      streams: [],
      figures: [],
      counts: [],
      process: null,
    } satisfies ToPrimary,
    () => process.exit(code),
  );
}

function fail(error: unknown): void {
  send({ kind: 'failed', error: encodeError(error) });
  end(1);
}

function begin(start: StartMessage): WorkerHouse {
  return new WorkerHouse(start, {
    definitions: servers,
    createInnerServer: (context, options) => new InnerServer({ context, ...options }),
    createInnerSource,
    send,
  });
}

/** One worker of a server with several: forked by the primary, does what its messages say, ends with it. */
function main(): void {
  letHeapGrow();
  let house: WorkerHouse | null = null;
  const take = (message: ToWorker, socket: Socket | undefined) => {
    if (message.kind === 'start') {
      house = begin(message);
      house.run().catch(fail);
      return;
    }
    house?.take(message, socket).then((isOver) => {
      if (isOver) end(0);
    }, fail);
  };
  process.on('message', (message, handle) => take(message as ToWorker, handle as Socket | undefined));
  // The primary is gone: nobody has the doors open any more.
  process.on('disconnect', () => {
    house?.abandon();
    process.exit(1);
  });
  // Ctrl-C and a service manager's signal reach the whole group; the primary stops us in order, or reads its configuration.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
  process.on('uncaughtException', fail);
}

main();
