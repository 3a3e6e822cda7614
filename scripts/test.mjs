import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDebianTools, installFfmpeg8 } from './test-tools.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => join(root, 'node_modules/.bin', name);

/** A test file that leaves something open never ends by itself: the step then fails here. */
const STEP_TIMEOUT_MS = 10 * 60 * 1000;

function step(title, command, args) {
  console.log(`\n── ${title}`);
  const options = { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], timeout: STEP_TIMEOUT_MS };
  const { status, error } = spawnSync(command, args, options);
  if (error) console.log(String(error));
  if (status !== 0) {
    console.log(`\n${title}: failed`);
    process.exit(status ?? 1);
  }
}

function tests(title, folders, concurrency) {
  const files = folders.flatMap((folder) => globSync(`test/${folder}/**/*.test.ts`, { cwd: root })).sort();
  step(title, process.execPath, ['--test', `--test-concurrency=${concurrency}`, '--test-timeout=120000', ...files]);
}

const only = new Set(process.argv.slice(2));
const wants = (name) => only.size === 0 || only.has(name);

if (wants('check')) {
  step('format', bin('biome'), ['ci', '--colors=off']);
  step('lint', bin('oxlint'), [
    '--type-aware',
    '--deny-warnings',
    'src',
    'test',
    'bench',
    'examples',
    'bin',
    'scripts',
  ]);
  step('types', bin('tsc'), ['-p', '.']);
}
if (wants('check') || wants('flow')) step('build', process.execPath, ['scripts/build.mjs']);
if (wants('unit')) tests('rules, unit, fuzz', ['rules', 'unit', 'fuzz'], 2);
if (wants('flow')) tests('flow, contract', ['flow', 'contract'], 2);
if (wants('e2e')) {
  installDebianTools();
  installFfmpeg8(root);
  tests('end to end', ['e2e'], 1);
}
