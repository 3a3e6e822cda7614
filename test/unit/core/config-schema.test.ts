import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { sampleConfig } from '../../../src/core/config-sample.ts';
import { mergeConfig, resolveConfig, withDefaultDoors } from '../../../src/core/config-schema.ts';
import { nearest } from '../../../src/core/config-suggest.ts';
import { ConfigError } from '../../../src/errors.ts';
import { serverSections } from './config-sections.ts';

function refusal(input: unknown): { path: string; message: string } {
  try {
    resolveConfig(input, serverSections);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.code, 'NMS_CONFIG');
    return { path: error.path, message: error.message };
  }
  assert.fail(`accepted: ${JSON.stringify(input)}`);
}

const doorsOf = (config: Record<string, unknown>) =>
  Object.keys(config).filter((name) => ['rtmp', 'rtmps', 'http', 'https'].includes(name));

describe('resolveConfig', () => {
  test('an empty configuration gets every default and all four doors', () => {
    const config = resolveConfig({}, serverSections);
    assert.equal(config.bind, '0.0.0.0');
    assert.deepEqual(config.rtmp, { port: 1935, chunkSize: 65_536 });
    assert.deepEqual(config.rtmps, { port: 1936 });
    assert.deepEqual(config.http, { port: 8000 });
    assert.deepEqual(config.https, { port: 8443 });
    assert.deepEqual(config.store, {
      path: './data',
      maxHistory: 10_000,
      maxHistoryDays: 0,
      flushInterval: 200,
      maxOps: 1000,
      pretty: false,
      durability: 'none',
    });
  });

  test('only the doors that are named open', () => {
    assert.deepEqual(doorsOf(resolveConfig({ http: { port: 0 }, rtmps: {} }, serverSections)), ['rtmps', 'http']);
    assert.deepEqual(doorsOf(resolveConfig({ rtmp: {}, http: undefined }, serverSections)), ['rtmp']);
    assert.deepEqual(doorsOf(resolveConfig({ publish: { graceMs: 1 } }, serverSections)).length, 4);
  });

  test('a section without defaults is absent until it is written, and then checked', () => {
    assert.equal('static' in resolveConfig({}, serverSections), false);
    assert.deepEqual(resolveConfig({ static: { router: '/', root: './www' } }, serverSections).static, {
      router: '/',
      root: './www',
      maxAge: 0,
    });
    assert.deepEqual(refusal({ static: { router: '/' } }), {
      path: 'static.root',
      message: 'static.root is missing; a text that is not empty is allowed',
    });
  });

  test('the result of a configuration is a configuration with the same result', () => {
    const once = resolveConfig({ http: {}, auth: { secret: 'x' } }, serverSections);
    assert.deepEqual(resolveConfig(once, serverSections), once);
  });

  test('$schema is accepted and dropped', () => {
    assert.equal('$schema' in resolveConfig({ $schema: './config.schema.json' }, serverSections), false);
  });

  test('an instance that a library hands in arrives as it is', () => {
    const server = { listening: false };
    const config = resolveConfig({ http: { server } }, serverSections) as { http: { server: object } };
    assert.equal(config.http.server, server);
  });

  const rows: readonly (readonly [unknown, string, string])[] = [
    [{ rtmp: { port: 70000 } }, 'rtmp.port', 'rtmp.port is 70000; a whole number from 0 to 65535 is allowed'],
    [{ rtmp: { port: 1.5 } }, 'rtmp.port', 'rtmp.port is 1.5; a whole number from 0 to 65535 is allowed'],
    [{ rtmp: { port: '1935' } }, 'rtmp.port', 'rtmp.port is "1935"; a whole number from 0 to 65535 is allowed'],
    [{ rtmp: { port: null } }, 'rtmp.port', 'rtmp.port is null; a whole number from 0 to 65535 is allowed'],
    [{ rtmp: { port: Number.NaN } }, 'rtmp.port', 'rtmp.port is NaN; a whole number from 0 to 65535 is allowed'],
    [
      { rtmp: { port: 7 }, http: { port: 8 }, https: { port: 7 } },
      'https.port',
      'https.port is 7, as is rtmp.port; a port of its own is allowed',
    ],
    [
      { rtmp: {}, http: { port: 1935 } },
      'http.port',
      'http.port is 1935, as is rtmp.port; a port of its own is allowed',
    ],
    [{ bind: Symbol.iterator }, 'bind', 'bind is a symbol; a text that is not empty is allowed'],
    [{ rtmp: null }, 'rtmp', 'rtmp is null; an object with port, chunkSize is allowed'],
    [{ rtmps: [] }, 'rtmps', 'rtmps is a list; an object with port, key, cert is allowed'],
    [{ bind: '' }, 'bind', 'bind is ""; a text that is not empty is allowed'],
    [{ play: { waitMs: -2 } }, 'play.waitMs', 'play.waitMs is -2; a whole number from -1 to 2147483647 is allowed'],
    [{ publish: { takeover: 'yes' } }, 'publish.takeover', 'publish.takeover is "yes"; true or false is allowed'],
    [
      { log: { level: 'loud' } },
      'log.level',
      'log.level is "loud"; "trace", "debug", "info", "warn", "error" or "silent" is allowed',
    ],
    [
      { notify: { url: 'example.com' } },
      'notify.url',
      'notify.url is "example.com"; "" or an absolute address (https://…) is allowed',
    ],
    [
      { auth: { jwt: { expiresIn: 'soon' } } },
      'auth.jwt.expiresIn',
      'auth.jwt.expiresIn is "soon"; a number followed by s, m, h or d is allowed',
    ],
    [
      { auth: { jwt: { expiresIn: '0h' } } },
      'auth.jwt.expiresIn',
      'auth.jwt.expiresIn is "0h"; a time from 1s to 36600d is allowed',
    ],
    [
      { auth: { jwt: { refreshExpiresIn: '36601d' } } },
      'auth.jwt.refreshExpiresIn',
      'auth.jwt.refreshExpiresIn is "36601d"; a time from 1s to 36600d is allowed',
    ],
    [
      { auth: { jwt: { users: [{ username: 'a' }, { username: 7 }] } } },
      'auth.jwt.users[1].username',
      'auth.jwt.users[1].username is 7; a text that is not empty is allowed',
    ],
    [{ rtpm: {} }, 'rtpm', 'rtpm is not a known key; did you mean "rtmp"?'],
    [{ publish: { grace: 1 } }, 'publish.grace', 'publish.grace is not a known key; did you mean "publish.graceMs"?'],
    [{ graceMs: 1 }, 'graceMs', 'graceMs is not a known key; did you mean "publish.graceMs"?'],
    [{ webadmin: { zzzzzz: 1 } }, 'webadmin.zzzzzz', 'webadmin.zzzzzz is not a known key; known here: enable'],
    [[], '', 'the configuration is a list; an object is expected'],
    [null, '', 'the configuration is null; an object is expected'],
    [JSON.parse('{"__proto__": {}}'), '__proto__', ''],
  ];
  for (const [input, path, message] of rows) {
    test(`${inspect(input)} is refused at "${path}"`, () => {
      const found = refusal(input);
      assert.equal(found.path, path);
      if (message !== '') assert.equal(found.message, message);
    });
  }

  test('a time that no timer takes is refused: Node would make a millisecond of it', () => {
    const tooLong = 2 ** 31;
    const target = { url: 'http://localhost/', timeoutMs: tooLong };
    for (const [input, path] of [
      [{ publish: { graceMs: tooLong } }, 'publish.graceMs'],
      [{ play: { waitMs: tooLong } }, 'play.waitMs'],
      [{ limits: { commandTimeoutMs: tooLong } }, 'limits.commandTimeoutMs'],
      [{ auth: { failures: { maxDelayMs: tooLong } } }, 'auth.failures.maxDelayMs'],
      [{ notify: { targets: [target] } }, 'notify.targets[0].timeoutMs'],
    ] as const) {
      const { path: found, message } = refusal(input);
      assert.equal(found, path);
      assert.match(message, / is 2147483648; a whole number from -?\d to 2147483647 is allowed$/);
    }
    assert.doesNotThrow(() => resolveConfig({ publish: { graceMs: tooLong - 1 } }, serverSections));
  });

  test('a misspelt key is named before what is missing because of it', () => {
    assert.equal(refusal({ static: { router: '/', rot: './www' } }).path, 'static.rot');
  });

  const secrets: readonly unknown[] = [
    { auth: { secret: ['hunter2'] } },
    { auth: { secret: 'hunter2', plya: true } },
    { auth: 'hunter2' },
    { auth: { jwt: 'hunter2' } },
    { auth: { jwt: { secret: { hunter2: 1 } } } },
    { auth: { jwt: { users: 'hunter2' } } },
    { auth: { jwt: { users: [{ password: 'hunter2' }] } } },
    { auth: { jwt: { users: ['hunter2'] } } },
    { notify: { url: 'ftp://me:hunter2@host/' } },
    { rtmps: { key: ['-----BEGIN PRIVATE KEY-----hunter2'] } },
    { https: '-----BEGIN PRIVATE KEY-----hunter2' },
  ];
  for (const [index, input] of secrets.entries()) {
    test(`no message shows a secret, row ${index}`, () => {
      assert.doesNotMatch(refusal(input).message, /hunter2/);
    });
  }

  test('for any value at any key the answer is a configuration or one line', () => {
    const key = fc.constantFrom(
      'rtmp',
      'auth',
      'publish',
      'users',
      'port',
      'jwt',
      'log',
      'x\ny',
      '__proto__',
      'static',
    );
    const tree = fc.letrec((tie) => ({
      node: fc.oneof({ depthSize: 'small' }, fc.jsonValue(), fc.dictionary(key, tie('node'), { maxKeys: 4 })),
    })).node;
    fc.assert(
      fc.property(fc.dictionary(key, tree, { maxKeys: 4 }), (input) => {
        try {
          resolveConfig(input, serverSections);
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
          assert.doesNotMatch(error.message, /[\r\n]/);
          assert.ok(error.message.length < 2000);
        }
      }),
    );
  });
});

