import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ConfigFile } from '../../../src/cli/config-file.ts';
import { ConfigError } from '../../../src/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'config-file-'));
after(() => rmSync(root, { recursive: true, force: true }));

function place(text: string | Buffer): string {
  const path = join(mkdtempSync(join(root, 'place-')), 'config.json');
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

/** What stands in the file after one secret was put into it. */
function rewritten(text: string): string {
  const path = place(text);
  const file = ConfigFile.read(path);
  assert.ok(file);
  file.set(['auth', 'secret'], 's');
  file.save();
  return readFileSync(path, 'utf8');
}

describe('ConfigFile', () => {
  for (const [what, before, after] of [
    ['two spaces', '{\n  "z": 1,\n  "auth": {}\n}\n', '{\n  "z": 1,\n  "auth": {\n    "secret": "s"\n  }\n}\n'],
    ['tabs and no newline at the end', '{\n\t"a": []\n}', '{\n\t"a": [],\n\t"auth": {\n\t\t"secret": "s"\n\t}\n}'],
    [
      'four spaces and CRLF',
      '{\r\n    "a": 1\r\n}\r\n',
      '{\r\n    "a": 1,\r\n    "auth": {\r\n        "secret": "s"\r\n    }\r\n}\r\n',
    ],
    ['one line', '{"b":1,"a":2}', '{"b":1,"a":2,"auth":{"secret":"s"}}'],
    ['a byte order mark', '\uFEFF{"a":1}', '{"a":1,"auth":{"secret":"s"}}'],
    [
      '$schema and other keys',
      '{"$schema":"./x","auth":{"play":true,"secret":""}}',
      '{"$schema":"./x","auth":{"play":true,"secret":"s"}}',
    ],
  ] as const) {
    test(`a file with ${what} stays as it was around a new secret`, () => {
      assert.equal(rewritten(before), after);
    });
  }

  test('a place in a list is set without touching its neighbours', () => {
    const path = place('{"auth":{"jwt":{"users":[{"username":"a"},{"role":"viewer","password":"","username":"b"}]}}}');
    const file = ConfigFile.read(path);
    file?.set(['auth', 'jwt', 'users', 1, 'password'], 'h');
    file?.save();
    assert.equal(
      readFileSync(path, 'utf8'),
      '{"auth":{"jwt":{"users":[{"username":"a"},{"role":"viewer","password":"h","username":"b"}]}}}',
    );
  });

  test('a written file is its owner’s only, and nothing is left beside it', () => {
    const path = place('{}');
    const file = ConfigFile.read(path);
    file?.save();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(path, '..')), ['config.json']);
  });

  test('behind a symbolic link the file changes and the link stays', () => {
    const real = place('{}');
    const link = join(mkdtempSync(join(root, 'link-')), 'config.json');
    symlinkSync(real, link);
    const file = ConfigFile.read(link);
    file?.set(['a'], 1);
    file?.save();
    assert.equal(readFileSync(real, 'utf8'), '{"a":1}');
    assert.equal(readFileSync(link, 'utf8'), '{"a":1}');
    assert.equal(file?.folder, join(real, '..'));
  });

  test('a save that fails says why and leaves nothing behind', () => {
    const path = place('{"a":1}');
    const file = ConfigFile.read(path);
    rmSync(path);
    mkdirSync(path);
    assert.throws(() => file?.save(), { code: 'not a file' });
    assert.deepEqual(readdirSync(join(path, '..')), ['config.json']);
    rmSync(join(path, '..'), { recursive: true });
    assert.throws(() => file?.save(), { code: 'ENOENT' });
  });

  test('an absent file is null, a new one is written with an indent of two', () => {
    const path = join(mkdtempSync(join(root, 'new-')), 'config.json');
    assert.equal(ConfigFile.read(path), null);
    ConfigFile.create(path, { a: { b: 1 } }).save();
    assert.equal(readFileSync(path, 'utf8'), '{\n  "a": {\n    "b": 1\n  }\n}\n');
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  for (const [text, message] of [
    ['{"a":1,}', 'line 1, column 8: a comma before "}"'],
    ['{\n "secret": hunter2\n}', 'line 2, column 12: a value is expected'],
    ['[]', 'the file holds a list; one object, { … }, is allowed'],
    ['"x"', 'the file holds a string; one object, { … }, is allowed'],
    ['null', 'the file holds null; one object, { … }, is allowed'],
    ['{\n"auth": { "play": true },\n"auth": {}}', 'line 3, column 1: a key that is there already'],
    ['{"a": [{ "b": 1,\t"\\u0062": 2 }]}', 'line 1, column 18: a key that is there already'],
  ] as const) {
    test(`${JSON.stringify(text)} is refused in one line that quotes nothing of it`, () => {
      assert.throws(
        () => ConfigFile.read(place(text)),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError);
          assert.equal(error.message, message);
          return true;
        },
      );
    });
  }

  test('bytes that are no UTF-8 are refused: a path of Latin-1 would be another one, and be written back so', () => {
    const path = place('');
    writeFileSync(path, Buffer.from('{"record":{"path":"caf\xe9"}}', 'latin1'));
    assert.throws(() => ConfigFile.read(path), { name: 'ConfigError', message: /^the file is not in UTF-8/ });
    writeFileSync(path, '\uFEFF{"record":{"path":"café"}}');
    assert.deepEqual(ConfigFile.read(path)?.document, { record: { path: 'café' } });
    assert.equal(ConfigFile.read(path)?.raw, readFileSync(path, 'utf8'));
  });

  test('a folder in the place of the file is refused', () => {
    assert.throws(() => ConfigFile.read(root), { name: 'ConfigError', message: /cannot be read \(EISDIR\)/ });
  });
});
