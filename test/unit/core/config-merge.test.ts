import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { configJsonSchema, listAllKeys } from '../../../src/core/config-keys.ts';
import { mergeChange } from '../../../src/core/config-merge.ts';
import { publicConfig, publicValue } from '../../../src/core/config-public.ts';
import { type ConfigInput, resolveConfig } from '../../../src/core/config-schema.ts';
import { ConfigError } from '../../../src/errors.ts';
import { NodeMediaServer } from '../../../src/index.ts';

const { sections } = NodeMediaServer;
const keys = listAllKeys(sections);

function merge(own: ConfigInput, change: ConfigInput, held: Readonly<Record<string, string>> = {}): ConfigInput {
  return mergeChange(change, {
    own,
    resolved: resolveConfig(own, sections),
    schema: configJsonSchema(sections),
    holderOf: (key) => held[key] ?? null,
  });
}

const shown = (own: ConfigInput) => publicConfig(resolveConfig(own, sections), keys);

const full = {
  rtmp: { port: 1935 },
  auth: {
    secret: 'SECRET-1',
    streamKeys: { 'SECRET-2': '/live/a' },
    token: { secret: 'SECRET-3-abcdefghijklmnopqrstuvwxyz' },
    publishers: [{ username: 'cam', password: 'SECRET-4', paths: ['/live/*'] }],
    jwt: { secret: 'SECRET-5', users: [{ username: 'admin', password: 'SECRET-6', role: 'admin' }] },
  },
  notify: {
    url: 'http://u:SECRET-7@h.example/a?token=SECRET-8',
    targets: [{ url: 'http://h.example/b?k=SECRET-9', secret: 'SECRET-10', headers: { Authorization: 'SECRET-11' } }],
  },
} as const;

describe('what is shown of a configuration', () => {
  test('holds no secret, and all that is none', () => {
    const values = shown(full) as unknown as {
      auth: { jwt: { users: unknown; secret?: string }; publishers: unknown; token: object };
      notify: { url: string; targets: { url: string }[] };
      publish: { graceMs: number };
    };
    assert.doesNotMatch(JSON.stringify(values), /SECRET/);
    assert.deepEqual(values.auth.jwt.users, [{ username: 'admin', role: 'admin' }]);
    assert.deepEqual(values.auth.publishers, [{ username: 'cam', paths: ['/live/*'], play: false }]);
    assert.equal(values.notify.url, 'http://h.example/a');
    assert.deepEqual(
      values.notify.targets.map(({ url }) => url),
      ['http://h.example/b'],
    );
    assert.equal(values.publish.graceMs, 30_000);
    assert.equal('streamKeys' in values.auth, false);
    assert.equal('secret' in values.auth.token, false);
  });

  test('is of plain values only: key material and servers of somebody else are left out', () => {
    assert.equal(publicValue('-----BEGIN PRIVATE KEY-----', ['rtmps', 'key']), undefined);
    assert.equal(publicValue(new Map(), ['http', 'server']), undefined);
    assert.equal(publicValue('./key.pem', ['rtmps', 'key']), './key.pem');
  });
});

describe('a change over the operator’s own values', () => {
  test('touches its keys only; lists are replaced, tables entry by entry, null takes away', () => {
    const own = {
      rtmp: { port: 1 },
      play: { waitMs: 1, relaxed: true },
      access: { play: { deny: ['10.0.0.1'] }, apps: { a: { play: {} }, b: { play: {} } } },
    };
    const change = {
      play: { waitMs: 2, relaxed: null },
      access: { play: { deny: ['10.0.0.2'] }, apps: { a: null, c: { publish: { allow: ['::1'] } } } },
    };
    assert.deepEqual(merge(own, change), {
      rtmp: { port: 1 },
      play: { waitMs: 2 },
      access: { play: { deny: ['10.0.0.2'] }, apps: { b: { play: {} }, c: { publish: { allow: ['::1'] } } } },
    });
  });

  test('of what was shown is none: secrets stay, defaults do not become the operator’s own', () => {
    assert.equal(merge(full, shown(full)), full);
    const bare = { http: {} };
    assert.equal(merge(bare, shown(bare)), bare);
  });

  test('keeps the secrets of entries by their names, when they are left out or null', () => {
    const users = [
      { username: 'eve', password: 'new', role: 'viewer' },
      { username: 'admin', role: 'viewer', password: null },
    ];
    const targets = [{ url: 'http://h.example/b', onError: 'allow' }];
    const changed = merge(full, {
      auth: { jwt: { users }, secret: null },
      notify: { targets },
    }) as unknown as typeof full;
    assert.deepEqual(changed.auth.jwt.users, [
      { username: 'eve', password: 'new', role: 'viewer' },
      { username: 'admin', role: 'viewer', password: 'SECRET-6' },
    ]);
    assert.equal(changed.auth.secret, 'SECRET-1');
    assert.deepEqual(changed.notify.targets, [{ ...full.notify.targets[0], onError: 'allow' }]);
  });

  test('puts stream keys beside those that are there, and takes one away by its name', () => {
    const streamKeys = { other: '/live/b', 'SECRET-2': null };
    const changed = merge(full, { auth: { streamKeys } }) as unknown as { auth: { streamKeys: object } };
    assert.deepEqual(changed.auth.streamKeys, { other: '/live/b' });
  });

  test('of one door names the others, when none was named and so all are open', () => {
    assert.deepEqual(merge({}, { rtmp: { port: 5 } }), { rtmp: { port: 5 }, rtmps: {}, http: {}, https: {} });
    assert.deepEqual(merge({}, { rtmps: null }), { rtmp: {}, http: {}, https: {} });
    assert.deepEqual(merge({ http: {} }, { https: {} }), { http: {}, https: {} });
    assert.throws(() => merge({ http: {} }, { http: null }), /no door is left/);
  });

  test('of a key that a variable or flag sets is refused, unless it is what is in force', () => {
    const held = { 'play.waitMs': 'NMS_PLAY_WAIT_MS' };
    assert.throws(
      () => merge({ play: { waitMs: 3 } }, { play: { waitMs: 4 } }, held),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.path, 'play.waitMs');
        assert.match(error.message, /^play\.waitMs is set by NMS_PLAY_WAIT_MS, /);
        return true;
      },
    );
    const own = { play: { waitMs: 3 } };
    assert.equal(merge(own, { play: { waitMs: 3 } }, held), own);
  });

  test('of an unknown key stays in, for the schema to refuse', () => {
    assert.throws(() => resolveConfig(merge({}, { play: { waitMS: 1 } }), sections), /play\.waitMS is not a known key/);
  });

  test('neither reaches nor follows what objects inherit', () => {
    fc.assert(
      fc.property(fc.constantFrom('__proto__', 'constructor', 'toString'), (name) => {
        const change = JSON.parse(`{"${name}": {"polluted": 1}}`) as ConfigInput;
        assert.throws(() => resolveConfig(merge({}, change), sections), ConfigError);
        assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
      }),
    );
  });
});
