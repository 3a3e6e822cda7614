import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Script } from 'node:vm';
import { APP, CliProcess, temporaryFolder } from './cli-process.ts';

/** Makes the child believe that it is another Node. */
function pretend(version: string): string[] {
  const code = `const { versions } = process;
    Object.defineProperty(process, 'versions', { value: { ...versions, node: '${version}' } });`;
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
}

describe('bin/app.js', () => {
  for (const version of ['12.22.12', '20.20.2', '22.17.1']) {
    test(`on Node ${version} it says in one line what is needed, and ends with 1`, async (t) => {
      const child = new CliProcess(t, { cwd: temporaryFolder(t), args: ['--version'], nodeArgs: pretend(version) });
      assert.equal(await child.ended, 1);
      assert.equal(
        child.stderr,
        `Node Media Server needs Node 22.18 or newer, this is ${version}; \`npm start\` uses the one installed with the project\n`,
      );
    });
  }

  for (const version of ['22.18.0', '23.6.0', '24.0.0', '30.1.0']) {
    test(`on Node ${version} it starts`, async (t) => {
      const child = new CliProcess(t, { cwd: temporaryFolder(t), args: ['--version'], nodeArgs: pretend(version) });
      assert.equal(await child.ended, 0, child.stderr);
    });
  }

  test('it parses as a plain script too, in words that an old Node knows', () => {
    const source = readFileSync(APP, 'utf8');
    assert.ok(new Script(source));
    assert.doesNotMatch(source, /\?\.|\?\?|\bawait\b|^import |import\.meta/m);
  });
});
