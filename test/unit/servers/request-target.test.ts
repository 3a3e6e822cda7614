import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TrustedProxies } from '../../../src/core/trusted-proxies.ts';
import { NmsError } from '../../../src/errors.ts';
import { originOf, parseTarget, streamTargetOf } from '../../../src/servers/flv/request-target.ts';

const nobody = new TrustedProxies([]);
const message = (headers: object = {}, socket: object = {}) => ({ headers, socket }) as unknown as IncomingMessage;

describe('request target', () => {
  test('path and decoded parameters; the first of each name counts; a fragment is none of ours', () => {
    const cases: [string, string, object][] = [
      ['/live/a.flv', '/live/a.flv', {}],
      ['/live/a.flv?sign=1-2&b=%41&sign=3', '/live/a.flv', { sign: '1-2', b: 'A' }],
      ['/live/a?x=?&y', '/live/a', { x: '?', y: '' }],
      ['/live/a#b?c=d', '/live/a', {}],
      ['http://host:80/live/a.flv?b=c', '/live/a.flv', { b: 'c' }],
      ['HTTPS://host/live/a', '/live/a', {}],
      ['http://host', '/', {}],
      ['http://host?a=b', '/', { a: 'b' }],
      ['*', '*', {}],
      ['', '/', {}],
      ['/a/b?__proto__=x&constructor=y', '/a/b', JSON.parse('{"__proto__":"x","constructor":"y"}')],
    ];
    for (const [url, path, query] of cases) {
      const target = parseTarget(url);
      assert.equal(target.path, path, url);
      assert.deepEqual(JSON.parse(JSON.stringify(target.query)), query, url);
    }
  });

  test('the stream is the path without its suffix, decoded once', () => {
    const read = (path: string) => streamTargetOf(message({ host: 'h:1' }), parseTarget(path));
    assert.deepEqual(read('/live/a.flv').address, { path: '/live/a', app: 'live', name: 'a' });
    assert.equal(read('/live/a').address.path, '/live/a');
    assert.equal(read('/a/b/c.FLV').address.path, '/a/b/c');
    assert.equal(read('/live/a.b.flv').address.path, '/live/a.b');
    assert.equal(read('/live/%D0%BA.flv').address.path, '/live/к');
    assert.equal(read('/live/a.flv').host, 'h:1');
  });

  test('any URL is a stream or an NmsError, and a stream’s path has no empty part and no dots alone', () => {
    const url = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl({ withQueryParameters: true }),
      fc
        .array(fc.constantFrom('/', '..', '.', '%2f', '%2F', '%5c', '%00', 'a', '%', '%e0', '.flv', '?', '#'))
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(url, (text) => {
        try {
          const { path } = streamTargetOf(message(), parseTarget(text)).address;
          for (const part of path.slice(1).split('/')) assert.match(part, /^(?!\.{1,2}$)[^/\\\0]+$/);
        } catch (error) {
          assert.ok(error instanceof NmsError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('the peer is named by transport and address; an IPv4 address inside IPv6 is shown as itself', () => {
    const of = (socket: object, kind: 'http' | 'ws' = 'http') =>
      originOf(message({ 'user-agent': 'x' }, socket), kind, nobody);
    const remotePort = 5;
    assert.deepEqual(of({ remoteAddress: '::ffff:192.0.2.1', remotePort }), {
      protocol: 'http-flv',
      address: '192.0.2.1',
      ip: '192.0.2.1:5',
      userAgent: 'x',
    });
    assert.equal(of({ remoteAddress: '2001:db8::1', remotePort }).ip, '[2001:db8::1]:5');
    assert.equal(of({ remoteAddress: '192.0.2.1', remotePort, encrypted: true }, 'ws').protocol, 'wss-flv');
  });
});
