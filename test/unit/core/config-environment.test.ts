import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configFromEnvironment, environmentName } from '../../../src/core/config-environment.ts';
import { allSections, listKeys } from '../../../src/core/config-keys.ts';
import { resolveConfig } from '../../../src/core/config-schema.ts';
import { ConfigError } from '../../../src/errors.ts';
import { serverSections } from './config-sections.ts';

const read = (environment: Record<string, string | undefined>) => configFromEnvironment(environment, serverSections);

function refusal(environment: Record<string, string>): string {
  try {
    read(environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  assert.fail(`accepted: ${JSON.stringify(environment)}`);
}

describe('configFromEnvironment', () => {
  test('each type is read from its text', () => {
    const { values, origins, foreign } = read({
      NMS_BIND: '::1',
      NMS_RTMP_PORT: '0',
      NMS_PUBLISH_GRACE_MS: '500',
      NMS_PLAY_WAIT_MS: '-1',
      NMS_PUBLISH_TAKEOVER: 'TRUE',
      NMS_GOP_ENABLED: '0',
      NMS_AUTH_JWT_SECRET: 'a b=c',
      NMS_LOG_LEVEL: 'warn',
      NMS_NOTIFY_URL: '',
      NMS_AUTH_JWT_USERS: '[{"username":"eve","password":"p"}]',
      PATH: '/bin',
      NMS: 'x',
    });
    assert.deepEqual(values, {
      bind: '::1',
      rtmp: { port: 0 },
      publish: { graceMs: 500, takeover: true },
      play: { waitMs: -1 },
      gop: { enabled: false },
      auth: { jwt: { secret: 'a b=c', users: [{ username: 'eve', password: 'p' }] } },
      log: { level: 'warn' },
      notify: { url: '' },
    });
    assert.equal(origins.get('publish.graceMs'), 'NMS_PUBLISH_GRACE_MS');
    assert.equal(origins.size, 10);
    assert.deepEqual(foreign, []);
  });

  test('every key of every section has a variable of its own, and each default can be given by it', () => {
    const { static: _, ...withoutStatic } = serverSections;
    const keys = listKeys(withoutStatic);
    const names = keys.map((key) => environmentName(key.path));
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.includes('NMS_LIMITS_MAX_WEB_SOCKET_MESSAGE_BYTES'));
    assert.ok(!names.includes('NMS_HTTP_SERVER'), 'an instance cannot be written as text');
    const environment: Record<string, string> = {};
    for (const { path, node } of keys) {
      if (node.default === undefined) continue;
      environment[environmentName(path)] =
        typeof node.default === 'string' ? node.default : JSON.stringify(node.default);
    }
    const { values } = configFromEnvironment(environment, withoutStatic);
    const defaults = resolveConfig({}, withoutStatic);
    assert.deepEqual(resolveConfig(values, withoutStatic), defaults);
  });

  test('a key that takes a number or a word gets the one that was written', () => {
    const workers = (text: string) => configFromEnvironment({ NMS_WORKERS: text }, serverSections).values['workers'];
    assert.deepEqual([workers('3'), workers('auto')], [3, 'auto']);
  });

  for (const [environment, message] of [
    [{ NMS_WORKERS: '0' }, 'NMS_WORKERS is 0; "auto" or a whole number from 1 to 256 is allowed'],
    [{ NMS_WORKERS: 'all' }, 'NMS_WORKERS is "all"; "auto" or a whole number from 1 to 256 is allowed'],
    [{ NMS_RTMP_PORT: '99999' }, 'NMS_RTMP_PORT is 99999; a whole number from 0 to 65535 is allowed'],
    [{ NMS_RTMP_PORT: '' }, 'NMS_RTMP_PORT is ""; a whole number from 0 to 65535 is allowed'],
    [{ NMS_RTMP_PORT: '0x10' }, 'NMS_RTMP_PORT is "0x10"; a whole number from 0 to 65535 is allowed'],
    [{ NMS_GOP_ENABLED: 'maybe' }, 'NMS_GOP_ENABLED is "maybe"; true or false is allowed'],
    [{ NMS_RTMP_PROT: '1' }, 'NMS_RTMP_PROT is not a known variable; did you mean NMS_RTMP_PORT?'],
    [{ NMS_PUBLISH_GRACEMS: '1' }, 'NMS_PUBLISH_GRACEMS is not a known variable; did you mean NMS_PUBLISH_GRACE_MS?'],
    [{ NMS_RTMPPORT: '1' }, 'NMS_RTMPPORT is not a known variable; did you mean NMS_RTMP_PORT?'],
    [
      { NMS_GOP_QQQQQQQQQQ: '1' },
      'NMS_GOP_QQQQQQQQQQ is not a known variable; the reference page of the configuration lists them',
    ],
  ] as const) {
    test(`${JSON.stringify(environment)} is refused by the variable's name`, () => {
      assert.equal(refusal(environment), message);
    });
  }

  test('a list that is not JSON, or holds a wrong entry, is refused without showing what it holds', () => {
    assert.match(refusal({ NMS_AUTH_JWT_USERS: 'hunter2' }), /^NMS_AUTH_JWT_USERS is .*a list.*written as JSON/);
    const entry = refusal({ NMS_AUTH_JWT_USERS: '[{"username":"a","password":["hunter2"]}]' });
    assert.match(entry, /^NMS_AUTH_JWT_USERS: auth\.jwt\.users\[0\]\.password is a list; a text is allowed$/);
    assert.doesNotMatch(refusal({ NMS_AUTH_JWT_USERS: 'hunter2' }), /hunter2/);
  });

  test('one key of a section that needs others is accepted: the file may hold them', () => {
    assert.deepEqual(read({ NMS_STATIC_ROOT: './www' }).values, { static: { root: './www' } });
    assert.equal(refusal({ NMS_STATIC_ROOT: '' }), 'NMS_STATIC_ROOT is ""; a text that is not empty is allowed');
    assert.equal(
      refusal({ NMS_AUTH_JWT_EXPIRES_IN: 'soon' }),
      'NMS_AUTH_JWT_EXPIRES_IN is "soon"; a number followed by s, m, h or d is allowed',
    );
  });

  test('variables that resemble none of ours are named, not refused', () => {
    assert.deepEqual(read({ NMS_VERSION: '4', NMS_CUSTOMER: 'x' }).foreign, ['NMS_VERSION', 'NMS_CUSTOMER']);
  });

  test('what Kubernetes says about services named nms is not ours', () => {
    const { values, foreign } = read({
      NMS_PORT: 'tcp://10.0.0.1:1935',
      NMS_RTMP_PORT: 'tcp://10.0.0.1:1935',
      NMS_SERVICE_HOST: '10.0.0.1',
      NMS_RTMP_SERVICE_HOST: '10.0.0.1',
      NMS_RTMP_SERVICE_PORT_MEDIA: '1935',
      NMS_RTMP_PORT_1935_TCP_ADDR: '10.0.0.1',
    });
    assert.deepEqual({ values, foreign }, { values: {}, foreign: [] });
  });

  test('every section of the core can be reached', () => {
    const reached = new Set(listKeys(serverSections).map((key) => key.path[0]));
    assert.deepEqual([...reached], Object.keys(allSections(serverSections)));
  });
});
