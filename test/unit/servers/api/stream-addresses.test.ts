import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Listener } from '../../../../src/core/listener.ts';
import { signStream, verifyStreamSign } from '../../../../src/core/sign.ts';
import { parseStreamPath, parseStreamUrlPath } from '../../../../src/core/stream-path.ts';
import { addressesOf, hostOf } from '../../../../src/servers/api/stream-addresses.ts';

const door = (name: Listener['name'], port: number): Listener => ({ name, host: '::', port, address: `[::]:${port}` });

describe('the host of addresses', () => {
  test('is that of the request, without its port', () => {
    const rows: [string | undefined, string | null][] = [
      [undefined, 'localhost'],
      ['', 'localhost'],
      ['example.org', 'example.org'],
      ['example.org:8000', 'example.org'],
      ['192.0.2.1:8000', '192.0.2.1'],
      ['[2001:db8::7]:8000', '[2001:db8::7]'],
      ['my_container:80', 'my_container'],
      ['a"onload=x', null],
      ['evil.org/path', null],
      ['evil.org#', null],
      ['user@evil.org', null],
      ['evil.org\\x', null],
      ['<b>', null],
      ['a b', null],
      ['x'.repeat(254), null],
      ['example.org:', null],
      ['[::1', null],
    ];
    for (const [header, expected] of rows) assert.equal(hostOf(header), expected, header);
  });
});

describe('addresses of a stream', () => {
  const options = { host: 'example.org', action: 'play' as const, secret: 'a secret', expiresAt: null };

  test('there is one for every protocol of every open door, and usual ports are left out', () => {
    const listeners = [door('rtmp', 1935), door('rtmps', 1936), door('http', 80), door('https', 8443)];
    const found = addressesOf(parseStreamPath('/live/cam'), { ...options, listeners });
    assert.deepEqual(
      found.map(({ protocol, url }) => `${protocol} ${url}`),
      [
        'rtmp rtmp://example.org/live/cam',
        'rtmps rtmps://example.org:1936/live/cam',
        'http-flv http://example.org/live/cam.flv',
        'ws-flv ws://example.org/live/cam.flv',
        'https-flv https://example.org:8443/live/cam.flv',
        'wss-flv wss://example.org:8443/live/cam.flv',
      ],
    );
    const [only, ...more] = addressesOf(parseStreamPath('/live/cam'), { ...options, listeners: [door('rtmp', 1936)] });
    assert.deepEqual([only?.url, more], ['rtmp://example.org:1936/live/cam', []]);
  });

  test('paths are percent-encoded, and read back as they were', () => {
    const address = parseStreamPath('/a/ü/キー~1');
    const [found] = addressesOf(address, { ...options, listeners: [door('http', 8000)] });
    assert.match(found!.url, /^[\x21-\x7e]+$/);
    const { pathname } = new URL(found!.url);
    assert.deepEqual(parseStreamUrlPath(pathname.replace(/\.flv$/, '')), address);
  });

  test('a signature fits its action, its path and its end', () => {
    const expiresAt = 1_764_003_600;
    const address = parseStreamPath('/a/b/cam');
    const [found] = addressesOf(address, { ...options, action: 'publish', expiresAt, listeners: [door('rtmp', 1935)] });
    const sign = new URL(found!.url).searchParams.get('sign')!;
    assert.equal(sign, signStream('publish', '/a/b/cam', expiresAt, 'a secret'));
    const check = { path: '/a/b/cam', sign, secret: 'a secret', acceptMd5: false, now: expiresAt };
    verifyStreamSign({ ...check, action: 'publish' });
    assert.throws(() => verifyStreamSign({ ...check, action: 'play' }), /does not fit/);
  });
});
