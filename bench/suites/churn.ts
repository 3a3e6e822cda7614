import { setTimeout as sleep } from 'node:timers/promises';
import { transports } from '../results.ts';
import type { Stage } from '../stage.ts';
import { smallStream } from '../stream.ts';

const publishers = 4;
const playerGroups = 6;
const openS = { least: 4, most: 25 };
const awayS = { least: 0.5, most: 8 };
const groupSize = { least: 3, most: 30 };

/**
 * Publishers and groups of players that come, stay for a while, go and come again, by a fixed sequence of random numbers.
 * Half of the players end their connections, half vanish; some come while their stream is away.
 */
export class Churn {
  publishersCome = 0;
  playersCome = 0;
  readonly #stage: Stage;
  readonly #lives: readonly Promise<void>[];
  readonly #ending = new AbortController();
  #seed = 1;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#lives = [
      ...Array.from({ length: publishers }, (_, i) => this.#live(() => this.#publish(i))),
      ...Array.from({ length: playerGroups }, (_, i) => this.#live(() => this.#play(i))),
    ];
    for (const life of this.#lives) life.catch(() => undefined);
  }

  /** Everybody goes. @throws when one of them failed meanwhile */
  async end(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#lives);
  }

  async #live(visit: () => Promise<void>): Promise<void> {
    while (!this.#ending.signal.aborted) {
      await this.#wait(awayS);
      if (!this.#ending.signal.aborted) await visit();
    }
  }

  async #publish(index: number): Promise<void> {
    const publisher = await this.#stage.publish({ name: `soak${index}`, shape: smallStream });
    this.publishersCome++;
    await this.#wait(openS);
    await publisher.end();
  }

  async #play(index: number): Promise<void> {
    const players = Math.round(this.#between(groupSize));
    const group = this.#stage.play({
      transport: transports[index % transports.length]!,
      name: `soak${Math.floor(this.#between({ least: 0, most: publishers }))}`,
      players,
      parsed: -1,
      shape: smallStream,
      joinPerS: 100,
      warmupS: 0,
      windowS: openS.most + 10,
    });
    this.playersCome += players;
    await this.#wait(openS);
    if (this.#between({ least: 0, most: 1 }) < 0.5) await group.kill();
    else await group.end();
  }

  /** Numerical Recipes' generator: the same lives in every run. */
  #between({ least, most }: { readonly least: number; readonly most: number }): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return least + (this.#seed / 2 ** 32) * (most - least);
  }

  async #wait(range: { readonly least: number; readonly most: number }): Promise<void> {
    try {
      await sleep(this.#between(range) * 1000, undefined, { signal: this.#ending.signal });
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error;
    }
  }
}
