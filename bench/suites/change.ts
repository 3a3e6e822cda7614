import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, Lab } from '../lab.ts';
import type { ChangeRow, Transport } from '../results.ts';
import type { Stage } from '../stage.ts';
import { editConfig, restS, watchBeside, watchers } from './beside.ts';
import { settle } from './settle.ts';

const changes = 10;
const everyS = 1;
/** What the log says of each change, once. */
const appliedLine = /configuration: play\.waitMs is/g;

/** The configuration file changes again and again while players watch: nobody may notice. */
export function change(lab: Lab): Job {
  const rows: ChangeRow[] = [];
  const points = lab.options.transports.flatMap((transport) => [1, 2].map((workers) => ({ transport, workers })));
  const steps = points.map(({ transport, workers }) => ({
    label: `ours     ${transport.padEnd(4)} ${watchers} players, ${workers === 1 ? 'one process' : `${workers} workers`}`,
    seconds: 10 + changes * everyS + 2 * restS,
    run: async () => {
      const row = await measure(lab, transport, workers);
      rows.push(row);
      const { before, meanwhile } = row.p99Ms;
      return `${row.applied} of ${changes} changes; ${row.lost} lost, ${row.missingFrames} frames missing; p99 ${before.toFixed(1)}, then ${meanwhile.toFixed(1)} ms`;
    },
  }));
  return { suite: 'change', steps, finish: () => ({ change: rows }) };
}

/** What an operator changes: who may publish, a key, a webhook, a limit for players. */
function edit(stage: Stage, count: number): void {
  editConfig(stage, (config) => {
    const auth = config['auth'] as Record<string, unknown>;
    auth['streamKeys'] = { [`a key of the bench ${count}`]: '/live/other' };
    config['access'] = { publish: { deny: [`192.0.2.${count}`] } };
    config['play'] = { waitMs: 10_000 + count };
  });
}

async function measure(lab: Lab, transport: Transport, workers: number): Promise<ChangeRow> {
  let applied = 0;
  const watched = await watchBeside({
    lab,
    transport,
    workers,
    meanwhileS: changes * everyS,
    warmupS: 0,
    knownCores: 0,
    meanwhile: async (stage) => {
      for (let count = 1; count <= changes; count++) {
        edit(stage, count);
        process.kill(stage.pid, 'SIGHUP');
        await settle(everyS);
      }
      applied = readFileSync(join(stage.folder, 'output.log'), 'utf8').match(appliedLine)?.length ?? 0;
    },
  });
  return { transport, workers, changes, applied, ...watched };
}
