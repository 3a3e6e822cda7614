import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { median, slope } from '../figures.ts';
import type { Job, Lab } from '../lab.ts';
import { descriptors, rssKb } from '../proc.ts';
import type { SoakResult, SoakState } from '../results.ts';
import { apiUser, type Candidate, ours } from '../servers.ts';
import type { Stage } from '../stage.ts';
import { Churn } from './churn.ts';
import { settle } from './settle.ts';

const sampleS = 5;
const warmupS = 20;
/** Places of dropped publishers are kept so long; short, so that there are more lives in an hour. */
const graceMs = 5_000;
const quietLimitS = 45;
const watchers = 20;

const probeLine = z.object({ heapBytes: z.number(), timers: z.number() });
const loginAnswer = z.object({ data: z.object({ token: z.string() }) });
const sessionsAnswer = z.object({ data: z.object({ total: z.number() }) });

/** Publishers and players come and go for a long time; nothing of them may stay. Only our server. */
export function soak(lab: Lab): Job {
  const results: SoakResult[] = [];
  const { soakMinutes } = lab.options;
  const step = {
    label: `ours     ${soakMinutes} minutes`,
    seconds: 2 + warmupS + soakMinutes * 60 + 2 * (graceMs / 1000 + 5),
    run: async () => {
      const result = await measure(lab, soakMinutes);
      results.push(result);
      const { before, after } = result;
      const change = (name: keyof SoakState) => `${before[name].toFixed(0)} to ${after[name].toFixed(0)}`;
      const left = `descriptors ${change('descriptors')}, timers ${change('timers')}, sessions ${change('sessions')}`;
      return `heap ${change('heapMib')} MiB, ${left}, RSS ${result.rssSlopeMibPerH.toFixed(1)} MiB/h`;
    },
  };
  return {
    suite: 'soak',
    steps: [step],
    finish: () => (results[0] === undefined ? {} : { soak: results[0] }),
  };
}

/** `bench/probe.ts` in it writes beside its configuration. */
function candidateOf(lab: Lab): Candidate {
  const jwt = { secret: 'a secret of the bench, for loopback', users: [{ ...apiUser, role: 'admin' }] };
  const config = {
    auth: { play: false, publish: false, secret: 'bench', jwt },
    publish: { graceMs },
  };
  const plain = ours(lab.tools, { config });
  return {
    ...plain,
    command: (folder, ports) => {
      const { command, args } = plain.command(folder, ports);
      const probe = pathToFileURL(join(import.meta.dirname, '..', 'probe.ts'));
      probe.searchParams.set('out', probeFile(folder));
      return { command, args: ['--expose-gc', '--import', probe.href, ...args] };
    },
  };
}

function probeFile(folder: string): string {
  return join(folder, 'probe.jsonl');
}

async function measure(lab: Lab, minutes: number): Promise<SoakResult> {
  const lifeS = 2 * warmupS + minutes * 60 + 3 * quietLimitS + 60;
  return lab.withServer(candidateOf(lab), lifeS, async (stage) => {
    const token = await signIn(stage);
    const look = async (): Promise<SoakState> => ({
      descriptors: descriptors([stage.pid]),
      rssMib: rssKb([stage.pid]) / 1024,
      ...(await askProbe(stage)),
      sessions: await countSessions(stage, token),
    });
    const warming = new Churn(stage);
    await settle(warmupS);
    await warming.end();
    const before = await quiet(look, null);

    const steady = await stage.publish({ name: 'steady' });
    const play = {
      transport: 'flv',
      name: 'steady',
      players: watchers,
      parsed: -1,
      joinPerS: 100,
      warmupS: 1,
    } as const;
    const watching = stage.play({ ...play, windowS: lifeS });
    const churn = new Churn(stage);
    const samples = await sample(minutes * 60, look);
    await churn.end();
    const watched = await watching.end();
    await steady.end();
    const after = await quiet(look, before);

    const settled = samples.slice(Math.floor(samples.length / 6));
    const early = samples.slice(Math.floor(samples.length / 6), Math.floor(samples.length / 3));
    const late = samples.slice(-Math.max(1, Math.floor(samples.length / 6)));
    return {
      minutes,
      before,
      after,
      samples,
      rssSlopeMibPerH: slope(settled.map(({ atS, rssMib }) => ({ x: atS / 3600, y: rssMib }))),
      rssEarlyMib: median(early.map(({ rssMib }) => rssMib)),
      rssLateMib: median(late.map(({ rssMib }) => rssMib)),
      publishersCome: churn.publishersCome,
      playersCome: churn.playersCome,
      watchers,
      watcherP50Ms: watched.videoMs.p50,
      watcherP99Ms: watched.videoMs.p99,
      watchersLost: watched.lost + watchers - watched.started,
    };
  });
}

/** Looks every `sampleS`; after hours the file would be long, so longer runs look less often. */
async function sample(seconds: number, look: () => Promise<SoakState>): Promise<SoakResult['samples']> {
  const everyS = Math.max(sampleS, seconds / 360);
  const from = performance.now() / 1000;
  const samples: SoakResult['samples'] = [];
  for (let atS = everyS; atS <= seconds; atS += everyS) {
    await settle(Math.max(0, from + atS - performance.now() / 1000));
    samples.push({ atS: Math.round(atS), ...(await look()) });
  }
  return samples;
}

/** The state once everybody has gone, or after `quietLimitS`; `wanted`: once it is as it was. */
async function quiet(look: () => Promise<SoakState>, wanted: SoakState | null): Promise<SoakState> {
  const deadline = performance.now() + quietLimitS * 1000;
  await settle(graceMs / 1000 + 2);
  for (;;) {
    const state = await look();
    const isAsWanted = wanted === null || (state.descriptors <= wanted.descriptors && state.timers <= wanted.timers);
    if ((state.sessions === 0 && isAsWanted) || performance.now() > deadline) return state;
    await settle(1);
  }
}

/** Asks the probe for a line and waits for it. */
async function askProbe(stage: Stage): Promise<Pick<SoakState, 'heapMib' | 'timers'>> {
  const path = probeFile(stage.folder);
  const read = () => (existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []);
  const known = read().length;
  process.kill(stage.pid, 'SIGUSR2');
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    const lines = read();
    if (lines.length > known) {
      const { heapBytes, timers } = probeLine.parse(JSON.parse(lines.at(-1)!));
      return { heapMib: heapBytes / 2 ** 20, timers };
    }
    await settle(0.02);
  }
  throw new Error('the probe in the server did not answer within 10 s');
}

async function signIn(stage: Stage): Promise<string> {
  return loginAnswer.parse(await ask(stage, 'POST', '/api/v1/login', { body: apiUser })).data.token;
}

async function countSessions(stage: Stage, token: string): Promise<number> {
  return sessionsAnswer.parse(await ask(stage, 'GET', '/api/v1/sessions', { token })).data.total;
}

/** One connection per request, gone when it is answered: it is not to be counted. */
function ask(stage: Stage, method: string, path: string, options: { token?: string; body?: object }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = {
      'Content-Type': 'application/json',
      ...(options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` }),
    };
    const asked = request(
      { host: '127.0.0.1', port: stage.ports.http, method, path, headers, agent: false },
      (response) => {
        json(response).then(resolve, reject);
      },
    );
    asked.setTimeout(10_000, () => asked.destroy(new Error(`no answer to ${method} ${path} within 10 s`)));
    asked.on('error', reject);
    asked.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  });
}
