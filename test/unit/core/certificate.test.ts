import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { generate } from 'selfsigned';
import { Certificate, type CertificateOptions, type CertificatePair } from '../../../src/core/certificate.ts';
import type { Logger } from '../../../src/core/logger.ts';
import { ConfigError } from '../../../src/errors.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

interface Line {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A logger whose lines can be awaited. */
function listen(): { logger: Logger; lines: Line[]; line: (message: RegExp) => Promise<Line> } {
  const lines: Line[] = [];
  const waiting: { message: RegExp; resolve: (line: Line) => void }[] = [];
  const write = (level: string) => (fields: object, message: string) => {
    const line = { level, fields: fields as Record<string, unknown>, message };
    lines.push(line);
    for (const { message: wanted, resolve } of waiting) if (wanted.test(message)) resolve(line);
  };
  const logger: Logger = {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => logger,
  };
  const line = (message: RegExp) => new Promise<Line>((resolve) => void waiting.push({ message, resolve }));
  return { logger, lines, line };
}

type Pems = { key: string; cert: string };

async function makePems(name: string, days = 100): Promise<Pems> {
  const options = { keyType: 'ec' as const, algorithm: 'sha256', notAfterDate: new Date(Date.now() + days * DAY_MS) };
  const pems = await generate([{ name: 'commonName', value: name }], options);
  return { key: pems.private, cert: pems.cert };
}

const commonName = (pair: CertificatePair) => new X509Certificate(pair.cert).subject.split('CN=')[1];

async function writePems(folder: string, pems: Pems): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'key.pem'), pems.key);
  await writeFile(join(folder, 'cert.pem'), pems.cert);
}

