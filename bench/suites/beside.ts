import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Lab } from '../lab.ts';
import { isDisturbed, type Played } from '../load-report.ts';
import type { Transport, Watched } from '../results.ts';
import { apiUser, type Candidate, ours } from '../servers.ts';
import { joinLimitS, type Stage } from '../stage.ts';
import { settle } from './settle.ts';

/** Players who watch while something else goes on. */
export const watchers = 200;
/** Before that, and after it. */
export const restS = 8;

const loginAnswer = z.object({ data: z.object({ token: z.string() }) });

/** Our server with somebody who can sign in, in one process or several. */
export function withApi(lab: Lab, workers: number): Candidate {
  const jwt = { secret: 'a secret of the bench, for loopback', users: [{ ...apiUser, role: 'admin' }] };
  return ours(lab.tools, { config: { workers, auth: { play: false, publish: false, secret: 'bench', jwt } } });
}

export async function signIn({ ports }: Stage): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${ports.http}/api/v1/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(apiUser),
  });
  return loginAnswer.parse(await response.json()).data.token;
}

/** Changes the configuration file of the server on the stage. */
export function editConfig({ folder }: Stage, edit: (config: Record<string, unknown>) => void): void {
  const path = join(folder, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  edit(config);
  writeFileSync(path, JSON.stringify(config));
}

export interface Scene {
  readonly lab: Lab;
  readonly transport: Transport;
  readonly workers: number;
  /** Before anybody watches. */
  readonly prepare?: (stage: Stage) => Promise<void>;
  /** What goes on meanwhile, and how long it takes. */
  readonly meanwhile: (stage: Stage) => Promise<void>;
  readonly meanwhileS: number;
  /** Of that, what comes first and is not looked at: code that has never run is compiled then. */
  readonly warmupS: number;
  /** What the bench itself keeps busy meanwhile, in cores. */
  readonly knownCores: number;
}

/** Has players watch before, while and after something goes on; every frame of each is looked at. */
export async function watchBeside(scene: Scene): Promise<Watched> {
  const { lab, transport, workers, meanwhile, meanwhileS, warmupS, knownCores } = scene;
  const lifeS = 30 + 2 * restS + 2 * meanwhileS + joinLimitS;
  return lab.withServer(withApi(lab, workers), lifeS, async (stage) => {
    await scene.prepare?.(stage);
    const publisher = await stage.publish();
    await settle(2);
    const play = { transport, players: watchers, parsed: -1, joinPerS: 200, warmupS: 2, windowS: lifeS };
    const watching = stage.play(play);
    await watching.joined;
    await settle(play.warmupS + restS);
    watching.nextSlice();
    const going = meanwhile(stage);
    if (warmupS > 0) {
      await settle(warmupS);
      watching.nextSlice();
    }
    await going;
    watching.nextSlice();
    await settle(restS);
    const watched = await watching.end();
    const published = await publisher.end();
    return { ...summary(watched, warmupS > 0), isDisturbed: isDisturbed(watched, published, knownCores) };
  });
}

function summary({ series, lost, missingFrames }: Played, hasWarmup: boolean): Omit<Watched, 'isDisturbed'> {
  const [before, during, after] = hasWarmup ? series.toSpliced(1, 1) : series;
  if (before === undefined || during === undefined || after === undefined) throw new Error('a slice is missing');
  return { watchers, lost, missingFrames, p99Ms: { before: before.p99, meanwhile: during.p99, after: after.p99 } };
}
