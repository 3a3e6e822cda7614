import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  hashStreamKey,
  hashStreamKeys,
  HIDDEN_NAME,
  placeOfKey,
  playTarget,
  publishTarget,
} from '../../../src/core/stream-keys.ts';
import { parseStreamPath } from '../../../src/core/stream-path.ts';

const streamKeys = hashStreamKeys({ s3cret: '/live/alice', other: '/studio/*' });
const rules = { publish: true, streamKeys };
const target = (path: string, query: Record<string, string> = {}) => ({
  address: parseStreamPath(path),
  host: 'h',
  query,
});
const hash = (key: string) => `sha256:${createHash('sha256').update(key).digest('hex')}`;

/** Where a publisher ends up, and with which parameters. */
function published(
  path: string,
  query: Record<string, string> = {},
  options: { publish?: boolean; user?: string } = {},
) {
  const asked = publishTarget({ ...rules, publish: options.publish ?? true }, target(path, query), options.user ?? '');
  return [asked.address.path, { ...asked.query }];
}

describe('stream keys', () => {
  test('are kept as hashes, and may be written so', () => {
    assert.deepEqual(hashStreamKeys({ s3cret: '/live/alice', [hash('x')]: '/live/bob' }), {
      [hash('s3cret')]: '/live/alice',
      [hash('x')]: '/live/bob',
    });
    assert.equal(placeOfKey(streamKeys, hashStreamKey('s3cret')), '/live/alice');
    assert.equal(placeOfKey(streamKeys, hashStreamKey('guess')), null);
    assert.equal(placeOfKey(streamKeys, 'constructor'), null);
    assert.equal(placeOfKey(streamKeys, hashStreamKey(hash('s3cret'))), null);
  });

  test('as a name become the path of the key, whether or not a credential is needed', () => {
    for (const publish of [true, false]) {
      assert.deepEqual(published('/live/s3cret', { a: '1' }, { publish }), [
        '/live/alice',
        { a: '1', key: hash('s3cret') },
      ]);
    }
  });

  test('as a name in another app, or for a pattern, are hidden and lead nowhere', () => {
    for (const publish of [true, false]) {
      const hidden = published('/show/s3cret', {}, { publish });
      assert.deepEqual(hidden, [`/show/${HIDDEN_NAME}`, { key: hash('s3cret') }]);
      assert.equal(published('/studio/other', {}, { publish })[0], `/studio/${HIDDEN_NAME}`);
    }
  });

  test('as a parameter are hashed, and the name stays', () => {
    assert.deepEqual(published('/studio/a', { key: 'other', b: '2' }), ['/studio/a', { b: '2', key: hash('other') }]);
    assert.deepEqual(published('/live/alice', { key: 's3cret' }), ['/live/alice', { key: hash('s3cret') }]);
    // Whoever has seen a hash has no key.
    assert.deepEqual(published('/live/alice', { key: hash('s3cret') })[1], { key: hash(hash('s3cret')) });
  });

  test('hide a name that may be a mistyped one', () => {
    assert.deepEqual(published('/live/s3cert'), [`/live/${HIDDEN_NAME}`, { key: hash('s3cert') }]);
    assert.equal(published('/live/bob', { sign: '1-2' })[0], '/live/bob');
    assert.equal(published('/live/bob', { token: 'x' })[0], '/live/bob');
    assert.equal(published('/live/bob', {}, { user: 'bob' })[0], '/live/bob');
    assert.equal(published('/live/bob', {}, { publish: false })[0], '/live/bob');
    assert.equal(published('/show/bob')[0], '/show/bob');
    assert.equal(published('/studio/bob')[0], '/studio/bob');
  });

  test('help nobody to play', () => {
    const played = (path: string, query: Record<string, string> = {}) => {
      const asked = playTarget(rules, target(path, query));
      return [asked.address.path, { ...asked.query }];
    };
    assert.deepEqual(played('/live/s3cret'), [`/live/${HIDDEN_NAME}`, {}]);
    assert.deepEqual(played('/live/alice', { key: 's3cret', a: '1' }), ['/live/alice', { a: '1' }]);
    assert.deepEqual(played('/live/bob'), ['/live/bob', {}]);
  });

  test('change nothing where there are none', () => {
    const none = { publish: true, streamKeys: {} };
    const asked = target('/live/a', { key: 'mine' });
    assert.equal(publishTarget(none, asked, ''), asked);
    assert.equal(playTarget(none, asked), asked);
  });
});
