import type { z } from 'zod';
import type { Context } from './context.ts';
import type { Listener } from './listener.ts';

/** A long-lived part of the house: opened by `run`, closed by `stop` (idempotent, also after a failed `run`). */
export interface Server {
  /** The doors it has open. */
  readonly listeners?: readonly Listener[];
  run(): Promise<void>;
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
  /** `null`: the configuration does not ask for this server. */
  create(context: Context, config: SectionValues<Sections>): Server | null;
}

/** Gives a definition its types. */
export function defineServer<const Sections extends SectionSchemas>(
  definition: ServerDefinition<Sections>,
): ServerDefinition<Sections> {
  return definition;
}