/** In one step, so that no look falls between the beginning and the end. */
async function put(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

describe('Certificate', () => {
  let root = '';
  let first: Pems;
  let second: Pems;

  // The watch never keeps a process alive; the test waits for it.
  const awake = setInterval(() => undefined, 1000);
  after(() => clearInterval(awake));
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'certificate-'));
    [first, second] = await Promise.all([makePems('first'), makePems('second')]);
  });
  after(() => rm(root, { recursive: true, force: true }));

  async function place(t: TestContext, more: Partial<CertificateOptions> = {}) {
    const folder = await mkdtemp(join(root, 'place-'));
    const log = listen();
    const options: CertificateOptions = {
      folder,
      dataFolder: join(folder, 'data'),
      name: 'https',
      logger: log.logger,
      pollMs: 2,
      ...more,
    };
    const load = async (files: { key?: string; cert?: string } = {}) => {
      const certificate = await Certificate.load({ ...options, ...files });
      t.after(() => certificate.close());
      return certificate;
    };
    return { folder, log, load };
  }

  const configured = { key: './key.pem', cert: './cert.pem' };
  const changed = (certificate: Certificate) =>
    new Promise<CertificatePair>((resolve) => certificate.onChange((pair) => resolve(pair)));

  test('a configured pair is read relative to its folder and its end is said', async (t) => {
    const { folder, log, load } = await place(t);
    await writePems(folder, first);
    const certificate = await load(configured);
    assert.equal(certificate.current().key.toString(), first.key);
    assert.equal(certificate.current().cert.toString(), first.cert);
    assert.equal(certificate.isSelfSigned, false);
    assert.deepEqual(
      log.lines.map(({ level, message }) => [level, message]),
      [['info', 'certificate loaded']],
    );
    assert.match(String(log.lines[0]?.fields.validTo), /^\d{4}-\d\d-\d\dT/);
    assert.doesNotMatch(JSON.stringify(log.lines), /PRIVATE|BEGIN/);
  });

  test('one that has expired or soon will is used, with a warning', async (t) => {
    const { folder, log, load } = await place(t);
    await writePems(folder, await makePems('soon', 3));
    await load(configured);
    await writePems(folder, await makePems('gone', -1));
    await load(configured);
    assert.deepEqual(
      log.lines.map(({ level, message }) => [level, message]),
      [
        ['warn', 'certificate loaded; it expires soon'],
        ['warn', 'certificate loaded; it has expired'],
      ],
    );
  });

  const refused: readonly (readonly [string, { key?: string; cert?: string }, string, RegExp])[] = [
    ['a missing file', { key: './no.pem', cert: './cert.pem' }, 'https.key', /no\.pem", which does not exist/],
    ['one of the two', { key: './key.pem' }, 'https.cert', /^https\.cert is missing; https\.key needs it/],
    ['the other one', { cert: './cert.pem' }, 'https.key', /^https\.key is missing; https\.cert needs it/],
    ['a folder', { key: './', cert: './cert.pem' }, 'https.key', /cannot be read \(EISDIR\)/],
    ['a certificate as key', { key: './cert.pem', cert: './cert.pem' }, 'https.key', /holds no private key/],
    ['a key as certificate', { key: './key.pem', cert: './key.pem' }, 'https.cert', /holds no certificate/],
    ['a key of another certificate', { key: './other.pem', cert: './cert.pem' }, 'https.key', /does not fit/],
    ['a locked key', { key: './locked.pem', cert: './cert.pem' }, 'https.key', /locked with a passphrase/],
    ['half of the shipped names', { key: './key.pem', cert: './absent/cert.pem' }, 'https.cert', /does not exist/],
  ];
  for (const [what, files, path, message] of refused) {
    test(`${what} is refused by key and file`, async (t) => {
      const { folder, load } = await place(t);
      await writePems(folder, first);
      await writeFile(join(folder, 'other.pem'), second.key);
      const locked = await generate([], { keyType: 'ec', algorithm: 'sha256', passphrase: 'hunter2' });
      await writeFile(join(folder, 'locked.pem'), locked.private);
      await assert.rejects(load(files), (error: unknown) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.equal(error.path, path);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /BEGIN|hunter2|\n/);
        return true;
      });
    });
  }

  test('one of the shipped names alone is a mistake, both absent is no configuration', async (t) => {
    const { folder, load } = await place(t);
    await writeFile(join(folder, 'key.pem'), first.key);
    await assert.rejects(load(configured), { name: 'ConfigError', path: 'https.cert' });
    await rm(join(folder, 'key.pem'));
    assert.equal((await load(configured)).isSelfSigned, true);
  });

  test('a new pair is taken up, whether written, renamed or swapped by a symbolic link', async (t) => {
    const { folder, load } = await place(t);
    await writePems(join(folder, 'one'), first);
    await writePems(join(folder, 'two'), second);
    await symlink('one', join(folder, 'live'));
    const certificate = await load({ key: 'live/key.pem', cert: 'live/cert.pem' });
    assert.equal(commonName(certificate.current()), 'first');

    let next = changed(certificate);
    await symlink('two', join(folder, 'swap'));
    await rename(join(folder, 'swap'), join(folder, 'live'));
    assert.equal(commonName(await next), 'second');
    assert.equal(commonName(certificate.current()), 'second');

    next = changed(certificate);
    await writePems(join(folder, 'two'), first);
    assert.equal(commonName(await next), 'first');

    next = changed(certificate);
    await writePems(join(folder, 'three'), second);
    await rename(join(folder, 'three', 'key.pem'), join(folder, 'two', 'key.pem'));
    await rename(join(folder, 'three', 'cert.pem'), join(folder, 'two', 'cert.pem'));
    assert.equal(commonName(await next), 'second');
  });

  test('a broken new pair is said once and the old one stays, until a good one comes', async (t) => {
    const { folder, log, load } = await place(t);
    await writePems(folder, first);
    const certificate = await load(configured);
    const refusal = log.line(/refused/);
    await put(join(folder, 'key.pem'), second.key);
    assert.match(String((await refusal).fields.reason), /does not fit/);
    assert.equal(commonName(certificate.current()), 'first');
    const gone = log.line(/refused/);
    await rm(join(folder, 'cert.pem'));
    assert.match(String((await gone).fields.reason), /does not exist/);
    const next = changed(certificate);
    await put(join(folder, 'cert.pem'), second.cert);
    assert.equal(commonName(await next), 'second');
    assert.equal(log.lines.filter(({ level }) => level === 'warn').length, 2);
  });

  test('nobody is told after an unsubscription or after close', async (t) => {
    const { folder, log, load } = await place(t);
    await writePems(folder, first);
    const certificate = await load(configured);
    let told = 0;
    const unsubscribe = certificate.onChange(() => {
      told += 1;
    });
    unsubscribe();
    const reloaded = log.line(/certificate reloaded/);
    await writePems(folder, second);
    await reloaded;
    assert.equal(told, 0);
    certificate.close();
    certificate.close();
    assert.equal(commonName(certificate.current()), 'second');
  });

  test('without a pair one is made, kept with a private key for its owner only, and used again', async (t) => {
    const { folder, log, load } = await place(t);
    const made = await load();
    assert.equal(made.isSelfSigned, true);
    const key = join(folder, 'data', 'tls', 'key.pem');
    assert.equal((await stat(key)).mode & 0o777, 0o600);
    assert.equal(await readFile(key, 'utf8'), made.current().key.toString());
    assert.deepEqual(await readdir(join(folder, 'data')), ['tls']);
    const again = await load();
    assert.equal(again.current().cert.toString(), made.current().cert.toString());
    assert.deepEqual(
      log.lines.map(({ message }) => message),
      ['self-signed certificate made', 'self-signed certificate loaded'],
    );
    const certificate = new X509Certificate(made.current().cert);
    assert.match(certificate.subjectAltName ?? '', /DNS:localhost.*IP Address:127\.0\.0\.1/);
    assert.equal(certificate.checkHost('localhost'), 'localhost');
  });

  test('listeners that start at once share one pair', async (t) => {
    const { folder, load } = await place(t);
    const all = await Promise.all([load(), load(), load()]);
    assert.equal(new Set(all.map((certificate) => certificate.current().cert.toString())).size, 1);
    assert.deepEqual(await readdir(join(folder, 'data')), ['tls']);
  });

  test('a damaged kept pair is made anew', async (t) => {
    const { folder, load } = await place(t);
    await mkdir(join(folder, 'data', 'tls'), { recursive: true });
    await writeFile(join(folder, 'data', 'tls', 'key.pem'), 'nonsense');
    assert.equal((await load()).isSelfSigned, true);
    assert.match(await readFile(join(folder, 'data', 'tls', 'key.pem'), 'utf8'), /PRIVATE KEY/);
    assert.deepEqual(await readdir(join(folder, 'data')), ['tls']);
  });

  test('a self-signed pair is renewed before its end while the server runs', async (t) => {
    let now = Date.now();
    const { load } = await place(t, { now: () => now });
    const certificate = await load();
    const before = certificate.current();
    const next = changed(certificate);
    now += 340 * DAY_MS;
    const renewed = await next;
    assert.notEqual(renewed.cert.toString(), before.cert.toString());
    assert.ok(Date.parse(new X509Certificate(renewed.cert).validTo) > now + 300 * DAY_MS);
  });

  test('a data folder that cannot be used is refused by its key', async (t) => {
    const { folder, load } = await place(t);
    await writeFile(join(folder, 'data'), 'a file');
    await assert.rejects(load(), { name: 'ConfigError', path: 'store.path' });
  });

  test('a TLS listener serves the new pair to new connections', async (t) => {
    const { folder, load } = await place(t);
    await writePems(folder, first);
    const certificate = await load(configured);
    const server = createServer({ ...certificate.current() });
    certificate.onChange((pair) => server.setSecureContext(pair));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => server.close());
    const seen = async () => {
      const { port } = server.address() as AddressInfo;
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return subject.CN;
    };
    assert.equal(await seen(), 'first');
    const next = changed(certificate);
    await writePems(folder, second);
    await next;
    assert.equal(await seen(), 'second');
  });
});
