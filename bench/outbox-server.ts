import { monitorEventLoopDelay } from 'node:perf_hooks';
import { NodeMediaServer } from '../src/index.ts';

/** A server that tells one target everything, for `bench/outbox.ts`; says how its event loop did when it is asked. */
const [folder = '', url = ''] = process.argv.slice(2);
const server = new NodeMediaServer(
  {
    bind: '127.0.0.1',
    rtmp: { port: 0 },
    limits: { maxConnectionsPerAddress: 100_000 },
    notify: {
      targets: [
        {
          url,
          events: ['sessionStart', 'sessionEnd', 'postPublish', 'donePublish'],
          secret: 'of the bench',
          timeoutMs: 1_000,
        },
      ],
      outbox: { minBackoffMs: 10, maxBackoffMs: 500, maxAttempts: 1_000 },
    },
  },
  { folder },
);
await server.run();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
process.send?.({ port: server.listeners[0]?.port });
process.on('message', () => {
  const ms = (nanoseconds: number) => Math.round(nanoseconds / 1e4) / 100;
  const figures = {
    p50: ms(delay.percentile(50)),
    p99: ms(delay.percentile(99)),
    max: ms(delay.max),
    rssMb: Math.round(process.memoryUsage.rss() / 1e6),
  };
  // Garbage is no growth; the pause of its collection is not in the figures.
  globalThis.gc?.();
  process.send?.({ ...figures, heapMb: Math.round(process.memoryUsage().heapUsed / 1e5) / 10 });
  delay.reset();
});
process.once('SIGTERM', () => void server.stop().then(() => process.disconnect()));
