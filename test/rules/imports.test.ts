import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../../src');

/** Room → rooms it may import. `protocols/x` and `servers/x` are rooms of their own. */
const MAY_IMPORT: Readonly<Record<string, readonly RegExp[]>> = {
  errors: [],
  media: [/^media$/],
  bytes: [/^(bytes|errors)$/],
  codecs: [/^(bytes|media|codecs|errors)$/],
  'protocols/amf': [/^(bytes|media|codecs|errors|protocols\/amf)$/],
  'protocols/flv': [/^(bytes|media|codecs|errors|protocols\/(amf|flv))$/],
  'protocols/rtmp': [/^(bytes|media|codecs|errors|protocols\/(amf|flv|rtmp))$/],
  'protocols/inner': [/^(bytes|media|codecs|errors|protocols\/(amf|inner))$/],
  'protocols/proxy': [/^(errors|protocols\/proxy)$/],
  core: [/^(media|errors|core)$/],
  servers: [/^(bytes|media|codecs|errors|core|protocols\/\w+)$/],
  tools: [/^(bytes|media|codecs|errors|protocols\/\w+|tools)$/],
  'servers.ts': [/^servers\/\w+\/index\.ts$/],
  'create-servers': [/^(core|errors|servers\.ts)$/],
  'node-media-server': [/^(core|errors|servers\.ts|create-servers)$/],
  heap: [],
  worker: [/^(heap|servers\.ts|servers\/(cluster|inner)\/index\.ts)$/],
  index: [/^(core|media|errors|servers\.ts|node-media-server)$/],
  cli: [/^(index|heap|core|errors|tools|cli)$/],
};

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Paths of our own files that a file imports, relative to src. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g);
  return [...found].map((match) => normalize(join(dirname(relative(root, file)), match[1]!)));
}

function roomOf(path: string): string {
  const parts = path.split('/');
  if (parts.length === 1) return path === 'servers.ts' ? path : path.replace(/\.ts$/, '');
  return parts[0] === 'protocols' || parts[0] === 'servers' ? `${parts[0]}/${parts[1]}` : parts[0]!;
}

function isAllowed(from: string, to: string): boolean {
  const room = roomOf(from);
  const target = roomOf(to);
  if (room.startsWith('servers/') && target === room) return true;
  const rules = MAY_IMPORT[room.startsWith('servers/') ? 'servers' : room];
  assert.ok(rules, `${from} is in a room that the table does not know: ${room}`);
  return rules.some((rule) => rule.test(target) || rule.test(to));
}

test('each file imports only from rooms that its room may know', () => {
  const files = sources(root);
  assert.ok(files.length > 20);
  const broken = files.flatMap((file) => {
    const from = relative(root, file);
    return importsOf(file)
      .filter((to) => !isAllowed(from, to))
      .map((to) => `${from} imports ${to}`);
  });
  assert.deepEqual(broken, []);
});

test('no import goes round in a circle, type-only or not', () => {
  const graph = new Map(sources(root).map((file) => [relative(root, file), importsOf(file)]));
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      circles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) walk(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  assert.deepEqual(circles, []);
});

test('the table refuses what it should refuse', () => {
  assert.equal(isAllowed('core/feed.ts', 'protocols/flv/flv-muxer.ts'), false);
  assert.equal(isAllowed('servers/rtmp/rtmp-server.ts', 'servers/http/http-server.ts'), false);
  assert.equal(isAllowed('protocols/amf/amf0.ts', 'protocols/rtmp/chunk-reader.ts'), false);
  assert.equal(isAllowed('core/session.ts', 'media/format.ts'), true);
});
