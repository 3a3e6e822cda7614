// Writes docs/6-reference/config.md and config.schema.json from the schemas of the configuration, and webhook.schema.json from
// that of the payload of webhooks.
// usage: node scripts/generate-reference.mjs [--check] [folder]   --check writes nothing and exits 1 when a file disagrees
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { environmentName } from '../src/core/config-environment.ts';
import { dotted, isSecret } from '../src/core/config-issues.ts';
import { configJsonSchema, describeAllowed, listKeys } from '../src/core/config-keys.ts';
import { effectOf, effectsOf } from '../src/core/config-effects.ts';
import { NodeMediaServer, servers } from '../src/index.ts';
import { payloadJsonSchema } from '../src/servers/notify/index.ts';
import { renderApi } from './reference-api.mjs';
import { renderLimits } from './reference-limits.ts';
import { renderMetrics } from './reference-metrics.mjs';
import { fillTables } from './reference-tables.mjs';

const PREFACE = `# Configuration

<!-- Made by scripts/generate-reference.mjs from the schemas in src; change those. -->

Every key, in the order of the schemas. \`nms check\` checks a configuration without starting anything.

- **The file** is JSON or YAML: \`./config.json\` or \`./config.yaml\` in the current directory, or the one given with \`-c\`. When
  there is none, a first start writes a \`config.json\` with all defaults. Relative paths in it start from its own folder. \`$schema\` is for your editor: it
  shows these texts while you type. Unknown keys are errors.
- **Variables** set single keys and win over the file: the names are below. Lists are written as JSON. A relative path in a
  variable starts from the current directory. A variable that begins with \`NMS_\` and the name of a section, or nearly is one
  of these, is an error; any other \`NMS_…\` is named in the log and ignored.
- **Flags** win over both: \`nms --help\`.
- **Doors**: \`rtmp\`, \`rtmps\`, \`http\` and \`https\` each open a listener when the section is there, even as \`{}\`. A
  configuration with none of the four opens all of them. Port 0 lets the system choose.
- **Change**, while the server runs: a new value counts \`now\` for everybody, for \`new ones\` (connections, sessions, streams),
  once the \`door\` has moved, or after a \`restart\`. [How](../4-operate/configuration.md#changes-while-the-server-runs).
- **Secrets**: an empty \`auth.secret\`, \`auth.jwt.secret\` or password is made at the next start and kept in the file;
  plain passwords are hashed there, and well-known ones replaced. A made password is shown once, on the terminal. Passwords are
  kept as \`scrypt$16384$8$1$<salt>$<hash>\`, both parts in hex. A file that cannot be written is a warning: what was made
  then holds for that run.
- **Certificates**: \`key\` and \`cert\` are PEM files, read again when they change. Without them, or with the names
  \`./key.pem\` and \`./cert.pem\` and neither file there, a self-signed pair is made in \`<store.path>/tls\` and renewed in time.
`;

/** Text for a cell of a table. */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const code = (text) => `\`${text}\``;

/** @param {import('../src/core/config-keys.ts').SchemaNode} node */
function fallback(node, required) {
  if (required) return 'required';
  if (node.default === undefined) return 'none';
  return code(JSON.stringify(node.default));
}

/** When a new value counts while the server runs. */
const EFFECTS = { now: 'now', new: 'new ones', listener: 'door', restart: 'restart' };
const effects = effectsOf(servers);

function row(path, variable, node, required) {
  const help = `${node.description ?? ''}${isSecret(path) ? ' (secret: never logged)' : ''}`;
  const change = EFFECTS[effectOf(dotted(path).replaceAll('[]', ''), effects)];
  const cells = [code(dotted(path)), variable, describeAllowed(node), fallback(node, required), change, help];
  return `| ${cells.map(cell).join(' | ')} |`;
}

/** Rows of a key; the keys of a list's entries follow it. */
function* rows({ path, node, required }) {
  const { items, ...own } = node;
  const isTable = items?.properties !== undefined;
  yield row(path, code(environmentName(path)), isTable ? own : node, required);
  for (const [name, child] of Object.entries(isTable ? items.properties : {})) {
    const inner = [...path.slice(0, -1), `${path.at(-1)}[]`, name];
    yield row(inner, '', child, items.required?.includes(name) ?? false);
  }
}

function renderPage(sections) {
  const root = configJsonSchema(sections);
  const bySection = Object.groupBy(listKeys(sections), (key) => key.path[0]);
  const parts = Object.entries(bySection).map(([name, keys]) => {
    const isSection = root.properties[name].properties !== undefined;
    const help = isSection ? `${root.properties[name].description ?? ''}\n\n` : '';
    const head = '| key | variable | allowed | default | change | meaning |\n|---|---|---|---|---|---|';
    return `## ${name}\n\n${help}${head}\n${keys.flatMap((key) => [...rows(key)]).join('\n')}\n`;
  });
  return `${PREFACE}\n${parts.join('\n')}`;
}

const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true });
const root = join(import.meta.dirname, '..');
const reference = join(root, 'docs/6-reference');
const folder = resolve(positionals[0] ?? reference);
const filled = (name) => fillTables(readFileSync(join(reference, name), 'utf8'));
const files = {
  'api.md': renderApi(),
  'config.md': renderPage(NodeMediaServer.sections),
  'config.schema.json': `${JSON.stringify(configJsonSchema(NodeMediaServer.sections), null, 2)}\n`,
  'errors.md': filled('errors.md'),
  'events.md': filled('events.md'),
  'fixed-limits.md': renderLimits(root),
  'metrics.md': renderMetrics(),
  'webhook.schema.json': `${JSON.stringify(payloadJsonSchema(), null, 2)}\n`,
};
for (const [name, text] of Object.entries(files)) {
  const path = join(folder, name);
  if (!values.check) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    process.stderr.write(`${name} does not agree with the sources; run scripts/generate-reference.mjs\n`);
    process.exitCode = 1;
  }
}
