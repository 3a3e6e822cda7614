import { isDeepStrictEqual } from 'node:util';
import { ClosedError, ConfigError } from '../errors.ts';
import type { PreparedChange } from './change.ts';
import type { CoreConfig } from './config.ts';
import { diffConfig, type KnownKeys, untilRestart } from './config-diff.ts';
import { effectsOf } from './config-effects.ts';
import { configJsonSchema, listAllKeys, type Sections } from './config-keys.ts';
import { mergeChange } from './config-merge.ts';
import { publicConfig } from './config-public.ts';
import { type ConfigInput, resolveConfig } from './config-schema.ts';
import type { ComposedConfig, ConfigSource } from './config-source.ts';
import { isPlainObject } from './config-tree.ts';
import type { ConfigChange, ConfigKeyChange, ConfigPlan, Configuration } from './configuration.ts';
import type { Context } from './context.ts';
import type { ServerDefinition } from './server.ts';

/** Keys of one change that are named in the log; of more only how many. */
const MAX_SAID = 50;

/** The server whose configuration it is. */
export interface Configured {
  readonly context: Context;
  readonly sections: Sections;
  readonly definitions: readonly ServerDefinition[];
  prepare(values: ConfigInput, core: CoreConfig): Promise<PreparedChange>;
}

/** A change of the own values, and what is to become of it. */
interface Wish {
  /** @throws ConfigError */
  readonly document: () => ConfigInput;
  readonly kind: 'plan' | 'apply' | 'replace';
  readonly by: string;
}

/** The configuration of a server that runs: shown, and changed one change after the other, each whole or not at all. */
export class LiveConfiguration implements Configuration {
  readonly #server: Configured;
  readonly #source: ConfigSource;
  readonly #known: KnownKeys;
  /** The operator's own values. */
  #document: ConfigInput;
  /** What was accepted last; some of it may wait for a restart. */
  #wanted: ConfigInput;
  #inForce: ConfigInput;
  #last: Promise<unknown> = Promise.resolve();

  /** @param values what is in force to begin with, as `document` came to be */
  constructor(server: Configured, values: ConfigInput, source: ConfigSource, document: ConfigInput) {
    this.#server = server;
    this.#source = source;
    this.#known = { keys: listAllKeys(server.sections), effects: effectsOf(server.definitions) };
    this.#document = document;
    this.#wanted = values;
    this.#inForce = values;
  }

