import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../../src');

function lines(): { readonly where: string; readonly file: string; readonly text: string }[] {
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      const file = relative(root, path);
      return readFileSync(path, 'utf8')
        .split('\n')
        .map((text, index) => ({ where: `${file}:${index + 1}`, file, text }));
    });
}

function offenders(pattern: RegExp, except: (file: string) => boolean = () => false): string[] {
  return lines()
    .filter(({ file, text }) => pattern.test(text) && !except(file))
    .map(({ where, text }) => `${where}: ${text.trim()}`);
}

/** The files that a process of ours begins with: the command and a worker. */
const isProcess = (file: string) => file === 'cli.ts' || file.startsWith('cli/') || file === 'worker.ts';

test('no module keeps state of its own', () => {
  assert.deepEqual(offenders(/^(export )?let /), []);
  assert.deepEqual(
    offenders(/^(export )?(const|let) \w+(: [^=]+)? = new (Map|Set|WeakMap|WeakSet|EventEmitter|Array)(<.*>)?\(\)/),
    [],
  );
});

test('only the command and a worker end their process and listen to it, and nobody writes to the console', () => {
  assert.deepEqual(offenders(/process\.(exit|on|once|abort)\b/, isProcess), []);
  assert.deepEqual(offenders(/\bconsole\.(log|error|warn|info|debug|trace)\b/, isProcess), []);
});

test('no default exports, no enums, no namespaces', () => {
  assert.deepEqual(offenders(/^export default\b|^(export )?(const )?enum\b|^(export )?namespace\b/), []);
});
