import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { configFromEnvironment, environmentName } from '../../../src/core/config-environment.ts';
import { listKeys } from '../../../src/core/config-keys.ts';
import { resolveConfig } from '../../../src/core/config-schema.ts';
import { NodeMediaServer } from '../../../src/index.ts';

const script = resolve(import.meta.dirname, '../../../scripts/generate-reference.mjs');
const reference = resolve(import.meta.dirname, '../../../docs/6-reference');
const { sections } = NodeMediaServer;

const check = (folder: string) => spawnSync(process.execPath, [script, '--check', folder], { encoding: 'utf8' });

describe('the reference of the configuration', () => {
  test('agrees with the schemas', () => {
    const { status, stderr } = check(reference);
    assert.equal(stderr, '');
    assert.equal(status, 0);
  });

  for (const name of ['config.md', 'config.schema.json']) {
    test(`disagrees as soon as ${name} says something else`, (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'reference-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      cpSync(reference, folder, { recursive: true });
      const path = join(folder, name);
      writeFileSync(path, readFileSync(path, 'utf8').replace('30000', '30001'));
      const { status, stderr } = check(folder);
      assert.equal(status, 1);
      assert.equal(stderr, `${name} does not agree with the sources; run scripts/generate-reference.mjs\n`);
    });
  }

  test('names every key and its variable, each with a sentence of help', () => {
    const page = readFileSync(join(reference, 'config.md'), 'utf8');
    for (const { path, node } of listKeys(sections)) {
      assert.ok(page.includes(`| \`${path.join('.')}\` | \`${environmentName(path)}\` |`), path.join('.'));
      assert.ok((node.description ?? '').length > 3, `${path.join('.')} has no help`);
    }
  });
});

describe('the sections of the servers', () => {
  test('give every key a variable of its own, whose default text is its default', () => {
    const environment: Record<string, string> = {};
    for (const { path, node } of listKeys(sections)) {
      const name = environmentName(path);
      assert.equal(environment[name], undefined, name);
      environment[name] = typeof node.default === 'string' ? node.default : JSON.stringify(node.default);
    }
    const given = Object.entries(environment).filter(([, text]) => text !== undefined);
    const { values } = configFromEnvironment(Object.fromEntries(given), sections);
    const resolved = resolveConfig(values, sections);
    assert.deepEqual(resolved, resolveConfig({}, sections));
  });
});
