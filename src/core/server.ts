import type { z } from 'zod';
import type { PreparedChange } from './change.ts';
import type { CoreConfig } from './config.ts';
import type { ConfigEffects } from './config-effects.ts';
import type { Context } from './context.ts';
import type { Listener } from './listener.ts';

/** A long-lived part of the house: opened by `run`, closed by `stop` (idempotent, also after a failed `run`). */
export interface Server {
  /** What the log calls it when it fails or hangs at the end; the name of its class by default. */
  readonly name?: string;
  /** The doors it has open. */
  readonly listeners?: readonly Listener[];
  run(): Promise<void>;
  /**
   * Makes ready for a new configuration, all sections of it, while the present one stays in force; `null`: nothing to do.
   * A part without it reads `context.config` where it is used, or its keys count at the next start.
   * @throws ConfigError, ListenError when it cannot be; then nothing has changed.
   */
  prepare?(sections: SectionValues<SectionSchemas>, core: CoreConfig): Promise<PreparedChange | null>;
  /** The end's first step, for those who have doors: lets nobody new in. Idempotent; also called while `run` is under way. */
  closeDoors?(): void | Promise<void>;
  /** The end's second step, after every session of this process has been told: resolves when what is under way is done. */
  drain?(timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

export type SectionSchemas = Readonly<Record<string, z.ZodType>>;

/** The sections after validation; a door that stays shut is absent. */
export type SectionValues<Sections extends SectionSchemas> = {
  readonly [Name in keyof Sections]?: z.output<Sections[Name]>;
};

/** A line of `servers.ts`: the sections of the configuration it owns, and how it is made. */
export interface ServerDefinition<Sections extends SectionSchemas = SectionSchemas> {
  readonly name: string;
  readonly sections: Sections;
  /** When new values of its keys count, by dotted prefix, for a part that can `prepare`; others count at the next start. */
  readonly effects?: ConfigEffects;
  /** `null`: the configuration does not ask for this server. */
  create(context: Context, config: SectionValues<Sections>): Server | null;
}

/** Gives a definition its types. */
export function defineServer<const Sections extends SectionSchemas>(
  definition: ServerDefinition<Sections>,
): ServerDefinition<Sections> {
  return definition;
}
