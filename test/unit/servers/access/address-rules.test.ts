import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveConfig } from '../../../../src/core/config-schema.ts';
import { ConfigError } from '../../../../src/errors.ts';
import { AddressRules } from '../../../../src/servers/access/address-rules.ts';
import { accessSection } from '../../../../src/servers/access/config.ts';

const rules = (config: object) => new AddressRules(accessSection.parse(config));

/** Who of these may publish to the app. */
function publishers(config: object, app: string): string[] {
  const all = ['192.0.2.7', '192.0.2.8', '10.0.0.1', '2001:db8::1', ''];
  return all.filter((address) => rules(config).allows('publish', app, address));
}

describe('rules of addresses', () => {
  test('without lists everybody may', () => {
    assert.deepEqual(publishers({}, 'live'), ['192.0.2.7', '192.0.2.8', '10.0.0.1', '2001:db8::1', '']);
  });

  test('who is allowed may, but for those who are denied; one action says nothing of the other', () => {
    assert.deepEqual(publishers({ publish: { allow: ['192.0.2.0/24'] } }, 'live'), ['192.0.2.7', '192.0.2.8']);
    assert.deepEqual(publishers({ publish: { deny: ['192.0.2.0/24'] } }, 'live'), ['10.0.0.1', '2001:db8::1', '']);
    const both = { publish: { allow: ['192.0.2.0/24'], deny: ['192.0.2.7'] } };
    assert.deepEqual(publishers(both, 'live'), ['192.0.2.8']);
    assert.equal(rules(both).allows('play', 'live', '192.0.2.7'), true);
  });

  test('an app’s own rule stands in place of the general one, for its action and for no other app', () => {
    const config = {
      publish: { allow: ['192.0.2.7'] },
      apps: {
        live: { publish: { allow: ['10.0.0.0/8'] } },
        'live/b': { publish: {} },
        old: { play: { deny: ['::/0'] } },
      },
    };
    assert.deepEqual(publishers(config, 'live'), ['10.0.0.1']);
    assert.equal(publishers(config, 'live/b').length, 5);
    for (const app of ['live/c', 'old', 'other', 'constructor'])
      assert.deepEqual(publishers(config, app), ['192.0.2.7']);
    assert.equal(rules(config).allows('play', 'old', '2001:db8::1'), false);
    assert.equal(rules(config).allows('play', 'old', '192.0.2.8'), true);
  });
});

test('what is wrong with a list is said at the start, with its key and value', () => {
  const message = (config: object) => {
    try {
      resolveConfig(config, { access: accessSection });
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return `${error.path}: ${error.message}`;
    }
    return 'right';
  };
  const words = 'an IP address, or a range of them such as "10.0.0.0/8" or "2001:db8::/32", is allowed';
  assert.equal(
    message({ access: { publish: { allow: ['10.0.0.0/8', '10.0.0.0/33'] } } }),
    `access.publish.allow[1]: access.publish.allow[1] is "10.0.0.0/33"; ${words}`,
  );
  assert.equal(
    message({ access: { apps: { 'a/b': { play: { deny: ['nobody'] } } } } }),
    `access.apps.a/b.play.deny[0]: access.apps.a/b.play.deny[0] is "nobody"; ${words}`,
  );
  assert.equal(
    message({ trustedProxies: ['10.0.0.1:80'] }),
    `trustedProxies[0]: trustedProxies[0] is "10.0.0.1:80"; ${words}`,
  );
  assert.match(
    message({ access: { publish: { allow: '10.0.0.1' } } }),
    /^access\.publish\.allow: .* is a text; a list/,
  );
  assert.equal(
    message({ access: { apps: { '/live': { play: {} } } } }),
    'access.apps./live: access.apps./live is an object; under the name of an app as addresses have it, such as "live" or "a/b", it is allowed',
  );
  assert.match(message({ access: { apps: { live: { plays: {} } } } }), /access\.apps\.live\.plays is not a known key/);
  assert.equal(message({ trustedProxies: ['127.0.0.1', '::1', '10.0.0.0/8'], access: { play: {} } }), 'right');
});