  describe(): ConfigInput {
    return publicConfig(this.#wanted, this.#known.keys);
  }

  plan(change: ConfigInput): Promise<ConfigPlan> {
    return this.#inTurn({ document: () => this.#merge(change), kind: 'plan', by: '' });
  }

  apply(change: ConfigChange, by: string): Promise<ConfigPlan> {
    const changeOf = () => (typeof change === 'function' ? change(this.#document) : change);
    return this.#inTurn({ document: () => this.#merge(changeOf()), kind: 'apply', by });
  }

  /**
   * Takes `document` for the operator's own values from now on.
   * @throws as `apply`; what was in force then still is.
   */
  replace(document: ConfigInput, by: string): Promise<ConfigPlan> {
    return this.#inTurn({ document: () => document, kind: 'replace', by });
  }

  /** What `replace` would do. */
  planReplace(document: ConfigInput): Promise<ConfigPlan> {
    return this.#inTurn({ document: () => document, kind: 'plan', by: '' });
  }

  #inTurn(wish: Wish): Promise<ConfigPlan> {
    const turn = this.#last.then(() => this.#attempt(wish));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #attempt(wish: Wish): Promise<ConfigPlan> {
    const { counters } = this.#server.context;
    try {
      const plan = await this.#carryOut(wish);
      if (plan.isApplied) counters.count('config_reloads', 'ok');
      return plan;
    } catch (error) {
      if (wish.kind !== 'plan') counters.count('config_reloads', 'refused');
      throw error;
    }
  }

  #merge(change: ConfigInput): ConfigInput {
    if (!isPlainObject(change)) throw new ConfigError('', 'a change is an object with sections and keys');
    return mergeChange(change, {
      own: this.#document,
      resolved: this.#wanted,
      schema: configJsonSchema(this.#server.sections),
      holderOf: (key) => this.#source.holderOf?.(key) ?? null,
    });
  }

  async #compose(document: ConfigInput): Promise<ComposedConfig> {
    return (await this.#source.compose?.(document)) ?? { document, config: document };
  }

  async #carryOut(wish: Wish): Promise<ConfigPlan> {
    this.#throwIfNotRunning();
    const asked = wish.document();
    const { document, config } = await this.#compose(asked);
    const wanted = resolveConfig(config, this.#server.sections);
    const changes = diffConfig(this.#wanted, wanted, this.#known);
    const { values, restart } = untilRestart(wanted, this.#inForce, this.#known);
    const core = values as unknown as CoreConfig;
    const prepared = await this.#server.prepare(values, core);
    const plan: ConfigPlan = {
      changes,
      listeners: prepared.doors ?? [],
      droppedSessions: prepared.droppedSessions ?? 0,
      restart,
      isApplied: false,
      isWritten: false,
    };
    let isWritten = false;
    try {
      this.#throwIfNotRunning();
      if (wish.kind !== 'plan') isWritten = await this.#persist(wish, asked, document);
      this.#throwIfNotRunning();
    } catch (error) {
      prepared.cancel();
      throw error;
    }
    if (wish.kind === 'plan') {
      prepared.cancel();
      return plan;
    }
    this.#document = document;
    this.#wanted = wanted;
    this.#inForce = values;
    this.#tell(core);
    await prepared.commit();
    this.#say(plan, wish);
    return { ...plan, isApplied: true, isWritten };
  }

  /** A source that fails when it is told cannot undo what has been kept. */
  #tell(core: CoreConfig): void {
    try {
      this.#source.applied?.(core);
    } catch (error) {
      this.#server.context.logger.error({ err: error }, 'the source of the configuration failed when it was told');
    }
  }

  /** Kept before it is in force: what is in force and would be forgotten at the next start helps nobody. */
  async #persist({ kind }: Wish, asked: ConfigInput, document: ConfigInput): Promise<boolean> {
    const isNew = kind === 'apply' && !isDeepStrictEqual(asked, this.#document);
    const areMade = document !== asked;
    if (!isNew && !areMade) return false;
    return (await this.#source.persist?.(document, isNew ? 'change' : 'secrets')) ?? false;
  }

  #throwIfNotRunning(): void {
    const { isOpen, isStopping } = this.#server.context;
    if (!isOpen || isStopping) throw new ClosedError('the configuration changes only while the server runs');
  }

  #say({ changes, restart, listeners }: ConfigPlan, { by }: Wish): void {
    const { logger } = this.#server.context;
    if (changes.length === 0) return logger.debug({ by }, 'the configuration is unchanged');
    for (const change of changes.slice(0, MAX_SAID)) {
      logger.info({ by, ...change }, `configuration: ${describeChange(change)}`);
    }
    const more = changes.length - MAX_SAID;
    if (more > 0) logger.info({ by, more }, `configuration: ${more} more keys changed`);
    for (const { name, from, to } of listeners) logger.info({ listener: name, from, to }, describeDoor(name, from, to));
    const waiting = restart.filter((key) => changes.some((change) => change.key === key));
    if (waiting.length === 0) return;
    const wait = waiting.length === 1 ? 'waits' : 'wait';
    logger.warn({ by, restart: waiting }, `the new ${waiting.join(', ')} ${wait} for a restart`);
  }
}

function describeChange({ key, from, to }: ConfigKeyChange): string {
  const show = (value: unknown) => (value === null ? 'not set' : JSON.stringify(value));
  return show(from) === show(to) ? `${key} is another one` : `${key} is ${show(to)}, was ${show(from)}`;
}

function describeDoor(name: string, from: string | null, to: string | null): string {
  if (to === null) return `${name} listens no more on ${from}`;
  return from === null ? `${name} listens on ${to}` : `${name} listens on ${to}, no more on ${from}`;
}
