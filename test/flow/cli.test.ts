import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { generate } from 'selfsigned';
import { verifyPassword } from '../../src/core/password.ts';
import { anyPorts, CliProcess, temporaryFolder } from './cli-process.ts';

const doors = { bind: '127.0.0.1', rtmp: { port: 0 }, http: { port: 0 } };
const HASH = `scrypt$16384$8$1$${'00'.repeat(16)}$${'00'.repeat(64)}`;
const settled = { auth: { secret: 's', jwt: { secret: 't', users: [{ username: 'admin', password: HASH }] } } };

function write(folder: string, config: unknown, name = 'config.json'): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config));
  return path;
}

async function stopped(child: CliProcess): Promise<void> {
  child.kill('SIGTERM');
  assert.equal(await child.ended, 0, child.stdout + child.stderr);
}

async function open(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

describe('the first start', () => {
  test('writes a config and the data folder, opens four doors, shows a password once', async (t) => {
    const cwd = temporaryFolder(t);
    const first = new CliProcess(t, { cwd, environment: anyPorts });
    const ports = await first.ready();
    assert.deepEqual(Object.keys(ports).sort(), ['http', 'https', 'rtmp', 'rtmps']);
    for (const port of Object.values(ports)) (await open(t, port)).destroy();

    const text = readFileSync(join(cwd, 'config.json'), 'utf8');
    const config = JSON.parse(text);
    assert.equal(statSync(join(cwd, 'config.json')).mode & 0o777, 0o600);
    assert.equal(config.rtmp.port, 1935);
    assert.equal(config.https.port, 8443);
    assert.equal(config.bind, '0.0.0.0');
    assert.match(config.auth.secret, /^[0-9a-f]{32}$/);
    assert.match(config.auth.jwt.secret, /^[0-9a-f]{64}$/);
    assert.deepEqual(readdirSync(join(cwd, 'data')), ['tls']);

    const password = /Password: (\S{16})\n/.exec(first.stderr)?.[1] ?? '';
    assert.equal(await verifyPassword(password, config.auth.jwt.users[0].password), true, first.stderr);
    await stopped(first);
    assert.equal(first.stderr.split(password).length, 2);
    assert.ok(!first.stdout.includes(password));

    const second = new CliProcess(t, { cwd, environment: anyPorts });
    await second.ready();
    await stopped(second);
    assert.equal(second.stderr, '');
    assert.equal(readFileSync(join(cwd, 'config.json'), 'utf8'), text);
    assert.deepEqual(readdirSync(cwd).sort(), ['config.json', 'data']);
  });

  test('says its version first, then each door, then what to paste', async (t) => {
    const cwd = temporaryFolder(t);
    const child = new CliProcess(t, { cwd, environment: anyPorts });
    const ports = await child.ready();
    await child.line(/^watch: /);
    const messages = child.log.map(({ msg }) => String(msg));
    assert.match(messages[0] ?? '', /^Node Media Server \d+\.\d+\.\d+/);
    assert.ok(messages.includes(`rtmp listens on 127.0.0.1:${ports.rtmp}`));
    assert.match(
      messages.at(-2) ?? '',
      new RegExp(`^publish: ffmpeg -re .* rtmp://127.0.0.1:${ports.rtmp}/live/test$`),
    );
    assert.equal(messages.at(-1), `watch: http://127.0.0.1:${ports.http}/`);
  });
});

describe('an operator’s config', () => {
  test('keeps its order, indent and keys when secrets are made; nothing from outside is put into it', async (t) => {
    const cwd = temporaryFolder(t);
    const before =
      '{\n\t"http": {\n\t\t"port": 0\n\t},\n\t"bind": "127.0.0.1",\n\t"auth": {\n\t\t"play": false\n\t}\n}';
    const path = write(cwd, before, 'conf/mine.json');
    const environment = { NMS_PUBLISH_GRACE_MS: '7', NMS_RTMP_PORT: '0', NMS_AUTH_JWT_SECRET: 'from outside' };
    const args = ['-c', 'conf/mine.json', '--record-auto', '--data-path', 'elsewhere'];
    const child = new CliProcess(t, { cwd, args, environment });
    assert.deepEqual(Object.keys(await child.ready()).sort(), ['http', 'rtmp']);
    await stopped(child);
    const after = readFileSync(path, 'utf8');
    assert.match(
      after,
      /^\{\n\t"http": \{\n\t\t"port": 0\n\t\},\n\t"bind": "127\.0\.0\.1",\n\t"auth": \{\n\t\t"play": false,\n/,
    );
    const config = JSON.parse(after);
    assert.deepEqual(Object.keys(config), ['http', 'bind', 'auth']);
    assert.deepEqual(Object.keys(config.auth).sort(), ['jwt', 'play', 'secret']);
    assert.deepEqual(Object.keys(config.auth.jwt), ['users']);
    assert.ok(existsSync(join(cwd, 'elsewhere')));
    assert.ok(!existsSync(join(cwd, 'conf', 'data')));
  });

  test('with everything in place is not touched, and no password is shown', async (t) => {
    const cwd = temporaryFolder(t);
    const path = write(cwd, { ...doors, ...settled });
    const { mtimeMs } = statSync(path);
    const child = new CliProcess(t, { cwd });
    await child.ready();
    await stopped(child);
    assert.equal(statSync(path).mtimeMs, mtimeMs);
    assert.equal(child.stderr, '');
  });

  test('plain passwords are hashed, well-known ones replaced', async (t) => {
    const cwd = temporaryFolder(t);
    const users = [
      { username: 'admin', password: 'admin' },
      { username: 'eve', password: 'correct horse', role: 'viewer' },
    ];
    const path = write(cwd, { ...doors, auth: { secret: 's', jwt: { secret: 't', users } } });
    const child = new CliProcess(t, { cwd });
    await child.ready();
    await stopped(child);
    assert.match(child.stderr, /User: +admin\n/);
    assert.doesNotMatch(child.stderr, /eve|correct horse/);
    assert.doesNotMatch(child.stdout, /correct horse/);
    const kept = JSON.parse(readFileSync(path, 'utf8')).auth.jwt.users;
    assert.equal(await verifyPassword('correct horse', kept[1].password), true);
    assert.equal(await verifyPassword('admin', kept[0].password), false);
  });

  test('that cannot be written is a warning: the secrets hold for this run', async (t) => {
    const cwd = temporaryFolder(t);
    const pipe = join(cwd, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const written = writeFile(pipe, JSON.stringify(doors));
    const child = new CliProcess(t, { cwd, args: ['-c', 'pipe', '--data-path', 'data'] });
    await written;
    await child.ready();
    const warning = await child.line(/cannot be written/);
    assert.equal(warning.level, 'warn');
    assert.match(String(warning.msg), /hold for this run only/);
    assert.match(child.stderr, /Password: \S{16}\n.*this run only/);
    await stopped(child);
    assert.deepEqual(readdirSync(cwd).sort(), ['data', 'pipe']);
  });

  test('has its certificates and data beside it, wherever the command is run', async (t) => {
    const cwd = temporaryFolder(t);
    const pems = await generate([{ name: 'commonName', value: 'beside' }], { keyType: 'ec', algorithm: 'sha256' });
    write(cwd, pems.private, 'conf/tls/key.pem');
    write(cwd, pems.cert, 'conf/tls/cert.pem');
    const rtmps = { port: 0, key: './tls/key.pem', cert: './tls/cert.pem' };
    write(cwd, { bind: '127.0.0.1', rtmps, ...settled }, 'conf/config.json');
    const child = new CliProcess(t, { cwd, args: ['-c', 'conf/config.json'] });
    const { rtmps: port } = await child.ready();
    const socket = connectTls({ port: port ?? 0, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    assert.equal(socket.getPeerCertificate().subject.CN, 'beside');
    socket.destroy();
    await stopped(child);
    assert.ok(existsSync(join(cwd, 'conf', 'data')));
  });

  test('of Node-Media-Server 4 starts as it is, without the certificates it names', async (t) => {
    const cwd = temporaryFolder(t);
    const shipped = {
      bind: '127.0.0.1',
      notify: { url: '' },
      auth: {
        play: false,
        publish: false,
        secret: 'nodemedia2017privatekey',
        jwt: {
          secret: '',
          expiresIn: '24h',
          refreshExpiresIn: '7d',
          algorithm: 'HS256',
          users: [{ username: 'admin', password: '', role: 'admin' }],
        },
      },
      rtmp: { port: 0 },
      rtmps: { port: 0, key: './key.pem', cert: './cert.pem' },
      http: { port: 0 },
      https: { port: 0, key: './key.pem', cert: './cert.pem' },
      store: { path: './data', maxHistory: 10000, flushInterval: 200, maxOps: 1000, pretty: false, durability: 'none' },
      record: { auto: false, path: './record' },
      webadmin: { enable: true },
    };
    write(cwd, shipped);
    const child = new CliProcess(t, { cwd });
    assert.equal(Object.keys(await child.ready()).length, 4);
    const warning = await child.line(/published/);
    assert.equal(warning.key, 'auth.secret');
    await stopped(child);
    assert.ok(existsSync(join(cwd, 'data', 'tls', 'key.pem')));
  });

  test('a variable that resembles none of ours is a warning', async (t) => {
    const cwd = temporaryFolder(t);
    write(cwd, { ...doors, ...settled });
    const child = new CliProcess(t, { cwd, environment: { NMS_VERSION: '4' } });
    await child.ready();
    assert.equal((await child.line(/NMS_VERSION/)).level, 'warn');
    await stopped(child);
  });
});

describe('a mistake is one line on stderr and exit 1', () => {
  interface Row {
    readonly what: string;
    readonly config?: unknown;
    readonly args?: readonly string[];
    readonly environment?: Record<string, string>;
    readonly says: RegExp;
  }
  const base = { ...doors, ...settled };
  const rows: readonly Row[] = [
    {
      what: 'a missing file',
      args: ['-c', 'absent.json'],
      says: /^absent\.json: the file given with -c does not exist/,
    },
    { what: 'a folder as file', args: ['-c', '.'], says: /^\.: the file cannot be read \(EISDIR\)/ },
    {
      what: 'broken JSON',
      config: '{\n  "rtmp": {},\n}',
      says: /^config\.json: line 3, column 1: a comma before "}"$/,
    },
    { what: 'a list as config', config: [], says: /^config\.json: the file holds a list/ },
    {
      what: 'a port out of range',
      config: { ...base, rtmp: { port: 70000 } },
      says: /^config\.json: line 1, column \d+: rtmp\.port is 70000; a whole number from 0 to 65535 is allowed$/,
    },
    {
      what: 'an unknown key',
      config: { ...base, rtpm: {} },
      says: /^config\.json: line 1, column \d+: rtpm is not a known key; did you mean "rtmp"\?$/,
    },
    {
      what: 'a wrong variable',
      config: base,
      environment: { NMS_HTTP_PORT: 'x' },
      says: /^NMS_HTTP_PORT is "x"; a whole number/,
    },
    {
      what: 'a misspelt variable',
      config: base,
      environment: { NMS_HTTP_PROT: '1' },
      says: /^NMS_HTTP_PROT is not a known variable; did you mean NMS_HTTP_PORT\?$/,
    },
    {
      what: 'a wrong port flag',
      config: base,
      args: ['--http-port', '0'],
      says: /^error: option '--http-port <n>' argument '0' is invalid\. A whole number from 1 to 65535 is allowed\.$/,
    },
    {
      what: 'a missing certificate',
      config: { ...base, rtmps: { port: 0, key: './k.pem', cert: './c.pem' } },
      says: /^config\.json: line 1, column \d+: rtmps\.key is ".*k\.pem", which does not exist; a PEM file is allowed$/,
    },
    {
      what: 'half a certificate',
      config: { ...base, https: { port: 0, cert: './c.pem' } },
      says: /^config\.json: line 1, column \d+: https\.key is missing; https\.cert needs it/,
    },
    {
      what: 'a file as data folder',
      config: { ...base, store: { path: './config.json' } },
      says: /^config\.json: line 1, column \d+: store\.path is "\.\/config\.json", which cannot be used \(EEXIST\); a folder that can be written is allowed$/,
    },
    {
      what: 'a foreign address',
      config: { ...base, bind: '192.0.2.200' },
      says: /^config\.json: line 1, column \d+: bind is "192\.0\.2\.200"; .*192\.0\.2\.200:0.*; an address of this machine is allowed$/,
    },
    {
      what: 'a command that does not exist',
      config: base,
      args: ['publish'],
      says: /^error: missing required argument 'url'$/,
    },
  ];
  for (const { what, config, args = [], environment = {}, says } of rows) {
    test(what, async (t) => {
      const cwd = temporaryFolder(t);
      if (config !== undefined) write(cwd, config);
      const child = new CliProcess(t, { cwd, args, environment });
      assert.equal(await child.ended, 1);
      assert.match(child.stderr, /^[^\n]+\n$/);
      assert.match(child.stderr.trimEnd(), says);
      assert.ok(config !== undefined || !existsSync(join(cwd, 'config.json')));
    });
  }

  test('a taken port names its key, and no other door stays open', async (t) => {
    const cwd = temporaryFolder(t);
    const taken = createServer();
    await once(taken.listen(0, '127.0.0.1'), 'listening');
    t.after(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const config = { ...doors, ...settled, rtmp: { port: 0 }, https: { port } };
    write(cwd, config);
    const child = new CliProcess(t, { cwd });
    assert.equal(await child.ended, 1);
    const column = readFileSync(join(cwd, 'config.json'), 'utf8').lastIndexOf(`"port":${port}`) + 1;
    assert.equal(
      child.stderr,
      `config.json: line 1, column ${column}: https.port is ${port}; https cannot listen on 127.0.0.1:${port}: the port is taken by another program; a port that is free is allowed\n`,
    );
  });

  test('an unknown flag is named, with the usage', async (t) => {
    const cwd = temporaryFolder(t);
    const child = new CliProcess(t, { cwd, args: ['--nope'] });
    assert.equal(await child.ended, 1);
    assert.match(child.stderr, /^error: unknown option '--nope'\n\nUsage: nms /);
    assert.deepEqual(readdirSync(cwd), []);
  });

  test('secrets are not in the line', async (t) => {
    const cwd = temporaryFolder(t);
    write(cwd, { auth: { secret: ['hunter2'] } });
    const child = new CliProcess(t, { cwd });
    assert.equal(await child.ended, 1);
    assert.match(child.stderr, /^config\.json: line 1, column \d+: auth\.secret is a list; a text is allowed\n$/);
  });
});

describe('commands', () => {
  test('help and version are printed and nothing else happens', async (t) => {
    const cwd = temporaryFolder(t);
    const help = new CliProcess(t, { cwd, args: ['-h'] });
    assert.equal(await help.ended, 0);
    assert.match(help.stdout, /^Usage: nms /);
    const version = new CliProcess(t, { cwd, args: ['--version'] });
    assert.equal(await version.ended, 0);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\S*\n$/);
    assert.deepEqual(readdirSync(cwd), []);
  });

  test('check says what would be opened and writes nothing', async (t) => {
    const cwd = temporaryFolder(t);
    const absent = new CliProcess(t, { cwd, args: ['check'] });
    assert.equal(await absent.ended, 0, absent.stderr);
    assert.match(absent.stdout, /^no config\.json here.*rtmp on port 1935.*https on port 8443 at 0\.0\.0\.0\n$/);
    const path = write(cwd, { ...doors, auth: { play: true } });
    const before = readFileSync(path, 'utf8');
    const present = new CliProcess(t, { cwd, args: ['check', '--rtmp-port', '5'] });
    assert.equal(await present.ended, 0, present.stderr);
    assert.equal(present.stdout, 'config.json is valid; opens rtmp on port 5, http on port 0 at 127.0.0.1\n');
    assert.equal(readFileSync(path, 'utf8'), before);
    assert.deepEqual(readdirSync(cwd), ['config.json']);
  });

  test('check finds what a start would stumble over', async (t) => {
    const cwd = temporaryFolder(t);
    write(cwd, { ...doors, https: { key: './k.pem', cert: './c.pem' } });
    const child = new CliProcess(t, { cwd, args: ['check'] });
    assert.equal(await child.ended, 1);
    assert.match(
      child.stderr,
      /^config\.json: line 1, column \d+: https\.key is ".*k\.pem", which does not exist[^\n]*\n$/,
    );
  });
});

describe('the tools', () => {
  test('publish sends a stream that play receives; each ends with 0', async (t) => {
    const cwd = temporaryFolder(t);
    write(cwd, { ...doors, ...settled });
    const server = new CliProcess(t, { cwd });
    const { rtmp, http } = await server.ready();
    const play = new CliProcess(t, { cwd, args: ['play', `http://127.0.0.1:${http}/live/a.flv`, '--seconds', '1'] });
    const url = `rtmp://127.0.0.1:${rtmp}/live/a`;
    const publish = new CliProcess(t, { cwd, args: ['publish', url] });
    assert.equal(await play.ended, 0, play.stdout + play.stderr);
    assert.match(play.stdout, /received 1\.\d s, [1-9]\d* video frames/);
    publish.kill('SIGINT');
    assert.equal(await publish.ended, 0, publish.stdout + publish.stderr);
    assert.match(publish.stdout, /published \d/);
    await stopped(server);
  });

  test('a refusal is a line and exit 1', async (t) => {
    const closed = createServer();
    await once(closed.listen(0, '127.0.0.1'), 'listening');
    const { port } = closed.address() as AddressInfo;
    await once(closed.close(), 'close');
    for (const command of ['publish', 'play']) {
      const child = new CliProcess(t, { cwd: temporaryFolder(t), args: [command, `rtmp://127.0.0.1:${port}/live/a`] });
      assert.equal(await child.ended, 1);
      assert.match(child.stdout + child.stderr, /^[^\n]+\n$/);
    }
  });
});

describe('the process', () => {
  async function serving(t: TestContext, nodeArgs: readonly string[] = []) {
    const cwd = temporaryFolder(t);
    write(cwd, { ...doors, ...settled });
    const child = new CliProcess(t, { cwd, nodeArgs });
    return { child, ports: await child.ready() };
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} closes connections in order and ends with 0`, async (t) => {
      const { child, ports } = await serving(t);
      const socket = connect(ports.rtmp ?? 0, '127.0.0.1');
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      const closed = once(socket.resume(), 'close');
      child.kill(signal);
      await closed;
      assert.equal(await child.ended, 0, child.stderr);
      assert.equal(child.log.at(-1)?.msg, 'stopped');
      assert.equal(child.stderr, '');
    });
  }

  test('a second signal ends it at once with 1', async (t) => {
    const { child, ports } = await serving(t);
    // A peer that never closes its side keeps the door waiting.
    await open(t, ports.rtmp ?? 0);
    await child.line(/session created|connection/);
    child.kill('SIGTERM');
    await child.line(/SIGTERM: stopping/);
    child.kill('SIGTERM');
    assert.equal(await child.ended, 1);
    assert.ok(!child.stdout.includes('"stopped"'));
  });

  test('an unforeseen error is logged as fatal, with its stack, and ends it with 1', async (t) => {
    const trap = "process.on('SIGUSR2', () => { throw new Error('unforeseen') })";
    const { child } = await serving(t, ['--import', `data:text/javascript,${encodeURIComponent(trap)}`]);
    child.kill('SIGUSR2');
    assert.equal(await child.ended, 1);
    const line = child.log.at(-1);
    assert.equal(line?.level, 'fatal');
    assert.match(JSON.stringify(line?.err), /"message":"unforeseen".*"stack":"Error: unforeseen/);
  });

  test('a reader of the log that goes away does not end it', async (t) => {
    const { child, ports } = await serving(t);
    child.closeOutput();
    for (let count = 0; count < 3; count += 1) (await open(t, ports.rtmp ?? 0)).destroy();
    (await open(t, ports.http ?? 0)).destroy();
    await stopped(child);
  });
});
