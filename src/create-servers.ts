import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type CoreConfig, coreSections } from './core/config.ts';
import { doorNames } from './core/config-schema.ts';
import type { Context } from './core/context.ts';
import type { DoorSection } from './core/doorway.ts';
import type { Server, ServerDefinition } from './core/server.ts';
import { ConfigError } from './errors.ts';
import { ClusterServer, createApplication, createInnerSource, workerServers } from './servers.ts';

type Definitions = readonly ServerDefinition[];
type Values = Readonly<Record<string, unknown>>;

/** What a worker runs: the source itself, or what was built of it. */
const WORKER = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url));

/** Stands for a secret where it matters that there is one. */
const KEPT_BACK = 'known to the primary';

function isForWorkers(definition: ServerDefinition): boolean {
  return workerServers.some((candidate) => candidate === definition);
}

/** What workers are told: the sections of the core and of their servers, without secrets that only the primary uses. */
function workerConfig(values: Values, definitions: Definitions): Values {
  const names = [...Object.keys(coreSections), ...definitions.flatMap(({ sections }) => Object.keys(sections))];
  const told = Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
  const { auth } = values as unknown as CoreConfig;
  const jwt = { ...auth.jwt, secret: '', users: [] };
  const token = { ...auth.token, secret: auth.token.secret && KEPT_BACK };
  return { ...told, auth: { ...auth, secret: '', publishers: [], token, jwt } };
}

/** The sections that are there and open a door of these servers. */
function doorsOf(values: Values, definitions: Definitions) {
  const names = definitions.flatMap(({ sections }) => doorNames.filter((name) => name in sections && name in values));
  return new Map(names.map((name) => [name, values[name] as DoorSection]));
}

/**
 * The servers that a configuration asks for; with several workers, one that stands for those that run there.
 * @throws ConfigError for what no schema can check
 */
export function createServers(context: Context, definitions: Definitions, values: Values): Server[] {
  const { workers: asked } = values as unknown as CoreConfig;
  const workers = asked === 'auto' ? availableParallelism() : asked;
  const shared = workers > 1 ? definitions.filter(isForWorkers) : [];
  const isShared = doorsOf(values, shared).size > 0;
  const own = isShared ? definitions.filter((definition) => !isForWorkers(definition)) : definitions;
  const servers = own.flatMap((definition) => definition.create(context, values) ?? []);
  if (!isShared) return servers;
  if ((values['http'] as { readonly server?: unknown } | undefined)?.server !== undefined) {
    const message = `workers is ${workers}; http.server is a server of this process, which no other one can serve on: 1 is allowed`;
    throw new ConfigError('workers', message);
  }
  const cluster = new ClusterServer(context, {
    workers,
    servers: shared.map(({ name }) => name),
    sections: values,
    doorsOf: (sections) => doorsOf(sections, shared),
    configOf: (sections) => workerConfig(sections, shared),
    entry: WORKER,
    createApplication,
    createSource: createInnerSource,
  });
  return [...servers, cluster];
}
