import { resolve } from 'node:path';
import type { z } from 'zod';
import type { Guard } from './core/admission.ts';
import type { CoreConfig, CoreConfigInput } from './core/config.ts';
import { resolveConfig } from './core/config-schema.ts';
import type { ConfigSource } from './core/config-source.ts';
import type { ConfigPlan } from './core/configuration.ts';
import { Context } from './core/context.ts';
import { Deadline } from './core/deadline.ts';
import type { ListenerAnswer, ServerEventName, ServerEvents } from './core/events.ts';
import { type AdmitHandler, type AdmitOptions, Gate } from './core/gate.ts';
import { House } from './core/house.ts';
import { LifeEvents } from './core/life-events.ts';
import type { Listener } from './core/listener.ts';
import { type Logger, silentLogger } from './core/logger.ts';
import { LiveConfiguration } from './core/live-configuration.ts';
import type { SectionSchemas, ServerDefinition } from './core/server.ts';
import { createServers } from './create-servers.ts';
import { ClosedError } from './errors.ts';
import { credentials, servers as builtIn } from './servers.ts';

type Definitions = readonly ServerDefinition[];
type SectionsOf<Definition> = Definition extends { readonly sections: infer Sections } ? Sections : never;
type UnionToIntersection<Union> = (Union extends unknown ? (value: Union) => void : never) extends (
  value: infer Intersection,
) => void
  ? Intersection
  : never;
type AllSections = UnionToIntersection<SectionsOf<(typeof builtIn)[number]>>;
type InputOf<Sections> = {
  [Name in keyof Sections]?: Sections[Name] extends z.ZodType ? z.input<Sections[Name]> : never;
};

/** The configuration: every section and every key may be left out. A misspelt key does not compile. */
export type NodeMediaServerConfig = CoreConfigInput & InputOf<AllSections>;

/** What the constructor takes beside the configuration. */
export interface NodeMediaServerOptions {
  /** Where to log; nothing is logged without one. A pino logger fits. */
  readonly logger?: Logger;
  /** The folder that relative paths of the configuration start from; the current one by default. */
  readonly folder?: string;
  /** Other parts instead of the built-in ones, run in this order. */
  readonly servers?: Definitions;
  /** Where the configuration comes from when it changes while the server runs, and where changes are kept. */
  readonly source?: ConfigSource;
}

/** How a server stops. */
export interface StopOptions {
  /** Milliseconds for what needs time; `drainTimeoutMs` of the configuration by default, 0: none. */
  readonly timeoutMs?: number;
}

/** How far the server is in its life. */
export type NodeMediaServerState = 'idle' | 'running' | 'stopping' | 'stopped';

function sectionsOf(definitions: Definitions): SectionSchemas {
  return Object.assign({}, ...definitions.map((definition) => definition.sections)) as SectionSchemas;
}

/** No list of one's own leaves out by mistake what `auth` asks for. */
function withCredentials(definitions: Definitions): Definitions {
  return definitions.includes(credentials) ? definitions : [credentials, ...definitions];
}

/**
 * A live media server. Several may live in one process. The constructor checks the configuration and opens nothing; `run`
 * opens every door or none; `stop` closes everything and may be called at any time, any number of times. With `workers` it
 * serves with several processes of its own, and looks from outside as one does.
 */
export class NodeMediaServer implements AsyncDisposable {
  /** The schema of every section of the configuration beyond the core's. */
  static readonly sections: SectionSchemas = sectionsOf(builtIn);

  readonly context: Context;
  readonly #house: House;
  readonly #configuration: LiveConfiguration;
  #state: NodeMediaServerState = 'idle';
  #running: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  /** @throws ConfigError naming the first wrong key. */
  constructor(config: NodeMediaServerConfig = {}, options: NodeMediaServerOptions = {}) {
    const definitions = withCredentials(options.servers ?? builtIn);
    const values = resolveConfig(config, sectionsOf(definitions));
    const core = values as unknown as CoreConfig;
    this.context = new Context(core, options.logger ?? silentLogger, resolve(options.folder ?? '.'));
    this.context.observer = new LifeEvents(this.context);
    const house = new House(this.context, createServers(this.context, definitions, values));
    this.#house = house;
    const configured = {
      context: this.context,
      sections: sectionsOf(definitions),
      definitions,
      prepare: house.prepare.bind(house),
    };
    const { source = {} } = options;
    this.#configuration = new LiveConfiguration(configured, values, source, source.document ?? config);
    this.context.configuration = this.#configuration;
  }

