import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prepareSecrets } from '../../../src/cli/secrets.ts';
import type { CoreConfig } from '../../../src/core/config.ts';
import { type ConfigInput, mergeConfig, resolveConfig } from '../../../src/core/config-schema.ts';
import { verifyPassword } from '../../../src/core/password.ts';

const resolved = (input: ConfigInput) => resolveConfig(input, {}) as unknown as CoreConfig;

function prepare(document: ConfigInput, over: ConfigInput = {}, foreignKeys: readonly string[] = []) {
  const merged = mergeConfig(document, over);
  return prepareSecrets({ merged, auth: resolved(merged).auth, document, foreignKeys: new Set(foreignKeys) });
}

const HASH = `scrypt$16384$8$1$${'00'.repeat(16)}$${'00'.repeat(64)}`;
const settled = { auth: { secret: 's', jwt: { secret: 't', users: [{ username: 'a', password: HASH }] } } };

describe('prepareSecrets', () => {
  test('makes the same again for the same, as long as it is told what it has made', async () => {
    const document = { auth: { jwt: { users: [{ username: 'a', password: 'plain one' }, { username: 'b' }] } } };
    const source = { merged: document, auth: resolved(document).auth, document, foreignKeys: new Set<string>() };
    const first = await prepareSecrets(source);
    const memory = new Map(first.made.map(({ purpose, value }) => [purpose, value]));
    const again = await prepareSecrets({ ...source, memory });
    assert.deepEqual(again.config, first.config);
    assert.deepEqual([first.passwords.map(({ username }) => username), again.passwords], [['b'], []]);
    assert.doesNotMatch(JSON.stringify([...memory]), /plain one/);
    const other = { auth: { jwt: { users: [{ username: 'a', password: 'plain two' }] } } };
    const changed = await prepareSecrets({
      ...source,
      merged: other,
      auth: resolved(other).auth,
      document: other,
      memory,
    });
    const [user] = resolved(changed.config).auth.jwt.users;
    assert.equal(await verifyPassword('plain two', user?.password ?? ''), true);
  });

  test('an empty configuration gets two keys and an administrator', async () => {
    const { config, passwords, changes } = await prepare({});
    const { auth } = resolved(config);
    assert.match(auth.secret, /^[0-9a-f]{32}$/);
    assert.match(auth.jwt.secret, /^[0-9a-f]{64}$/);
    assert.deepEqual(
      passwords.map(({ username }) => username),
      ['admin'],
    );
    const password = passwords[0]?.password ?? '';
    assert.equal(password.length, 16);
    assert.equal(await verifyPassword(password, auth.jwt.users[0]?.password ?? ''), true);
    assert.deepEqual(
      changes.map(({ path, value }) => [path.join('.'), value]),
      [
        ['auth.jwt.users', auth.jwt.users],
        ['auth.secret', auth.secret],
        ['auth.jwt.secret', auth.jwt.secret],
      ],
    );
    assert.doesNotMatch(JSON.stringify([config, changes]), new RegExp(password));
  });

  test('a configuration with everything in place is left alone', async () => {
    const { config, passwords, changes, weak } = await prepare(settled);
    assert.deepEqual(resolved(config), resolved(settled));
    assert.deepEqual({ passwords, changes, weak }, { passwords: [], changes: [], weak: [] });
  });

  test('weak passwords are replaced, plain ones hashed, hashes kept', async () => {
    const users = [
      { username: 'weak', password: 'admin' },
      { username: 'empty' },
      { username: 'plain', password: 'correct horse' },
      { username: 'hashed', password: HASH },
    ];
    const document = { auth: { ...settled.auth, jwt: { ...settled.auth.jwt, users } } };
    const { config, passwords, changes } = await prepare(document);
    const made = resolved(config).auth.jwt.users;
    assert.deepEqual(
      passwords.map(({ username }) => username),
      ['weak', 'empty'],
    );
    assert.equal(await verifyPassword('correct horse', made[2]?.password ?? ''), true);
    assert.equal(made[3]?.password, HASH);
    assert.deepEqual(
      changes.map(({ path }) => path.join('.')),
      [0, 1, 2].map((index) => `auth.jwt.users.${index}.password`),
    );
  });

  test('what a variable sets is never put into the file', async () => {
    const users = [
      { username: 'eve', password: 'plain' },
      { username: 'empty', password: '' },
    ];
    const over = { auth: { secret: 'from outside', jwt: { users } } };
    const { config, passwords, changes } = await prepare({}, over, ['auth.secret', 'auth.jwt.users']);
    assert.deepEqual(
      changes.map(({ key }) => key),
      ['auth.jwt.secret'],
    );
    assert.equal(resolved(config).auth.secret, 'from outside');
    assert.equal(await verifyPassword('plain', resolved(config).auth.jwt.users[0]?.password ?? ''), true);
    assert.equal(passwords.length, 1);
  });

  test('a published secret is kept and named', async () => {
    const auth = { ...settled.auth, secret: 'nodemedia2017privatekey' };
    const { config, weak } = await prepare({ auth });
    assert.deepEqual(weak, ['auth.secret']);
    assert.equal(resolved(config).auth.secret, 'nodemedia2017privatekey');
  });
});