describe('withDefaultDoors and mergeConfig', () => {
  test('a configuration that names a door is left alone', () => {
    const input = { https: {} };
    assert.equal(withDefaultDoors(input), input);
  });

  test('merging goes key by key, replaces lists and leaves its arguments alone', () => {
    const base = { a: { b: 1, c: [1, 2] }, d: 1 };
    const over = { a: { c: [3], e: 2 }, d: undefined };
    assert.deepEqual(mergeConfig(base, over), { a: { b: 1, c: [3], e: 2 }, d: 1 });
    assert.deepEqual(base, { a: { b: 1, c: [1, 2] }, d: 1 });
    assert.deepEqual(mergeConfig({ a: [] }, { a: { b: 1 } }), { a: { b: 1 } });
  });
});

describe('sampleConfig', () => {
  test('a sample is valid, complete, and its own result', () => {
    const sample = sampleConfig(serverSections, './docs/config.schema.json');
    assert.equal(Object.keys(sample)[0], '$schema');
    const { $schema, ...rest } = sample;
    assert.equal($schema, './docs/config.schema.json');
    assert.deepEqual(resolveConfig(sample, serverSections), rest);
    assert.deepEqual(JSON.parse(JSON.stringify(rest)), rest);
    assert.equal('$schema' in sampleConfig(serverSections), false);
  });
});

describe('nearest', () => {
  const known = ['rtmp', 'rtmps', 'http', 'https', 'publish', 'graceMs', 'bind'];
  for (const [word, expected] of [
    ['rtpm', 'rtmp'],
    ['rmtps', 'rtmps'],
    ['HTTP', 'http'],
    ['publsh', 'publish'],
    ['grace', 'graceMs'],
    ['bindd', 'bind'],
    ['cluster', null],
    ['', null],
    ['x'.repeat(1_000_000), null],
  ] as const) {
    test(`"${word.slice(0, 20)}" means ${expected}`, () => assert.equal(nearest(word, known), expected));
  }
});
