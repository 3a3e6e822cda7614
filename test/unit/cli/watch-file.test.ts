import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { FileWatch } from '../../../src/cli/watch-file.ts';
import { until } from '../../support/wait.ts';

function lab(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'nms-watch-'));
  const seen: number[] = [];
  const watches: FileWatch[] = [];
  t.after(() => {
    for (const watch of watches) watch.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    seen,
    watch: (path: string, text: string | null) => {
      const watch = new FileWatch(path, text, () => seen.push(seen.length), 5);
      watches.push(watch);
      return watch;
    },
  };
}

describe('a file that is watched', () => {
  test('is news when its content is another one, written or put in its place', async (t) => {
    const { folder, seen, watch } = lab(t);
    const path = join(folder, 'a');
    writeFileSync(path, 'one');
    watch(path, 'one');
    writeFileSync(path, 'two');
    await until(() => seen.length === 1, 'a write');
    writeFileSync(`${path}.new`, 'three');
    renameSync(`${path}.new`, path);
    await until(() => seen.length === 2, 'a rename');
    rmSync(path);
    await until(() => seen.length === 3, 'its end');
    writeFileSync(path, 'three');
    await until(() => seen.length === 4, 'its return');
  });

  test('is news when a link on the way to it is another one, as Kubernetes does it', async (t) => {
    const { folder, seen, watch } = lab(t);
    for (const name of ['v1', 'v2']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'config'), name);
    }
    symlinkSync('v1', join(folder, 'data'));
    symlinkSync('data/config', join(folder, 'config'));
    watch(join(folder, 'config'), 'v1');
    symlinkSync('v2', join(folder, 'data.new'));
    renameSync(join(folder, 'data.new'), join(folder, 'data'));
    await until(() => seen.length === 1, 'the swap');
  });

  test('is news when a pipe is in its place, which is never waited for', {
    skip: process.platform === 'win32',
  }, async (t) => {
    const { folder, seen, watch } = lab(t);
    const path = join(folder, 'a');
    writeFileSync(path, 'one');
    watch(path, 'one');
    rmSync(path);
    execFileSync('mkfifo', [path]);
    await until(() => seen.length === 1, 'the pipe');
    rmSync(path);
    writeFileSync(path, 'one');
    await until(() => seen.length === 2, 'its return');
  });

  test('is none when it was touched, or what was expected was written', async (t) => {
    const { folder, seen, watch } = lab(t);
    const [path, mark] = [join(folder, 'a'), join(folder, 'b')];
    for (const file of [path, mark]) writeFileSync(file, 'one');
    const first = watch(path, 'one');
    writeFileSync(path, 'one');
    first.expect('two');
    writeFileSync(path, 'two');
    const marks: number[] = [];
    const second = new FileWatch(mark, 'one', () => marks.push(1), 40);
    t.after(() => second.close());
    writeFileSync(mark, 'two');
    await until(() => marks.length === 1, 'a slower watch has seen its file');
    assert.deepEqual(seen, []);
  });
});
