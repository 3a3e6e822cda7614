// docs/6-reference/api.md from the operations of the API, by way of their OpenAPI document.
import { NodeMediaServer } from '../src/index.ts';
import { ApiServer, describeApi } from '../src/servers/api/index.ts';

const PREFACE = `# API

<!-- Made by scripts/generate-reference.mjs from the operations in src/servers/api; change those. -->

What can be asked of the server over HTTP. How to sign in, what tokens are good for and who may do what: [The API](../4-operate/api.md).
The same as a page to try things on is at \`/api/docs\` of your server, and as an OpenAPI 3.1 document at \`/api/v1/openapi.json\`.

Paths are below \`/api/v1\` on the HTTP and HTTPS ports. Bodies are JSON (\`Content-Type: application/json\`), answers are too:

\`\`\`json
{ "success": true, "data": { }, "message": "…" }
{ "success": false, "code": "NOT_FOUND", "message": "…", "error": "…" }
\`\`\`

\`error\` repeats \`message\`. [The codes](errors.md#codes-of-the-api). \`HEAD\` is answered as \`GET\`, without a body. Unknown parameters and fields are ignored.
Numbers of bytes, times in unix milliseconds and durations in milliseconds are whole; bitrates are bits a second, those called \`…Bps\` bytes a second.
An app of several parts stands in a path with \`%2F\` between them: \`/streams/tv%2Fnews/one\`.

What a client does not know is to be passed over: fields may be added at any time, and none is taken away or changes its meaning below \`/api/v1\`.
`;

/** So many fields of an object are worth a reference to where they have been told already. */
const WORTH_A_REFERENCE = 6;

const code = (text) => `\`${text}\``;
const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');

/** A server that is never run, for what its API could be asked. */
export function apiDocument() {
  const jwt = { secret: 'none', users: [{ username: 'nobody', password: 'none' }] };
  const { context } = new NodeMediaServer({ auth: { jwt } }, { servers: [] });
  const { operations, version } = new ApiServer(context, { cors: [], docs: true });
  return describeApi(operations, version);
}

function resolver({ components }) {
  return (schema) =>
    schema?.$ref === undefined ? schema : components.schemas[schema.$ref.replace('#/components/schemas/', '')];
}

/** The schema without what says that it may be null, and whether it may. */
function withoutNull(schema) {
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== 'null');
    return { schema: { ...schema, type: types[0] }, nullable: types.length < schema.type.length };
  }
  const others = schema.anyOf?.filter(({ type }) => type !== 'null');
  if (others === undefined || others.length === schema.anyOf.length) return { schema, nullable: false };
  const [only] = others;
  const { anyOf: _, ...rest } = schema;
  return { schema: others.length === 1 ? { ...rest, ...only } : { ...rest, anyOf: others }, nullable: true };
}

/** A bound beyond this keeps nobody from anything. */
const MAX_TOLD = 1e9;

function numberWords({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }) {
  if (maximum <= MAX_TOLD) return `number from ${Math.max(0, minimum)} to ${maximum}`;
  return minimum > 0 ? `number from ${minimum}` : 'number';
}

function typeWords(outer, resolve) {
  const { schema, nullable } = withoutNull(resolve(outer));
  const words = () => {
    if (schema.const !== undefined) return code(JSON.stringify(schema.const));
    if (schema.enum !== undefined) return schema.enum.map((value) => code(JSON.stringify(value))).join(', ');
    if (schema.anyOf !== undefined) return schema.anyOf.map((inner) => typeWords(inner, resolve)).join(' or ');
    switch (schema.type) {
      case 'integer':
      case 'number':
        return numberWords(schema);
      case 'boolean':
        return '`true` or `false`';
      case 'array':
        return `list of ${typeWords(schema.items, resolve)}`;
      case 'string':
        return 'text';
      case 'object':
        return 'object';
      default:
        return 'any value';
    }
  };
  return `${words()}${nullable ? ' or `null`' : ''}`;
}

/** The object whose fields are told below a field: itself, or the entries of a list. */
function innerObject(outer, resolve) {
  const { schema } = withoutNull(resolve(outer));
  if (schema.type === 'array') {
    const inner = innerObject(schema.items, resolve);
    return inner === null ? null : { ...inner, suffix: `[]${inner.suffix}` };
  }
  return schema.properties === undefined ? null : { schema, suffix: '' };
}

