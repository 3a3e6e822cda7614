import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import type { Guard } from './core/admission.ts';
import { type CoreConfig, type CoreConfigInput, coreSections } from './core/config.ts';
import { doorNames, resolveConfig } from './core/config-schema.ts';
import { Context } from './core/context.ts';
import type { ListenerAnswer, ServerEventName, ServerEvents } from './core/events.ts';
import { type AdmitHandler, type AdmitOptions, Gate } from './core/gate.ts';
import { House } from './core/house.ts';
import { LifeEvents } from './core/life-events.ts';
import type { Listener } from './core/listener.ts';
import { type Logger, silentLogger } from './core/logger.ts';
import type { SectionSchemas, Server, ServerDefinition } from './core/server.ts';
import { ClosedError, ConfigError } from './errors.ts';
import {
  ClusterServer,
  createApplication,
  createInnerSource,
  credentials,
  servers as builtIn,
  workerServers,
} from './servers.ts';

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
}

/** How far the server is in its life. */
export type NodeMediaServerState = 'idle' | 'running' | 'stopping' | 'stopped';

function sectionsOf(definitions: Definitions): SectionSchemas {
  return Object.assign({}, ...definitions.map((definition) => definition.sections)) as SectionSchemas;
}

/** What a worker runs: the source itself, or what was built of it. */
const WORKER = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url));

/** A door as its section in the configuration describes it. */
interface DoorSection {
  readonly port: number;
  readonly key?: string;
  readonly cert?: string;
  readonly server?: unknown;
}

function isForWorkers(definition: ServerDefinition): boolean {
  return workerServers.some((candidate) => candidate === definition);
}

/** Stands for a secret where it matters that there is one. */
const KEPT_BACK = 'known to the primary';

/** No list of one's own leaves out by mistake what `auth` asks for. */
function withCredentials(definitions: Definitions): Definitions {
  return definitions.includes(credentials) ? definitions : [credentials, ...definitions];
}

/** What workers are told: the sections of the core and of their servers, without secrets that only the primary uses. */
function workerConfig(values: Readonly<Record<string, unknown>>, definitions: Definitions): Record<string, unknown> {
  const names = [...Object.keys(coreSections), ...definitions.flatMap(({ sections }) => Object.keys(sections))];
  const told = Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
  const { auth } = values as unknown as CoreConfig;
  const jwt = { ...auth.jwt, secret: '', users: [] };
  const token = { ...auth.token, secret: auth.token.secret && KEPT_BACK };
  return { ...told, auth: { ...auth, secret: '', publishers: [], token, jwt } };
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
    this.#house = new House(this.context, this.#createServers(definitions, values, core));
  }

  #createServers(definitions: Definitions, values: Record<string, unknown>, core: CoreConfig): Server[] {
    const workers = core.workers === 'auto' ? availableParallelism() : core.workers;
    const shared = workers > 1 ? definitions.filter(isForWorkers) : [];
    const doors = shared.flatMap(({ sections }) => doorNames.filter((name) => name in sections && name in values));
    const own = doors.length === 0 ? definitions : definitions.filter((definition) => !isForWorkers(definition));
    const servers = own.flatMap((definition) => definition.create(this.context, values) ?? []);
    if (doors.length === 0) return servers;
    const sections = values as Readonly<Record<string, DoorSection>>;
    if (sections['http']?.server !== undefined) {
      const message = `workers is ${workers}; http.server is a server of this process, which no other one can serve on: 1 is allowed`;
      throw new ConfigError('workers', message);
    }
    const cluster = new ClusterServer(this.context, {
      workers,
      servers: shared.map(({ name }) => name),
      doors: doors.map((name) => ({ name, ...sections[name]! })),
      config: workerConfig(values, shared),
      entry: WORKER,
      createApplication,
      createSource: createInnerSource,
    });
    return [...servers, cluster];
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
    this.#sayWhatHasNoEffect();
    try {
      await this.#house.open();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Accepted because Node-Media-Server 4 writes it; silence would pass for a promise. */
  #sayWhatHasNoEffect(): void {
    const { config, logger } = this.context;
    if (config.record.auto) logger.warn({ key: 'record.auto' }, 'record.auto is set, but recording is not built yet');
  }

  /** Ends publishers, then players, then closes every door. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    const reason = new ClosedError('the server is stopping');
    await this.#house.endPublishers(reason);
    await this.#house.close(reason);
    this.#state = 'stopped';
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
