import { z } from 'zod';
import { coreSections } from './config.ts';

/** Schemas by section name. */
export type Sections = Readonly<Record<string, z.ZodType>>;

/** What a JSON Schema says about one key; only the words that zod writes and that are read here. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly format?: string;
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
}

/** One key that an operator can set: a leaf of a section, lists included. */
export interface ConfigKey {
  readonly path: readonly [string, ...string[]];
  readonly node: SchemaNode;
  readonly required: boolean;
}

/** The core's sections and those of the servers. */
export function allSections(sections: Sections): Sections {
  return { ...coreSections, ...sections };
}

/** The whole configuration as JSON Schema, for editors and for everything here that asks what a key allows. */
export function configJsonSchema(sections: Sections): SchemaNode {
  const shape: Record<string, z.ZodType> = {};
  for (const [name, schema] of Object.entries(allSections(sections))) shape[name] = schema.optional();
  const schema = z.toJSONSchema(z.strictObject(shape), { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  return { ...schema, properties: { $schema: { type: 'string' }, ...schema.properties } };
}

/** The schema at `path`; a number is a place in a list. */
export function nodeAt(root: SchemaNode, path: readonly PropertyKey[]): SchemaNode | null {
  let node: SchemaNode | undefined = root;
  for (const part of path) {
    if (node === undefined) return null;
    if (typeof part === 'number') node = node.items;
    else node = Object.hasOwn(node.properties ?? {}, part) ? node.properties?.[String(part)] : undefined;
  }
  return node ?? null;
}

function* leaves(root: SchemaNode, above: readonly string[]): Generator<ConfigKey> {
  for (const [name, node] of Object.entries(root.properties ?? {})) {
    const path: ConfigKey['path'] = [above[0] ?? name, ...above.slice(1), ...(above.length > 0 ? [name] : [])];
    if (node.properties === undefined) yield { path, node, required: root.required?.includes(name) ?? false };
    else yield* leaves(node, path);
  }
}

/** Whether a key can be written as text at all; a library's own objects (a server to serve on) cannot. */
function isWritable({ type, anyOf, enum: values, const: only }: SchemaNode): boolean {
  return type !== undefined || anyOf !== undefined || values !== undefined || only !== undefined;
}

/** Every key of every section, also those that only a library's own object can be, in the order of the schemas. */
export function listAllKeys(sections: Sections): ConfigKey[] {
  return [...leaves(configJsonSchema(sections), [])].filter((key) => key.path[0] !== '$schema');
}

/** Every key of every section that a file or a variable can set. */
export function listKeys(sections: Sections): ConfigKey[] {
  return listAllKeys(sections).filter((key) => isWritable(key.node));
}

const quoted = (value: unknown): string => JSON.stringify(value);

function alternatives(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

function describeNumber(node: SchemaNode): string {
  const what = node.type === 'integer' ? 'a whole number' : 'a number';
  const bounded = node.maximum !== undefined && node.maximum < Number.MAX_SAFE_INTEGER;
  if (node.minimum !== undefined && bounded) return `${what} from ${node.minimum} to ${node.maximum}`;
  if (node.exclusiveMinimum !== undefined) return `${what} above ${node.exclusiveMinimum}`;
  if (node.minimum !== undefined && node.minimum > Number.MIN_SAFE_INTEGER) return `${what} of ${node.minimum} or more`;
  return bounded ? `${what} of ${node.maximum} or less` : what;
}

/** What a key allows, in words: `a whole number from 0 to 65535`. */
export function describeAllowed(node: SchemaNode): string {
  if (node.anyOf !== undefined) return alternatives(node.anyOf.map(describeAllowed));
  if (node.const !== undefined) return quoted(node.const);
  if (node.enum !== undefined) return alternatives(node.enum.map(quoted));
  switch (node.type) {
    case 'integer':
    case 'number':
      return describeNumber(node);
    case 'boolean':
      return 'true or false';
    case 'array':
      return node.items === undefined ? 'a list' : `a list; each entry ${describeAllowed(node.items)}`;
    case 'object':
      return node.properties === undefined ? 'an object' : `an object with ${Object.keys(node.properties).join(', ')}`;
    case 'string':
      if (node.format === 'uri') return 'an absolute address (https://…)';
      return (node.minLength ?? 0) > 0 ? 'a text that is not empty' : 'a text';
    default:
      return 'another value';
  }
}