/** Rows `[name, type, meaning]` of all fields, those of inner objects too; `told`: objects and where they stand already. */
function* fields(schema, path, { resolve, told, here }) {
  for (const [name, outer] of Object.entries(schema.properties ?? {})) {
    const field = `${path}${name}`;
    const inner = innerObject(outer, resolve);
    const optional = schema.required?.includes(name) === false ? 'may be absent; ' : '';
    const help = `${optional}${resolve(outer).description ?? outer.description ?? ''}`.replace(/; $/, '');
    const key = inner === null ? '' : JSON.stringify(inner.schema);
    const place = told.get(key);
    if (place !== undefined) {
      yield [code(field), typeWords(outer, resolve), `${help}${help === '' ? '' : '; '}as in ${place}`];
      continue;
    }
    yield [code(field), typeWords(outer, resolve), help];
    if (inner === null) continue;
    if (Object.keys(inner.schema.properties).length >= WORTH_A_REFERENCE) told.set(key, here);
    yield* fields(inner.schema, `${field}${inner.suffix}.`, { resolve, told, here });
  }
}

function parameterRow({ name, in: place, required, schema, description }, resolve) {
  const { default: fallback } = resolve(schema);
  const needed = required ? 'required' : fallback === undefined ? '' : code(JSON.stringify(fallback));
  return [code(name), place, typeWords(schema, resolve), needed, description ?? resolve(schema).description ?? ''];
}

const accessOf = ({ security, description }) => {
  if (security.length === 0) return 'everybody';
  return /the role `admin`/.test(description) ? '`admin`' : 'every user';
};

function errorsOf({ responses }) {
  return Object.entries(responses)
    .filter(([status]) => Number(status) >= 400)
    .flatMap(([status, { content }]) =>
      content['application/json'].schema.properties.code.enum.map((name) => `${code(name)} (${status})`),
    )
    .join(', ');
}

const titleOf = ({ method, path }) => `${method.toUpperCase()} ${path}`;
/** What GitHub makes of the heading. */
const anchorOf = (operation) =>
  titleOf(operation)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
const linkTo = (operation) => `[${code(titleOf(operation))}](#${anchorOf(operation)})`;

function answerPart(operation, { resolve, told }) {
  const [, { content, description }] = Object.entries(operation.responses).find(([status]) => Number(status) < 300);
  const [[type, { schema }]] = Object.entries(content);
  if (schema === undefined) return `Answers with ${code(type)}.`;
  const { data } = schema.properties;
  const here = linkTo(operation);
  const key = JSON.stringify(innerObject(data, resolve)?.schema ?? null);
  if (told.has(key)) return `Answers with \`data\` as in ${told.get(key)}, and the message “${description}”.`;
  const rows = [...fields(innerObject(data, resolve)?.schema ?? {}, '', { resolve, told, here })];
  if (rows.length === 0) {
    const help = resolve(data).description ?? '';
    return `Answers with \`data\`, ${help === '' ? typeWords(data, resolve) : help}, and the message “${description}”.`;
  }
  if (rows.length >= WORTH_A_REFERENCE) told.set(key, here);
  return `\`data\` of the answer, whose message is “${description}”:\n\n${table(['field', 'type', 'meaning'], rows)}`;
}

function renderOperation(operation, context) {
  const { summary, description, parameters = [], requestBody } = operation;
  const { resolve } = context;
  const text = description
    .split('\n\n')
    .filter((part) => !/^(Open to everybody|For every user|For users with the role)/.test(part))
    .join('\n\n');
  const body = resolve(requestBody?.content['application/json'].schema);
  const bodyRows = body === undefined ? [] : [...fields(body, '', { ...context, here: linkTo(operation) })];
  const rows = parameters.map((parameter) => parameterRow(parameter, resolve));
  return [
    `### ${titleOf(operation)}`,
    `${summary} For ${accessOf(operation)}.`,
    text,
    rows.length === 0 ? '' : table(['parameter', 'in', 'allowed', 'default', 'meaning'], rows),
    bodyRows.length === 0 ? '' : `The body:\n\n${table(['field', 'allowed', 'meaning'], bodyRows)}`,
    body !== undefined && bodyRows.length === 0 ? `The body: ${body.description ?? 'an object'}.` : '',
    answerPart(operation, context),
    `Errors: ${errorsOf(operation)}.`,
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

export function renderApi() {
  const document = apiDocument();
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
  );
  const context = { resolve: resolver(document), told: new Map() };
  const groups = document.tags.map(({ name }) => ({ name, own: operations.filter(({ tags }) => tags.includes(name)) }));
  const overview = groups.flatMap(({ own }) =>
    own.map((operation) => [
      code(titleOf(operation)),
      accessOf(operation),
      `[${operation.summary}](#${anchorOf(operation)})`,
    ]),
  );
  const sections = groups.map(
    ({ name, own }) => `## ${name}\n\n${own.map((operation) => renderOperation(operation, context)).join('\n\n')}`,
  );
  return `${[PREFACE, table(['', 'for', ''], overview), ...sections].join('\n\n').replace(/\n{3,}/g, '\n\n')}\n`;
}
