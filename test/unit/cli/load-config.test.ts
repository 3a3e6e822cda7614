import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parseArguments } from '../../../src/cli/arguments.ts';
import { explainError } from '../../../src/cli/explain.ts';
import { loadConfig } from '../../../src/cli/load-config.ts';
import { ConfigError, ListenError } from '../../../src/errors.ts';
import { serverSections } from '../core/config-sections.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'load-config-')));
after(() => rmSync(root, { recursive: true, force: true }));

function load(document: object | null, argv: readonly string[] = [], environment: Record<string, string> = {}) {
  const cwd = mkdtempSync(join(root, 'place-'));
  if (document !== null) writeFileSync(join(cwd, 'config.json'), JSON.stringify(document));
  const invocation = parseArguments(argv, { version: '0', cwd });
  assert.ok(invocation.kind === 'start', JSON.stringify(invocation));
  const { configPath, flags } = invocation;
  const schemaFile = join(root, 'docs', 'config.schema.json');
  return { cwd, loaded: loadConfig({ configPath, flags, environment, cwd, sections: serverSections, schemaFile }) };
}

function refusal(...parameters: Parameters<typeof load>): string {
  try {
    load(...parameters);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(explainError(error, null), error.message);
    return error.message;
  }
  assert.fail('accepted');
}

const port = (value: unknown) => (value as { port: number }).port;

describe('loadConfig', () => {
  test('a flag wins over a variable, a variable over the file, key by key', () => {
    const document = { rtmp: { port: 1, chunkSize: 200 }, http: { port: 2 }, https: { port: 3 } };
    const { loaded } = load(document, ['--http-port', '30'], { NMS_HTTP_PORT: '20', NMS_HTTPS_PORT: '21' });
    assert.deepEqual(loaded.resolved.rtmp, { port: 1, chunkSize: 200 });
    assert.equal(port(loaded.resolved.http), 30);
    assert.equal(port(loaded.resolved.https), 21);
    assert.equal(loaded.resolved.rtmps, undefined);
    assert.deepEqual(loaded.file.document, document);
    assert.equal(loaded.isNew, false);
  });

  test('there is a worker for every processor unless the file, a variable or a flag says otherwise', () => {
    const workers = (...parameters: Parameters<typeof load>) => load(...parameters).loaded.resolved.workers;
    assert.equal(workers(null), 'auto');
    assert.equal(workers({ rtmp: {} }), 'auto');
    assert.equal(workers({ workers: 1 }), 1);
    assert.equal(workers({ workers: 1 }, [], { NMS_WORKERS: '3' }), 3);
    assert.equal(workers({ workers: 1 }, ['--workers', 'auto'], { NMS_WORKERS: '3' }), 'auto');
  });

  test('a flag opens one more door, and does not shut those of a file that names none', () => {
    const doors = ['rtmp', 'rtmps', 'http', 'https'];
    const one = load({ http: {} }, ['--rtmp-port', '5']).loaded.resolved;
    assert.deepEqual(
      doors.filter((name) => one[name] !== undefined),
      ['rtmp', 'http'],
    );
    const all = load({ bind: '::' }, ['--rtmp-port', '5']).loaded.resolved;
    assert.deepEqual(
      doors.filter((name) => all[name] !== undefined),
      doors,
    );
    assert.equal(port(all.rtmp), 5);
  });

  test('without a file the defaults stand for one, and nothing is written yet', () => {
    const { loaded, cwd } = load(null);
    assert.equal(loaded.isNew, true);
    assert.equal(loaded.file.path, join(cwd, 'config.json'));
    assert.equal(loaded.file.document.$schema, '../docs/config.schema.json');
    assert.equal(port(loaded.file.document.rtmp), 1935);
    assert.equal(existsSync(loaded.file.path), false);
  });

  test('paths of flags and variables are of the current directory, paths of the file of its folder', () => {
    const document = { store: { path: './data' }, record: { path: 'r' }, rtmps: { key: './k' }, http: {} };
    const { loaded, cwd } = load(document, ['--record-path', 'r'], { NMS_RTMPS_CERT: './c', NMS_BIND: './x' });
    assert.equal(loaded.resolved.store.path, './data');
    assert.equal(loaded.resolved.record.path, join(cwd, 'r'));
    assert.deepEqual(loaded.resolved.rtmps, { port: 1936, key: './k', cert: join(cwd, 'c') });
    assert.equal(loaded.resolved.bind, './x');
    assert.equal(loaded.file.folder, cwd);
  });

  test('each mistake names where it was made', () => {
    assert.equal(
      refusal({ rtmp: { port: -1 } }),
      'config.json: line 1, column 10: rtmp.port is -1; a whole number from 0 to 65535 is allowed',
    );
    assert.equal(refusal({ rtpm: {} }), 'config.json: line 1, column 2: rtpm is not a known key; did you mean "rtmp"?');
    assert.equal(
      refusal({}, [], { NMS_RTMP_PORT: 'x' }),
      'NMS_RTMP_PORT is "x"; a whole number from 0 to 65535 is allowed',
    );
    assert.equal(
      refusal({}, [], { NMS_STATIC_ROOT: './www' }),
      'config.json: static.router is missing; a text is allowed',
    );
    assert.equal(
      refusal(null, ['-c', 'absent.json']),
      'absent.json: the file given with -c does not exist; without -c a new config.json is made',
    );
    mkdirSync(join(root, 'folder'));
    assert.equal(
      refusal(null, ['-c', join(root, 'folder')]),
      `${join(root, 'folder')}: the file cannot be read (EISDIR); a JSON or YAML file is allowed`,
    );
  });

  test('a variable that is not ours is passed on', () => {
    assert.deepEqual(load({}, [], { NMS_VERSION: '1' }).loaded.foreignVariables, ['NMS_VERSION']);
  });
});

describe('explainError', () => {
  const { loaded } = load({ bind: '192.0.2.1', rtmp: { port: 7 }, http: { port: 8 } }, ['--http-port', '9']);
  const listen = (address: string, code: string) =>
    new ListenError(address, `it cannot listen on ${address}: reason`, {
      cause: Object.assign(new Error(code), { code }),
    });

  test('a taken port names its key and who set it', () => {
    assert.equal(
      explainError(listen('192.0.2.1:7', 'EADDRINUSE'), loaded),
      'config.json: line 1, column 29: rtmp.port is 7; it cannot listen on 192.0.2.1:7: reason; a port that is free is allowed',
    );
    assert.match(explainError(listen('192.0.2.1:9', 'EADDRINUSE'), loaded) ?? '', /^--http-port: http\.port is 9; /);
  });

  test('an address of another machine names bind', () => {
    assert.equal(
      explainError(listen('192.0.2.1:7', 'EADDRNOTAVAIL'), loaded),
      'config.json: line 1, column 2: bind is "192.0.2.1"; it cannot listen on 192.0.2.1:7: reason; an address of this machine is allowed',
    );
  });

  test('a key found wrong later names its file; it is always one line', () => {
    assert.equal(explainError(new ConfigError('http.port', 'a\n  b'), loaded), '--http-port: a b');
    assert.equal(explainError(new ConfigError('store.path', 'a'), loaded), 'config.json: a');
  });

  test('what is not the operator’s is not explained away', () => {
    assert.equal(explainError(new TypeError('x'), loaded), null);
    assert.equal(explainError('x', loaded), null);
  });
});
