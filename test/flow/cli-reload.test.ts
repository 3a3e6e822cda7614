import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { askApi } from '../support/api.ts';
import { anyPorts, CliProcess, temporaryFolder } from './cli-process.ts';

const HASH = `scrypt$16384$8$1$${'00'.repeat(16)}$${'00'.repeat(64)}`;
const users = [{ username: 'admin', password: HASH, role: 'admin' }];
const settled = { auth: { secret: 'SECRET-1', jwt: { secret: 'SECRET-2', users } }, workers: 1 };

interface Place {
  readonly path: string;
  readonly child: CliProcess;
  write(text: string | object): void;
  /** As editors do: a new file in place of the old one. */
  replace(text: string | object): void;
}

async function start(
  t: TestContext,
  content: string | object,
  more: { name?: string; environment?: Record<string, string>; args?: readonly string[] } = {},
): Promise<Place> {
  const cwd = temporaryFolder(t);
  const { name = 'config.json', environment = {}, args = [] } = more;
  const path = join(cwd, name);
  const asText = (text: string | object) => (typeof text === 'string' ? text : JSON.stringify(text, null, 2));
  writeFileSync(path, asText(content));
  const child = new CliProcess(t, { cwd, args, environment: { ...anyPorts, ...environment } });
  await child.ready();
  return {
    path,
    child,
    write: (text) => writeFileSync(path, asText(text)),
    replace: (text) => {
      writeFileSync(`${path}.new`, asText(text));
      renameSync(`${path}.new`, path);
    },
  };
}

const said = (child: CliProcess, pattern: RegExp) => child.log.filter(({ msg }) => pattern.test(String(msg)));

describe('the command takes its file up again', () => {
  test('at SIGHUP: it says what changed, key by key, without secrets', async (t) => {
    const { child, write } = await start(t, settled);
    write({ ...settled, play: { waitMs: 5 }, auth: { ...settled.auth, secret: 'SECRET-3' }, workers: 3 });
    child.kill('SIGHUP');
    const line = await child.line(/waits for a restart/);
    assert.deepEqual(line['restart'], ['workers']);
    assert.deepEqual(
      said(child, /^configuration: /).map(({ msg, by }) => [msg, by]),
      [
        ['configuration: workers is 3, was 1', 'SIGHUP'],
        ['configuration: auth.secret is another one', 'SIGHUP'],
        ['configuration: play.waitMs is 5, was 10000', 'SIGHUP'],
      ],
    );
    assert.doesNotMatch(child.stdout, /SECRET/);
    child.kill('SIGHUP');
    await child.line(/^the configuration is unchanged$/);
    child.kill('SIGTERM');
    assert.equal(await child.ended, 0);
  });

  test('when it is replaced, by itself; the level of the log is another one at once', async (t) => {
    const { child, replace } = await start(t, settled);
    replace({ ...settled, play: { waitMs: 6 } });
    const line = await child.line(/^configuration: play\.waitMs is 6/);
    assert.equal(line['by'], 'the changed file');
    replace({ ...settled, play: { waitMs: 6 }, log: { level: 'debug' } });
    await child.line(/^configuration: log\.level is "debug", was "info"/);
    child.kill('SIGHUP');
    await child.line(/^the configuration is unchanged$/);
    assert.ok(said(child, /^the configuration is unchanged$/).some(({ level }) => level === 'debug'));
  });

  test('a wrong file is one line that names the place; what was in force stays, until it is right', async (t) => {
    const { child, write } = await start(t, settled);
    write(`{\n  "play": {\n    "waitMs": -7\n  }\n}\n`);
    child.kill('SIGHUP');
    const line = await child.line(/what was in force stays/);
    assert.equal(
      line.msg,
      'config.json: line 3, column 5: play.waitMs is -7; a whole number from -1 to 2147483647 is allowed; what was in force stays',
    );
    assert.equal(line['level'], 'warn');
    write('{ "play": ');
    child.kill('SIGHUP');
    await child.line(/^config\.json: line 1, column 11: the file ends .*; what was in force stays$/);
    write({ ...settled, play: { waitMs: 8 } });
    child.kill('SIGHUP');
    await child.line(/^configuration: play\.waitMs is 8, was 10000$/);
  });

  test('a pipe in its place is refused, and holds up nothing', { skip: process.platform === 'win32' }, async (t) => {
    const { child, path, replace } = await start(t, settled);
    execFileSync('mkfifo', [`${path}.pipe`]);
    renameSync(`${path}.pipe`, path);
    child.kill('SIGHUP');
    const line = await child.line(/what was in force stays/);
    assert.deepEqual(
      [line['level'], line.msg],
      ['warn', 'config.json: it is no file, and read at the start only; what was in force stays'],
    );
    replace({ ...settled, play: { waitMs: 8 } });
    child.kill('SIGHUP');
    await child.line(/^configuration: play\.waitMs is 8, was 10000$/);
    child.kill('SIGTERM');
    assert.equal(await child.ended, 0);
  });

  test('a plain password in it is hashed, a weak one replaced and shown once; nothing else is written', async (t) => {
    const environment = { NMS_PLAY_WAIT_MS: '77' };
    const { child, write, path } = await start(t, settled, { environment, args: ['--auth-play'] });
    const more = [...users, { username: 'eve', password: 'correct horse' }, { username: 'bob', password: 'admin' }];
    const next = { ...settled, auth: { ...settled.auth, jwt: { ...settled.auth.jwt, users: more } } };
    write(next);
    child.kill('SIGHUP');
    await child.line(/^configuration: auth\.jwt\.users/);
    const kept = JSON.parse(readFileSync(path, 'utf8')) as typeof next;
    const [, eve, bob] = kept.auth.jwt.users;
    assert.match(eve!.password, /^scrypt\$/);
    assert.match(bob!.password, /^scrypt\$/);
    const without = kept.auth.jwt.users.map((user, index) => ({ ...user, password: more[index]!.password }));
    assert.deepEqual({ ...kept, auth: { ...kept.auth, jwt: { ...kept.auth.jwt, users: without } } }, next);
    assert.match(
      child.stderr,
      /User: {5}bob\n {2}Password: \S{16}\n {2}Shown this once; config\.json keeps only its hash\./,
    );
    assert.doesNotMatch(child.stderr, /eve/);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    // What we have written ourselves is no news.
    child.kill('SIGHUP');
    await child.line(/^the configuration is unchanged$/);
    assert.equal(said(child, /^configuration: /).length, 1);
  });
});

