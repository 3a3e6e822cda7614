import { ConfigError } from '../errors.ts';
import { dotted, showFound } from './config-issues.ts';
import {
  allSections,
  type ConfigKey,
  describeAllowed,
  listKeys,
  type SchemaNode,
  type Sections,
} from './config-keys.ts';
import { type ConfigInput, checkKey, mergeConfig, nest } from './config-schema.ts';
import { nearest } from './config-suggest.ts';

const ENVIRONMENT_PREFIX = 'NMS_';

/** What the environment says. */
export interface EnvironmentConfig {
  readonly values: ConfigInput;
  /** Which variable set a key, by the key's dotted path. */
  readonly origins: ReadonlyMap<string, string>;
  /** Variables that begin like ours and resemble none of them: somebody else's, worth a warning. */
  readonly foreign: readonly string[];
}

/** The variable of a key: `['publish', 'graceMs']` is `NMS_PUBLISH_GRACE_MS`. */
export function environmentName(path: readonly string[]): string {
  const parts = path.map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase());
  return ENVIRONMENT_PREFIX + parts.join('_');
}

/** Kubernetes tells every container about its services; one called `nms` or `nms-rtmp` would look like ours. */
function isServiceLink(name: string, value: string): boolean {
  return /_SERVICE_(HOST|PORT)(_|$)/.test(name) || /^(tcp|udp):\/\//.test(value) || /_PORT_\d+_(TCP|UDP)/.test(name);
}

const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** The text of a variable as the key's type; `undefined` when it cannot be one. */
function readText(text: string, { node }: { readonly node: SchemaNode }): unknown {
  // Of several alternatives a number is the one that does not look like a text.
  if (node.anyOf?.some(({ type }) => type === 'integer') && /^-?\d+$/.test(text)) return Number(text);
  switch (node.type) {
    case 'boolean':
      return BOOLEANS.get(text.toLowerCase());
    case 'integer':
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
    case 'array':
    case 'object':
      try {
        return JSON.parse(text);
      } catch {
        return undefined;
      }
    default:
      return text;
  }
}

function readVariable(name: string, text: string, key: ConfigKey, sections: Sections): ConfigInput {
  const place = dotted(key.path);
  const value = readText(text, key);
  if (value === undefined) {
    const isJson = key.node.type === 'array' || key.node.type === 'object';
    const allowed = `${describeAllowed(key.node)}${isJson ? ', written as JSON,' : ''} is allowed`;
    throw new ConfigError(place, `${name} is ${showFound(text, key.path, key.node)}; ${allowed}`);
  }
  const error = checkKey(key.path, value, sections);
  if (error === null) return nest(key.path, value);
  const isWhole = error.message.startsWith(`${place} is `);
  throw new ConfigError(error.path, isWhole ? name + error.message.slice(place.length) : `${name}: ${error.message}`);
}

/** The known variable that `name` resembles; what all have in common does not count. */
function nearestVariable(name: string, names: Iterable<string>): string | null {
  const bare = [...names].map((known) => known.slice(ENVIRONMENT_PREFIX.length));
  const near = nearest(name.slice(ENVIRONMENT_PREFIX.length), bare);
  return near === null ? null : ENVIRONMENT_PREFIX + near;
}

/**
 * Reads `NMS_RTMP_PORT`, `NMS_PUBLISH_GRACE_MS`, … : one variable for each key, lists as JSON.
 * @throws ConfigError naming the variable when its text is not what the key allows, or when an unknown variable begins with
 * the name of a section or is nearly one of ours. Other variables that begin with `NMS_` are returned as `foreign`.
 */
export function configFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  sections: Sections,
): EnvironmentConfig {
  const known = new Map(listKeys(sections).map((key) => [environmentName(key.path), key]));
  const sectionPrefixes = Object.keys(allSections(sections)).map((section) => `${environmentName([section])}_`);
  const origins = new Map<string, string>();
  const foreign: string[] = [];
  let values: ConfigInput = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || text === undefined || isServiceLink(name, text)) continue;
    const key = known.get(name);
    if (key !== undefined) {
      values = mergeConfig(values, readVariable(name, text, key, sections));
      origins.set(dotted(key.path), name);
      continue;
    }
    const near = nearestVariable(name, known.keys());
    if (near === null && !sectionPrefixes.some((prefix) => name.startsWith(prefix))) {
      foreign.push(name);
      continue;
    }
    const hint = near === null ? 'the reference page of the configuration lists them' : `did you mean ${near}?`;
    throw new ConfigError('', `${name} is not a known variable; ${hint}`);
  }
  return { values, origins, foreign };
}
