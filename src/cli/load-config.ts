import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { CoreConfig } from '../core/config.ts';
import { configFromEnvironment, type EnvironmentConfig } from '../core/config-environment.ts';
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

/** The file that is made in the current directory when none is there, and those that are read when none is named. */
export const DEFAULT_CONFIG_NAME = 'config.json';
const DEFAULT_CONFIG_NAMES = [DEFAULT_CONFIG_NAME, 'config.yaml', 'config.yml'] as const;

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
  readonly layers: Layers;
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

function pointTo(file: string, folder: string): string {
  const pointer = relative(folder, file).replaceAll('\\', '/');
  return pointer.startsWith('.') ? pointer : `./${pointer}`;
}

/** The file as the operator calls it: the one that is named, or the one that is there. @throws ConfigError: several are there. */
function nameOf({ configPath, cwd }: LoadOptions): string {
  if (configPath !== null) return configPath;
  const [found = DEFAULT_CONFIG_NAME, ...others] = DEFAULT_CONFIG_NAMES.filter((name) =>
    existsSync(resolve(cwd, name)),
  );
  if (others.length === 0) return found;
  const names = [found, ...others].join(' and ');
  throw new ConfigError('', `${names} are both here; one of them, or one named with -c, is allowed`);
}

/**
 * Reads the operator's file; `null`: there is none.
 * @throws ConfigError whose message names the file, the key with its place, and the value.
 */
export function readConfigFile(path: string, fileName: string, sections: Sections): ConfigFile | null {
  let file: ConfigFile | null = null;
  try {
    file = ConfigFile.read(path);
    if (file !== null) resolveConfig(file.document, sections);
    return file;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.path, `${placeInFile(error.path, file, fileName)}: ${error.message}`, { cause: error });
  }
}

/** `config.json`, or with the line of the key when it is known. */
export function placeInFile(key: string, file: ConfigFile | null, fileName: string): string {
  const place = key === '' ? null : (file?.placeOf(key) ?? null);
  return place === null ? fileName : `${fileName}: line ${place.line}, column ${place.column}`;
}

function openFile(options: LoadOptions, fileName: string): { file: ConfigFile; isNew: boolean } {
  const { configPath, cwd, sections, schemaFile } = options;
  const path = resolve(cwd, fileName);
  const found = readConfigFile(path, fileName, sections);
  if (found !== null) return { file: found, isNew: false };
  if (configPath !== null) {
    const message = 'the file given with -c does not exist; without -c a new config.json is made';
    throw new ConfigError('', `${fileName}: ${message}`);
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

/** What wins over the file, and by which name the operator knows it. */
export interface Layers {
  readonly sections: Sections;
  /** The variable or flag that set a key, by its dotted path; all others are the file's. */
  readonly origins: ReadonlyMap<string, string>;
  /** A file's document with variables and flags over it. */
  over(document: ConfigInput): ConfigInput;
}

function createLayers({ cwd, sections, flags }: LoadOptions, variables: EnvironmentConfig): Layers {
  const fromVariables = absolutePaths(variables.values, cwd);
  return {
    sections,
    origins: new Map([...variables.origins, ...flags.origins]),
    over: (document) => {
      const below = mergeConfig({ workers: 'auto', ...withDefaultDoors(document) }, fromVariables);
      return mergeConfig(below, flags.values);
    },
  };
}

/**
 * Reads the file, the variables and the flags; a flag wins over a variable, a variable over the file, key by key. Doors are
 * the file's choice: a variable or flag may open one more. There is a worker for every processor unless somebody says otherwise.
 * @throws ConfigError whose message names the file, variable or flag, the key and the value.
 */
export function loadConfig(options: LoadOptions): LoadedConfig {
  const fileName = nameOf(options);
  const { file, isNew } = openFile(options, fileName);
  const variables = configFromEnvironment(options.environment, options.sections);
  const layers = createLayers(options, variables);
  return { ...withLayers(file, fileName, layers), isNew, foreignVariables: variables.foreign };
}

/** @throws ConfigError as `loadConfig` */
export function withLayers(file: ConfigFile, fileName: string, layers: Layers) {
  const { origins, sections } = layers;
  const merged = layers.over(file.document);
  try {
    const resolved = resolveConfig(merged, sections) as unknown as LoadedConfig['resolved'];
    return { file, fileName, merged, resolved, origins, layers };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const place = originOf(error.path, origins) ?? placeInFile(error.path, file, fileName);
    throw new ConfigError(error.path, `${place}: ${error.message}`, { cause: error });
  }
}

/** Who set the key: a flag or a variable; `null`: the file. */
export function originOf(path: string, origins: ReadonlyMap<string, string>): string | null {
  for (const [key, origin] of origins) {
    if (path === key || path.startsWith(`${key}[`) || path.startsWith(`${key}.`)) return origin;
  }
  return null;
}