test('what was made and cannot be kept in the file is the same when it is read again', async (t) => {
  const given = [
    { username: 'eve', password: 'correct horse' },
    { username: 'bob', password: '' },
  ];
  const environment = { NMS_AUTH_JWT_USERS: JSON.stringify(given), NMS_AUTH_SECRET: '' };
  const { child, path } = await start(t, settled, { environment });
  const shown = child.stderr;
  assert.match(shown, /User: {5}bob\n[^]*Kept nowhere: it holds for this run only\./);
  child.kill('SIGHUP');
  await child.line(/^the configuration is unchanged$/);
  assert.equal(child.stderr, shown);
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), settled);
});

describe('a file of YAML', () => {
  const text = [
    '# the house',
    'workers: 1     # one is enough',
    '',
    'auth:',
    '    # who may in',
    '    play: false   # nobody asks',
    'play: { waitMs: 10000 } # ms',
    '',
    '# the end',
    '',
  ].join('\n');

  test('is read when it is there; what is made for it is put in, and all else stays to the byte', async (t) => {
    const { child, path, replace } = await start(t, text, { name: 'config.yaml' });
    const made = readFileSync(path, 'utf8');
    const lines = made.split('\n');
    const [before, after] = [lines.slice(0, 6), lines.slice(-4)];
    assert.deepEqual([...before, ...after].join('\n'), text);
    const added = lines.slice(6, -4).join('\n');
    assert.match(added, /^ {4}jwt:\n {6}users:\n {8}- username: admin\n {10}password: scrypt\$\S+\n {10}role: admin\n/);
    assert.match(added, /\n {6}secret: [0-9a-f]{64}\n {4}secret: [0-9a-f]{32}$/);
    replace(made.replace('waitMs: 10000', 'waitMs: 9'));
    await child.line(/^configuration: play\.waitMs is 9, was 10000$/);
    assert.equal(readFileSync(path, 'utf8'), made.replace('waitMs: 10000', 'waitMs: 9'));
    replace(made.replace('waitMs: 10000', 'waitMS: 9'));
    const line = await child.line(/what was in force stays/);
    assert.match(
      String(line.msg),
      /^config\.yaml: line \d+, column 9: play\.waitMS is not a known key; did you mean "play\.waitMs"\?/,
    );
  });

  test('beside one of JSON is one too many', async (t) => {
    const cwd = temporaryFolder(t);
    writeFileSync(join(cwd, 'config.json'), '{}');
    writeFileSync(join(cwd, 'config.yml'), '{}');
    const child = new CliProcess(t, { cwd });
    assert.equal(await child.ended, 1);
    assert.equal(
      child.stderr,
      'config.json and config.yml are both here; one of them, or one named with -c, is allowed\n',
    );
  });
});

describe('a change over the API', () => {
  test('writes what was asked for and nothing else, and names no folder when the file is gone', async (t) => {
    const cwd = temporaryFolder(t);
    const path = join(cwd, 'config.json');
    const jwt = { secret: 'SECRET-2', users: [{ username: 'admin', password: 'plain-1' }] };
    writeFileSync(path, JSON.stringify({ ...settled, auth: { ...settled.auth, jwt } }));
    const child = new CliProcess(t, { cwd, args: ['-c', path], environment: anyPorts });
    const { http = 0 } = await child.ready();
    const signIn = async (password: string): Promise<string> => {
      const reply = await askApi(http, '/login', { method: 'POST', body: { username: 'admin', password } });
      return reply.body.data.token;
    };
    const body = { oldPassword: 'plain-1', newPassword: 'plain-2' };
    const changed = await askApi(http, '/password', { method: 'POST', token: await signIn('plain-1'), body });
    assert.deepEqual(changed.body.data, { username: 'admin', isKept: true });
    const { users: kept } = JSON.parse(readFileSync(path, 'utf8')).auth.jwt;
    assert.deepEqual(
      kept.map((user: object) => Object.keys(user)),
      [['username', 'password']],
    );
    const token = await signIn('plain-2');
    rmSync(path);
    const refused = await askApi(http, '/config', { method: 'PUT', token, body: { play: { waitMs: 5 } } });
    assert.deepEqual(
      [refused.status, refused.body.message],
      [400, 'config.json cannot be written (ENOENT): nothing is changed'],
    );
  });
});
