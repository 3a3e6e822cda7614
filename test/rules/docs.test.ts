import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { fixedLimits } from '../../scripts/reference-limits.ts';
import { errorCodes } from '../../src/errors.ts';
import { NodeMediaServer } from '../../src/index.ts';
import { ApiServer, apiErrorCodes } from '../../src/servers/api/index.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Folders whose files are not ours, or are made. */
const FOREIGN = new Set(['node_modules', 'dist', '.git', 'data', 'record', 'tmp', 'build']);

function files(folder: string, isWanted: (path: string) => boolean): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return FOREIGN.has(entry.name) ? [] : files(path, isWanted);
    return isWanted(path) ? [path] : [];
  });
}

const pages = files('.', (path) => path.endsWith('.md'));

/** Markdown without what is quoted as code. */
function prose(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ' '));
}

/** What GitHub makes of a heading. */
function anchor(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
}

function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} +(.+?) *$/gm);
  return new Set([...headings].map(([, heading]) => anchor(heading!)));
}

function linksOf(page: string): string[] {
  const links = prose(read(page)).matchAll(/\[[^\]]*\]\(<?([^)\s>]+)>?\)/g);
  return [...links].map(([, target]) => target!);
}

/** Why a link of a page leads nowhere; `null` when it does not, or leads elsewhere. */
function complaint(page: string, link: string): string | null {
  if (/^[a-z]+:/i.test(link)) return null;
  const [path = '', fragment] = link.split('#', 2);
  const target = path === '' ? page : join(dirname(page), decodeURIComponent(path));
  if (!existsSync(join(root, target))) return `${page}: ${link} is not there`;
  if (relative(root, join(root, target)).startsWith('..')) return `${page}: ${link} leads out of the project`;
  const isPage = statSync(join(root, target)).isFile() && target.endsWith('.md');
  if (fragment === undefined || !isPage || anchorsOf(read(target)).has(fragment)) return null;
  return `${page}: ${link} names no heading`;
}

/** The first cells of the rows of a page's tables, without their marks, as far as they fit. */
function cells(markdown: string, pattern: RegExp): string[] {
  return [...markdown.matchAll(pattern)].map(([, ...groups]) => groups.join(' ')).sort();
}

const sorted = (words: Iterable<string>) => [...new Set(words)].sort();

describe('the documentation', () => {
  test('has no link that leads nowhere', () => {
    assert.ok(pages.length > 20, `${pages.length} pages`);
    assert.ok(pages.flatMap(linksOf).length > 100);
    assert.deepEqual(
      pages.flatMap((page) => linksOf(page).flatMap((link) => complaint(page, link) ?? [])),
      [],
    );
  });

  test('has no page that no other page leads to', () => {
    const linked = new Set(
      pages.flatMap((page) => linksOf(page).map((link) => join(dirname(page), link.split('#', 1)[0]!))),
    );
    const docs = pages.filter((page) => page.startsWith('docs/') || page.startsWith('src/'));
    assert.deepEqual(
      docs.filter((page) => !linked.has(page)),
      [],
    );
  });

  test('shows the example as it is run', () => {
    const [, shown] = /^```ts\n([\s\S]*?)^```/m.exec(read('README.md')) ?? [];
    assert.equal(shown, read('examples/embed.ts'));
  });

  test('tells of every error, with its class', () => {
    const source = read('src/errors.ts');
    const ofClasses = [...source.matchAll(/^export class (\w+) [\s\S]*?^}/gm)].flatMap(([text, name]) => {
      const [, code] = /super\('(NMS_\w+)'/.exec(text) ?? [];
      return code === undefined ? [] : [`${code} ${name}`];
    });
    assert.ok(ofClasses.length > 8);
    const listed = Object.entries(errorCodes).map(([code, { name }]) => `${code} ${name}`);
    const ofProtocols = listed.filter((line) => line.startsWith('NMS_PROTOCOL_'));
    assert.ok(ofProtocols.length > 5 && ofProtocols.every((line) => line.endsWith(' ProtocolError')));
    assert.deepEqual(sorted(listed), sorted([...ofClasses, ...ofProtocols]));
    const told = cells(read('docs/6-reference/errors.md'), /^\| `(NMS_\w+)` \| `(\w+)` \|/gm);
    assert.deepEqual(told, sorted(listed));
  });

  test('tells of every code of the API, with its status', () => {
    const codes = Object.entries(apiErrorCodes).map(([code, { status }]) => `${code} ${status}`);
    assert.ok(codes.length > 10);
    const told = cells(read('docs/6-reference/errors.md'), /^\| `((?!NMS_)[A-Z_]+)` \| (\d{3}) \|/gm);
    assert.deepEqual(told, sorted(codes));
  });

  test('tells of every event', () => {
    const [, body = ''] = /^export interface ServerEvents \{\n([\s\S]*?)^}/m.exec(read('src/core/events.ts')) ?? [];
    const events = [...body.matchAll(/^ {2}(\w+): \[/gm)].map(([, name]) => name!);
    assert.ok(events.length >= 6);
    assert.deepEqual(
      cells(
        read('docs/6-reference/events.md'),
        /^\| `((?:pre|post|done|session|stream)[A-Z]\w+)` \| [^|]+ \| (?:told|awaited)/gm,
      ),
      sorted(events),
    );
  });

  test('says of every fixed limit what it bounds', () => {
    const limits = fixedLimits(root);
    assert.ok(limits.length > 100);
    assert.deepEqual(
      limits.filter(({ meaning }) => meaning === '').map(({ file, name }) => `${file} ${name}`),
      [],
    );
  });

  test('tells of every flag of the command', () => {
    const flags = [...read('src/cli/arguments.ts').matchAll(/flag: '(--[\w-]+)'/g)].map(([, flag]) => flag!);
    assert.ok(flags.length > 10);
    const page = read('docs/6-reference/command.md');
    assert.deepEqual(
      flags.filter((flag) => !new RegExp(`${flag}(?![\\w-])`).test(page)),
      [],
    );
  });

  test('tells of every route of the API', () => {
    const jwt = { secret: 'none', users: [{ username: 'nobody', password: 'none' }] };
    const { context } = new NodeMediaServer({ auth: { jwt } }, { servers: [] });
    const { operations } = new ApiServer(context, { cors: [], docs: true });
    assert.ok(operations.length >= 20);
    const told = cells(read('docs/6-reference/api.md'), /^\| `(GET|POST|PUT|DELETE) (\/[^`]+)` \|/gm);
    assert.deepEqual(told, sorted(operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`)));
  });
});

/** Names that a file exports from another: `export type { A, B } from './x.ts'`. */
function exportsOf(file: string): { readonly name: string; readonly from: string }[] {
  return [...read(file).matchAll(/export (?:type )?\{([^}]*)\} from '([^']+)'/g)].flatMap(([, names, from]) =>
    names!
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter((name) => name !== '')
      .map((name) => ({ name, from: join(dirname(file), from!) })),
  );
}

function isDocumented(source: string, name: string): boolean {
  const declaration = `export (?:abstract |async )?(?:class|interface|type|const|function) ${name}\\b`;
  return new RegExp(`^ *\\*/\\n${declaration}|^/\\*\\* .* \\*/\\n${declaration}`, 'm').test(source);
}

test('everything that the library exports says what it is', () => {
  const exported = exportsOf('src/index.ts');
  assert.ok(exported.length > 20);
  assert.deepEqual(
    exported.filter(({ name, from }) => !isDocumented(read(from), name)).map(({ name, from }) => `${name} of ${from}`),
    [],
  );
});
