import type { z } from 'zod';
import type { Context } from './context.ts';

/** A long-lived part of the house: opened by `run`, closed by `stop` (idempotent, also after a failed `run`). */
export interface Server {
  run(): Promise<void>;
  stop(): Promise<void>;
}

/** A line of `servers.ts`: which sections of the config it reads, and how it is made. */
export interface ServerDefinition {
  readonly name: string;
  /** `null`: the configuration does not ask for this server. */
  create(context: Context): Server | null;
}

export type Schema<Config> = z.ZodType<Config>;
