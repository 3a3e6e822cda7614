import autocannon from 'autocannon';
import type { Job, Lab } from '../lab.ts';
import type { ApiRow, Transport } from '../results.ts';
import { restS, signIn, watchBeside, watchers } from './beside.ts';

const requestsPerS = 500;
const loadS = 12;
const warmupS = 2;
const connections = 10;
/** What asking so often takes of this program. */
const askingCores = 0.25;

/** Many requests to the API beside players: what they cost those who watch. */
export function api(lab: Lab): Job {
  const rows: ApiRow[] = [];
  const points = lab.options.transports.flatMap((transport) => [1, 2].map((workers) => ({ transport, workers })));
  const steps = points.map(({ transport, workers }) => ({
    label: `ours     ${transport.padEnd(4)} ${watchers} players, ${workers === 1 ? 'one process' : `${workers} workers`}`,
    seconds: 10 + loadS + 2 * restS,
    run: async () => {
      const row = await measure(lab, transport, workers);
      rows.push(row);
      const { before, meanwhile } = row.p99Ms;
      const answers = `${row.answersPerS.toFixed(0)} answers a second, p99 ${row.answerP99Ms.toFixed(0)} ms`;
      return `${answers}; watchers' p99 ${before.toFixed(1)}, then ${meanwhile.toFixed(1)} ms`;
    },
  }));
  return { suite: 'api', steps, finish: () => ({ api: rows }) };
}

async function measure(lab: Lab, transport: Transport, workers: number): Promise<ApiRow> {
  let token = '';
  let answers = { perS: 0, p50Ms: 0, p99Ms: 0, failed: 0 };
  const watched = await watchBeside({
    lab,
    transport,
    workers,
    meanwhileS: loadS,
    warmupS,
    knownCores: askingCores,
    prepare: async (stage) => {
      token = await signIn(stage);
    },
    meanwhile: async (stage) => {
      const result = await autocannon({
        url: `http://127.0.0.1:${stage.ports.http}/api/v1/streams`,
        headers: { Authorization: `Bearer ${token}` },
        connections,
        overallRate: requestsPerS,
        duration: loadS,
      });
      const failed = result.errors + result.timeouts + result.non2xx;
      answers = { perS: result['2xx'] / result.duration, p50Ms: result.latency.p50, p99Ms: result.latency.p99, failed };
    },
  });
  return {
    transport,
    workers,
    requestsPerS,
    answersPerS: answers.perS,
    answerP50Ms: answers.p50Ms,
    answerP99Ms: answers.p99Ms,
    failedAnswers: answers.failed,
    ...watched,
  };
}
