import { appendFileSync } from 'node:fs';

/*
 * Loaded into our server by the soak (`node --expose-gc --import bench/probe.ts?out=file`): appends a line of JSON to the
 * file at each SIGUSR2, after a collection of garbage. Timers are those that keep the process alive.
 */

const out = new URL(import.meta.url).searchParams.get('out');
if (out === null || globalThis.gc === undefined) throw new Error('the probe needs ?out=file and --expose-gc');
const collect = globalThis.gc;

process.on('SIGUSR2', () => {
  collect();
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  appendFileSync(out, `${JSON.stringify({ heapBytes: process.memoryUsage().heapUsed, timers })}\n`);
});
