import { dirname, relative, resolve } from 'node:path';
import type { CoreConfig } from '../core/config.ts';
import { configFromEnvironment } from '../core/config-environment.ts';
import { sampleConfig } from '../core/config-sample.ts';
import {
  type ConfigInput,
  mergeConfig,
  resolveConfig,
  type Sections,
  withDefaultDoors,
} from '../core/config-schema.ts';
import { ConfigError } from '../errors.ts';
import type { FlagConfig } from './arguments.ts';
import { ConfigFile } from './config-file.ts';

/** The file that is read, or made, in the current directory when none is named. */
export const DEFAULT_CONFIG_NAME = 'config.json';

/** Keys that hold a path: in a variable it is relative to the current directory, in the file to the file's folder. */
const PATH_KEYS = ['store.path', 'record.path', 'static.root', 'rtmps.key', 'rtmps.cert', 'https.key', 'https.cert'];

export interface LoadedConfig {
  readonly file: ConfigFile;
  /** The file as the operator calls it. */
  readonly fileName: string;
  /** There was no file: `file` holds the defaults and is not written yet. */
  readonly isNew: boolean;
  /** File, variables and flags as one; what the server is given. */
  readonly merged: ConfigInput;
  /** `merged` with every default. */
  readonly resolved: Readonly<Record<string, unknown>> & CoreConfig;
  /** The variable or flag that set a key, by its dotted path; all others are the file's. */
  readonly origins: ReadonlyMap<string, string>;
  /** Variables that look like ours and are not. */
  readonly foreignVariables: readonly string[];
}

interface LoadOptions {
  readonly configPath: string | null;
  readonly flags: FlagConfig;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly sections: Sections;
  /** The JSON Schema that a new file points to. */
  readonly schemaFile?: string;
}

/** Says where the error is: `config.json: …`. */
function within<Result>(place: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.path, `${place}: ${error.message}`, { cause: error });
  }
}

function pointTo(file: string, folder: string): string {
  const pointer = relative(folder, file).replaceAll('\\', '/');
  return pointer.startsWith('.') ? pointer : `./${pointer}`;
}

function openFile({ configPath, cwd, sections, schemaFile }: LoadOptions): { file: ConfigFile; isNew: boolean } {
  const path = resolve(cwd, configPath ?? DEFAULT_CONFIG_NAME);
  const found = ConfigFile.read(path);
  if (found !== null) return { file: found, isNew: false };
  if (configPath !== null) {
    throw new ConfigError('', 'the file given with -c does not exist; without -c a new config.json is made');
  }
  const document = sampleConfig(sections, schemaFile === undefined ? undefined : pointTo(schemaFile, dirname(path)));
  return { file: ConfigFile.create(path, document), isNew: true };
}

function absolutePaths(values: ConfigInput, cwd: string): ConfigInput {
  return Object.fromEntries(
    Object.entries(values).map(([section, value]) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [section, value];
      const entries = Object.entries(value as ConfigInput).map(([key, inner]) => {
        const isPath = PATH_KEYS.includes(`${section}.${key}`) && typeof inner === 'string' && inner !== '';
        return [key, isPath ? resolve(cwd, inner) : inner];
      });
      return [section, Object.fromEntries(entries)];
    }),
  );
}

/**
 * Reads the file, the variables and the flags; a flag wins over a variable, a variable over the file, key by key. Doors are
 * the file's choice: a variable or flag may open one more. There is a worker for every processor unless somebody says otherwise.
 * @throws ConfigError whose message names the file, variable or flag, the key and the value.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const { environment, cwd, sections, flags } = options;
  const fileName = options.configPath ?? DEFAULT_CONFIG_NAME;
  const { file, isNew } = within(fileName, () => {
    const opened = openFile(options);
    resolveConfig(opened.file.document, sections);
    return opened;
  });
  const variables = configFromEnvironment(environment, sections);
  const below = mergeConfig(
    { workers: 'auto', ...withDefaultDoors(file.document) },
    absolutePaths(variables.values, cwd),
  );
  const merged = mergeConfig(below, flags.values);
  const origins = new Map([...variables.origins, ...flags.origins]);
  const resolved = resolveOrExplain(merged, sections, origins, fileName);
  return { file, fileName, isNew, merged, resolved, origins, foreignVariables: variables.foreign };
}

function resolveOrExplain(
  merged: ConfigInput,
  sections: Sections,
  origins: ReadonlyMap<string, string>,
  fileName: string,
): LoadedConfig['resolved'] {
  try {
    return resolveConfig(merged, sections) as unknown as LoadedConfig['resolved'];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.path, `${originOf(error.path, origins, fileName)}: ${error.message}`, { cause: error });
  }
}

/** Who set the key: a flag, a variable, or else the file. */
export function originOf(path: string, origins: ReadonlyMap<string, string>, fileName: string): string {
  for (const [key, origin] of origins) {
    if (path === key || path.startsWith(`${key}[`) || path.startsWith(`${key}.`)) return origin;
  }
  return fileName;
}
