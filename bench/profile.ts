import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const cpuProfile = z.object({
  startTime: z.number(),
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

/** Times are those of CLOCK_MONOTONIC in microseconds, which V8 uses as well. */
export interface Window {
  readonly fromUs: number;
  readonly toUs: number;
}

/** The functions with the most time of their own inside the window, as a Markdown table. */
export function topFunctions(path: string, window: Window, root: string, most = 25): string {
  const profile = cpuProfile.parse(JSON.parse(readFileSync(path, 'utf8')));
  const names = new Map(profile.nodes.map((node) => [node.id, describe(node.callFrame, root)]));
  const self = new Map<string, number>();
  let time = profile.startTime;
  let total = 0;
  profile.samples.forEach((id, i) => {
    // A sample stands for the time up to the next one.
    time += profile.timeDeltas[i] ?? 0;
    const lasts = profile.timeDeltas[i + 1] ?? 0;
    if (time < window.fromUs || time > window.toUs) return;
    const name = names.get(id) ?? 'unknown';
    self.set(name, (self.get(name) ?? 0) + lasts);
    total += lasts;
  });
  const busy = total - (self.get('(idle)') ?? 0);
  const rows = [...self]
    .filter(([name]) => name !== '(idle)')
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([name, us]) => `| ${(us / 1000).toFixed(1)} | ${((100 * us) / busy).toFixed(1)} % | ${name} |`);
  return [
    `busy ${((100 * busy) / total).toFixed(1)} % of ${(total / 1e6).toFixed(1)} s`,
    '',
    '| own ms | share | function |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function describe(frame: { functionName: string; url: string; lineNumber: number }, root: string): string {
  const name = frame.functionName === '' ? '(anonymous)' : frame.functionName;
  if (frame.url === '') return name;
  const file = frame.url.startsWith('file:') ? relative(root, fileURLToPath(frame.url)) : frame.url;
  return `${name} ${file}:${frame.lineNumber + 1}`;
}
