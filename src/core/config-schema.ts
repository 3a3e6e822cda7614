import { ConfigError } from '../errors.ts';
import { configIssue, showValue, unknownKeyError } from './config-issues.ts';
import { allSections, configJsonSchema, listKeys, type Sections } from './config-keys.ts';

export type { Sections } from './config-keys.ts';

/** The sections that open a listener: one that is missing stays shut. */
export const doorNames = ['rtmp', 'rtmps', 'http', 'https'] as const;

/** A configuration as an operator writes it, of which only the outermost shape is known. */
export type ConfigInput = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is ConfigInput {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** All four doors, with defaults, for a configuration that names none; otherwise only the ones it names. */
export function withDefaultDoors(input: ConfigInput): ConfigInput {
  if (doorNames.some((name) => input[name] !== undefined)) return input;
  return { ...input, ...Object.fromEntries(doorNames.map((name) => [name, {}])) };
}

/** `over` on top of `base`, key by key; lists are replaced as a whole. */
export function mergeConfig(base: ConfigInput, over: ConfigInput): ConfigInput {
  const merged = new Map(Object.entries(base));
  for (const [name, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = merged.get(name);
    merged.set(name, isObject(below) && isObject(value) ? mergeConfig(below, value) : value);
  }
  return Object.fromEntries(merged);
}

/** `{ a: { b: value } }` for `['a', 'b']`. */
export function nest(path: readonly [string, ...string[]], value: unknown): ConfigInput {
  let nested: unknown = value;
  for (const name of [...path].reverse()) nested = { [name]: nested };
  return nested as ConfigInput;
}

/** What is wrong with one key, whatever else its section needs; `null` when it is right. */
export function checkKey(path: readonly [string, ...string[]], value: unknown, sections: Sections): ConfigError | null {
  const input = nest(path, value);
  const result = allSections(sections)[path[0]]?.safeParse(input[path[0]]);
  if (result === undefined || result.success) return null;
  const issues = result.error.issues
    .map((issue) => ({ ...issue, path: [path[0], ...issue.path] }))
    .filter((issue) => path.every((name, index) => issue.path[index] === name));
  return issues.length === 0 ? null : configIssue(issues, input, configJsonSchema(sections), listKeys(sections));
}

/**
 * Checks a whole configuration, core sections and `sections`, and fills in every default. A door that the input does not
 * name is absent from the result, unless it names none (`withDefaultDoors`); any other section is absent when it has no
 * defaults. `$schema` is accepted for editors and dropped.
 * @throws ConfigError on the first wrong or unknown key; the message is one line and never holds a secret.
 */
export function resolveConfig(input: unknown, sections: Sections): Record<string, unknown> {
  if (!isObject(input)) {
    throw new ConfigError('', `the configuration is ${showValue(input, [])}; an object is expected`);
  }
  const schemas = allSections(sections);
  const explain = () => ({ root: configJsonSchema(sections), keys: listKeys(sections) });
  for (const name of Object.keys(input)) {
    if (name === '$schema' || Object.hasOwn(schemas, name)) continue;
    const { root, keys } = explain();
    throw unknownKeyError([name], root, keys);
  }
  const opened = withDefaultDoors(input);
  const resolved: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const value = opened[name];
    const isDoor = doorNames.some((door) => door === name);
    if (value === undefined && isDoor) continue;
    const result = schema.safeParse(value);
    if (result.success) {
      if (result.data !== undefined) resolved[name] = result.data;
      continue;
    }
    if (value === undefined) continue;
    const { root, keys } = explain();
    const issues = result.error.issues.map((issue) => ({ ...issue, path: [name, ...issue.path] }));
    throw configIssue(issues, opened, root, keys);
  }
  refuseSharedPorts(resolved);
  return resolved;
}

/** All doors are of one address, so two of them cannot have one port, unless the system chooses (0). @throws ConfigError */
function refuseSharedPorts(resolved: ConfigInput): void {
  const holders = new Map<number, string>();
  for (const name of doorNames) {
    const port = (resolved[name] as { readonly port: number } | undefined)?.port ?? 0;
    const holder = holders.get(port);
    if (port !== 0 && holder !== undefined) {
      const message = `${name}.port is ${port}, as is ${holder}.port; a port of its own is allowed`;
      throw new ConfigError(`${name}.port`, message);
    }
    holders.set(port, name);
  }
}
