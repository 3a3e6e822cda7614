import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { z } from 'zod';

/** What the tests read of a JSON Schema. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

/** An operation as the OpenAPI document has it. */
export interface DocumentedOperation {
  readonly path: string;
  readonly method: string;
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly description: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
  };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema?: JsonSchema }>> }>
  >;
}

export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Omit<DocumentedOperation, 'path' | 'method'>>>>>;
  readonly components: { readonly schemas?: Readonly<Record<string, JsonSchema>> };
}

export function operationsOf(document: OpenApi): DocumentedOperation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
  );
}

/** A request as the test makes it up. */
export interface Sent {
  readonly method: string;
  /** Below `/api/v1`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

export interface Received {
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Sends one request; of events that would not end only the head is read. Each comes from an address of its own. */
export function send(port: number, { method, path, headers = {}, body }: Sent, from: string): Promise<Received> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: `/api/v1${path}`, method, agent: false, localAddress: from };
    // Node.js sends the body of a GET without saying how long it is.
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const outgoing = httpRequest({ ...options, headers: { ...headers, ...length } }, (answer) => {
      const type = answer.headers['content-type'] ?? '';
      const chunks: Buffer[] = [];
      const done = () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, type, headers: answer.headers, text });
        outgoing.destroy();
      };
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (type.startsWith('text/event-stream')) done();
      });
      answer.on('error', reject);
      answer.on('end', done);
    });
    outgoing.on('error', (cause) => reject(new Error(`${method} ${path}`, { cause })));
    outgoing.end(body);
  });
}

/** A schema with what each `$ref` points to in its place, which allows no other fields than it names. */
function inlined(schema: unknown, document: OpenApi): unknown {
  if (Array.isArray(schema)) return schema.map((inner) => inlined(inner, document));
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref } = schema as JsonSchema;
  if ($ref !== undefined) {
    const target = document.components.schemas?.[$ref.replace('#/components/schemas/', '')];
    assert.ok(target, `${$ref} is not in the document`);
    return inlined(target, document);
  }
  const entries = Object.entries(schema).map(([name, inner]) => [name, inlined(inner, document)] as const);
  // What the document does not know yet may come one day, but not now.
  const isWhole = 'properties' in schema && !('additionalProperties' in schema);
  return Object.fromEntries(isWhole ? [...entries, ['additionalProperties', false]] : entries);
}

/** Answers of one document, checked against its schemas. */
export class DocumentCheck {
  readonly #document: OpenApi;
  readonly #schemas = new Map<JsonSchema, z.ZodType>();

  constructor(document: OpenApi) {
    this.#document = document;
  }

  #schemaOf(schema: JsonSchema): z.ZodType {
    let made = this.#schemas.get(schema);
    if (made === undefined) {
      made = z.fromJSONSchema(inlined(schema, this.#document) as Parameters<typeof z.fromJSONSchema>[0]);
      this.#schemas.set(schema, made);
    }
    return made;
  }

  /** The answer has a status that the operation documents, and the type and the form that are documented for it. */
  answer(operation: DocumentedOperation, received: Received, what: string): void {
    const documented = operation.responses[String(received.status)];
    assert.ok(documented, `${what}: ${received.status} is not documented: ${received.text}`);
    const type = received.type.split(';', 1)[0]!;
    const content = documented.content[type];
    assert.ok(content, `${what}: ${received.status} comes as ${type}, not ${Object.keys(documented.content).join()}`);
    if (content.schema === undefined) return;
    const result = this.#schemaOf(content.schema).safeParse(JSON.parse(received.text));
    assert.ok(result.success, `${what}: ${received.text} does not fit: ${result.error?.message}`);
  }
}

/** Some value that fits a schema. */
export function sample(schema: JsonSchema, document: OpenApi): unknown {
  const {
    type,
    default: fallback,
    enum: values,
    const: only,
    anyOf,
    properties,
    items,
  } = inlined(schema, document) as JsonSchema;
  if (only !== undefined) return only;
  if (fallback !== undefined) return fallback;
  if (values !== undefined) return values[0];
  if (anyOf !== undefined) return sample(anyOf[0]!, document);
  switch (Array.isArray(type) ? type[0] : type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(properties ?? {})
          .filter(([name]) => schema.required?.includes(name))
          .map(([name, inner]) => [name, sample(inner, document)]),
      );
    case 'array':
      return items === undefined ? [] : [sample(items, document)];
    case 'integer':
    case 'number':
      return Math.max(1, schema.minimum ?? 1);
    case 'boolean':
      return false;
    default:
      return 'x'.repeat(Math.max(1, schema.minLength ?? 1));
  }
}
