import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '../../../../src/errors.ts';
import {
  MAX_QUERY_PARAMETERS,
  parseConnectTarget,
  parseQueries,
  parseStreamTarget,
} from '../../../../src/protocols/rtmp/stream-target.ts';

describe('where connect wants to go', () => {
  for (const [what, command, app, host] of [
    ['app and tcUrl', { app: 'live', tcUrl: 'rtmp://h:1935/live' }, 'live', 'h'],
    ['tcUrl only', { tcUrl: 'rtmp://h/live' }, 'live', 'h'],
    ['tcurl', { tcurl: 'rtmp://h/live' }, 'live', 'h'],
    ['tcUrl in quotes', { tcUrl: '"rtmp://h/live"' }, 'live', 'h'],
    ['tcUrl in single quotes', { app: 'x', tcUrl: "'rtmp://h:80/live'" }, 'x', 'h'],
    ['a trailing slash', { app: 'live/', tcUrl: 'rtmp://h/live/' }, 'live', 'h'],
    ['several segments', { app: 'a/b', tcUrl: 'rtmp://h/a/b' }, 'a/b', 'h'],
    ['several segments in tcUrl only', { tcUrl: 'rtmp://h/a/b/' }, 'a/b', 'h'],
    ['an empty app', { app: '', tcUrl: 'rtmp://h/' }, '', 'h'],
    ['an empty app, but not in tcUrl', { app: '', tcUrl: 'rtmp://h/live' }, 'live', 'h'],
    ['a query in app', { app: 'live?token=x', tcUrl: 'rtmp://h/live?token=x' }, 'live', 'h'],
    ['a query with slashes', { app: 'live?token=a/b' }, 'live', ''],
    ['a query right behind the host', { tcUrl: 'rtmp://h?token=x' }, '', 'h'],
    ['percent-encoding', { app: 'caf%C3%A9' }, 'café', ''],
    ['broken percent-encoding', { app: '100%' }, '100%', ''],
    ['user and password', { app: 'live', tcUrl: 'rtmp://u:p@h:1935/live' }, 'live', 'h'],
    ['an IPv6 address', { app: 'live', tcUrl: 'rtmp://[2001:db8::1]:1935/live' }, 'live', '[2001:db8::1]'],
    ['no host', { app: 'live', tcUrl: 'rtmp:///live' }, 'live', ''],
    ['a host too long to be one', { app: 'live', tcUrl: `rtmp://${'h'.repeat(256)}/live` }, 'live', ''],
    ['nothing', {}, '', ''],
    ['other types', { app: 7, tcUrl: null }, '', ''],
  ] as const) {
    test(`is read from ${what}`, () => {
      const target = parseConnectTarget(command);
      assert.deepEqual({ app: target.app, host: target.host }, { app, host });
    });
  }
});

describe('what publish and play ask for', () => {
  for (const [app, name, expected] of [
    ['live', 'key', 'live|key'],
    ['live', 'key?token=x', 'live|key'],
    ['live', '/key/', 'live|key'],
    ['live', 'mp4:key', 'live|key'],
    ['live', 'flv:key', 'live|key'],
    ['live', 'mp4:dir/key.mp4', 'live/dir|key.mp4'],
    ['a', 'b/name', 'a/b|name'],
    ['a/b', 'name', 'a/b|name'],
    ['live/key', '', 'live|key'],
    ['live/key', '?token=x', 'live|key'],
    ['live', '', 'live|'],
    ['', 'live/key', 'live|key'],
    ['', 'key', '|key'],
    ['', '', '|'],
    ['live', 'caf%C3%A9', 'live|café'],
    ['live', 'a%2fb', 'live/a|b'],
    ['live', 'a%252fb', 'live|a%2fb'],
    ['live', '%zz', 'live|%zz'],
    ['live', '../etc', 'live/..|etc'],
  ] as const) {
    test(`app ${JSON.stringify(app)} and name ${JSON.stringify(name)} are ${expected}`, () => {
      const target = parseStreamTarget(parseConnectTarget({ app }), name);
      assert.equal(`${target.app}|${target.name}`, expected);
    });
  }

  test('has the parameters of the name, then of the app, then of tcUrl', () => {
    const connect = parseConnectTarget({ app: 'live?b=app&c=app', tcUrl: 'rtmp://h/live?b=url&c=url&d=url' });
    const { query, duplicates } = parseStreamTarget(connect, 'key?a=name&b=name');
    assert.deepEqual({ ...query }, { a: 'name', b: 'name', c: 'app', d: 'url' });
    assert.deepEqual(duplicates, ['b', 'c']);
  });

  test('has the app’s query however the URL was split', () => {
    const connect = parseConnectTarget({ app: 'app?a=1&b=2', tcUrl: 'rtmp://h/app?a=1&b=2' });
    const target = parseStreamTarget(connect, 'stream');
    assert.deepEqual({ ...target.query }, { a: '1', b: '2' });
    assert.deepEqual(target.duplicates, []);
  });
});

describe('queries', () => {
  test('are cut at & and the first =, and decoded once', () => {
    const { values } = parseQueries(['a=1&b=x%3Dy=z&c&=d&&e=%2541&f=a+b&g=%ff']);
    assert.deepEqual({ ...values }, { a: '1', b: 'x=y=z', c: '', '': 'd', e: '%41', f: 'a+b', g: '%ff' });
  });

  test('keep the first of several values and name the others', () => {
    const { values, duplicates } = parseQueries(['sign=1&sign=2&x=1&x=1', 'y=1', 'y=2']);
    assert.deepEqual({ ...values }, { sign: '1', x: '1', y: '1' });
    assert.deepEqual(duplicates, ['sign', 'y']);
  });

  test('have no prototype to collide with', () => {
    const { values, duplicates } = parseQueries(['__proto__=1&constructor=2&toString=3']);
    assert.equal(Object.getPrototypeOf(values), null);
    assert.deepEqual(Object.entries(values), [
      ['__proto__', '1'],
      ['constructor', '2'],
      ['toString', '3'],
    ]);
    assert.deepEqual(duplicates, []);
  });

  test(`of more than ${MAX_QUERY_PARAMETERS} parameters are refused`, () => {
    const query = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=v`).join('&');
    assert.equal(Object.keys(parseQueries([query(MAX_QUERY_PARAMETERS)]).values).length, MAX_QUERY_PARAMETERS);
    assert.throws(() => parseQueries([query(MAX_QUERY_PARAMETERS + 1)]), ProtocolError);
  });
});