  get state(): NodeMediaServerState {
    return this.#state;
  }

  /** The doors that are open. */
  get listeners(): readonly Listener[] {
    return this.#house.listeners;
  }

  /**
   * Asks `handler` whether a session may publish or play, after the built-in checks and before the `pre*` events, while the
   * peer waits. Several are asked in order; all must allow. Returns a function that takes it away.
   * @throws RangeError when an option is not above 0.
   */
  admit(handler: AdmitHandler, options: AdmitOptions = {}): () => void {
    const gate = new Gate(handler, options);
    const guard: Guard = (session, action) => gate.ask(session, action);
    const { guards } = this.context;
    guards.push(guard);
    return () => {
      const index = guards.indexOf(guard);
      if (index >= 0) guards.splice(index, 1);
    };
  }

  /**
   * Calls `listener` at every such event; those of `prePublish` and `prePlay` are awaited and may refuse, by throwing or with
   * a `Decision`.
   */
  on<Name extends ServerEventName>(event: Name, listener: (...args: ServerEvents[Name]) => ListenerAnswer): this {
    this.context.eventEmitter.on(event, listener as never);
    return this;
  }

  once<Name extends ServerEventName>(event: Name, listener: (...args: ServerEvents[Name]) => ListenerAnswer): this {
    this.context.eventEmitter.once(event, listener as never);
    return this;
  }

  off<Name extends ServerEventName>(event: Name, listener: (...args: ServerEvents[Name]) => ListenerAnswer): this {
    this.context.eventEmitter.off(event, listener as never);
    return this;
  }

  /**
   * Takes `config`, the whole of it, while the server runs: all of it or nothing, without ending a session. Resolves when it
   * is in force in every process; one change follows the other.
   * @param by who wants it, for the log
   * @throws ConfigError, ListenError; then what was in force still is. ClosedError when the server does not run.
   */
  configure(config: NodeMediaServerConfig, by = 'the program'): Promise<ConfigPlan> {
    return this.#configuration.replace(config, by);
  }

  /** What `configure` would do. It tries: a new port is open for a moment. @throws as `configure`. */
  plan(config: NodeMediaServerConfig): Promise<ConfigPlan> {
    return this.#configuration.planReplace(config);
  }

  /**
   * Opens every door; resolves when all are open.
   * @throws ListenError, ConfigError; whatever was opened is closed again. ClosedError after `stop`.
   */
  run(): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') {
      return Promise.reject(new ClosedError('a stopped server does not run again; make another'));
    }
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    this.#state = 'running';
    try {
      await this.#house.open();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Closes every door, tells every peer, gives those who are to leave by themselves their time, and closes the rest. Further
   * calls wait for the first. @throws RangeError for a time that is none; what a part threw that could not be closed, when
   * everything else is closed.
   */
  stop(options: StopOptions = {}): Promise<void> {
    const { timeoutMs = this.context.config.drainTimeoutMs } = options;
    if (!(timeoutMs >= 0)) return Promise.reject(new RangeError(`timeoutMs is ${timeoutMs}; 0 or more is allowed`));
    this.#stopping ??= this.#stop(timeoutMs);
    return this.#stopping;
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#state = 'stopping';
    const reason = new ClosedError('the server is stopping');
    const deadline = new Deadline(timeoutMs);
    await this.#house.closeDoors(deadline);
    this.#house.endPublishers(reason);
    await this.#house.drain(reason, deadline);
    try {
      await this.#house.close(reason, deadline);
    } finally {
      this.#state = 'stopped';
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
