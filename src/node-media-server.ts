import { resolve } from 'node:path';
import type { z } from 'zod';
import type { CoreConfig, CoreConfigInput } from './core/config.ts';
import { resolveConfig } from './core/config-schema.ts';
import { Context } from './core/context.ts';
import type { ServerEventName, ServerEvents } from './core/events.ts';
import type { Listener } from './core/listener.ts';
import { type Logger, silentLogger } from './core/logger.ts';
import type { SectionSchemas, Server, ServerDefinition } from './core/server.ts';
import { signGuard } from './core/sign.ts';
import { ClosedError, ConfigError } from './errors.ts';
import { servers as builtIn } from './servers.ts';

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

/**
 * A live media server. Several may live in one process. The constructor checks the configuration and opens nothing; `run`
 * opens every door or none; `stop` closes everything and may be called at any time, any number of times.
 */
export class NodeMediaServer implements AsyncDisposable {
  /** The schema of every section of the configuration beyond the core's. */
  static readonly sections: SectionSchemas = sectionsOf(builtIn);

  readonly context: Context;
  readonly #servers: Server[] = [];
  #state: NodeMediaServerState = 'idle';
  #running: Promise<void> | null = null;
  #opening: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #removeTask: (() => void) | null = null;

  /** @throws ConfigError naming the first wrong key. */
  constructor(config: NodeMediaServerConfig = {}, options: NodeMediaServerOptions = {}) {
    const definitions = options.servers ?? builtIn;
    const values = resolveConfig(config, sectionsOf(definitions));
    const core = values as unknown as CoreConfig;
    this.context = new Context(core, options.logger ?? silentLogger, resolve(options.folder ?? '.'));
    if ((core.auth.play || core.auth.publish) && core.auth.secret === '') {
      throw new ConfigError('auth.secret', 'auth.secret is empty; auth.play and auth.publish need one');
    }
    this.context.guards.push(signGuard(core.auth));
    for (const definition of definitions as readonly ServerDefinition[]) {
      const server = definition.create(this.context, values);
      if (server !== null) this.#servers.push(server);
    }
  }

  get state(): NodeMediaServerState {
    return this.#state;
  }

  /** The doors that are open. */
  get listeners(): readonly Listener[] {
    return this.#servers.flatMap((server) => server.listeners ?? []);
  }

  /** Calls `listener` at every such event; those of `prePublish` and `prePlay` are awaited and may refuse by throwing. */
  on<Name extends ServerEventName>(event: Name, listener: (...args: ServerEvents[Name]) => void | Promise<void>): this {
    this.context.eventEmitter.on(event, listener as never);
    return this;
  }

  once<Name extends ServerEventName>(
    event: Name,
    listener: (...args: ServerEvents[Name]) => void | Promise<void>,
  ): this {
    this.context.eventEmitter.once(event, listener as never);
    return this;
  }

  off<Name extends ServerEventName>(
    event: Name,
    listener: (...args: ServerEvents[Name]) => void | Promise<void>,
  ): this {
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
    this.#startPeriodicLines();
    this.#opening = this.#open();
    try {
      await this.#opening;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #open(): Promise<void> {
    for (const server of this.#servers) {
      this.#throwIfStopping();
      await server.run();
    }
    this.#throwIfStopping();
  }

  #throwIfStopping(): void {
    if (this.context.isStopping) throw new ClosedError('the server was stopped while it started');
  }

  /** Accepted because Node-Media-Server 4 writes it; silence would pass for a promise. */
  #sayWhatHasNoEffect(): void {
    const { config, logger } = this.context;
    if (config.record.auto) logger.warn({ key: 'record.auto' }, 'record.auto is set, but recording is not built yet');
    if (config.notify.url !== '')
      logger.warn({ key: 'notify.url' }, 'notify.url is set, but webhooks are not built yet');
  }

  #startPeriodicLines(): void {
    const { connections, config, logger, sessions, ticker } = this.context;
    const { sessionIntervalMs } = config.log;
    const saidAt = new WeakMap<object, number>();
    this.#removeTask = ticker.add(() => {
      const refused = connections.takeRefused();
      if (refused !== null) {
        logger.warn({ refused: refused.count }, `${refused.count} connections were refused: ${refused.reason}`);
      }
      if (sessionIntervalMs === 0) return;
      const now = Date.now();
      for (const session of sessions.values()) {
        const last = saidAt.get(session) ?? session.createTime;
        if (now - last < sessionIntervalMs) continue;
        saidAt.set(session, now);
        session.logState();
      }
    });
  }

  /** Ends publishers, then players, then closes every door. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    const { context } = this;
    context.isStopping = true;
    this.#removeTask?.();
    // A door that is about to open opens first; whoever called `run` hears of its failure.
    await this.#opening?.catch(() => undefined);
    const reason = new ClosedError('the server is stopping');
    for (const broadcast of [...context.broadcasts.values()]) broadcast.endGrace(reason);
    for (const session of [...context.sessions.values()]) if (session.isPublisher) session.close(reason);
    for (const server of [...this.#servers].reverse()) await server.stop();
    for (const session of [...context.sessions.values()]) session.close(reason);
    context.ticker.stop();
    this.#state = 'stopped';
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
