import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TrustedProxies } from '../../../src/core/trusted-proxies.ts';

const proxies = new TrustedProxies(['127.0.0.1', '10.0.0.0/8', '2001:db8:f::/48']);

function clientOf(header: string | string[] | undefined, remoteAddress: string | undefined = '127.0.0.1'): string {
  const headers = header === undefined ? {} : { 'x-forwarded-for': header };
  const { address, port } = proxies.clientOf({ socket: { remoteAddress, remotePort: 5 }, headers });
  return `${address} ${port}`;
}

describe('X-Forwarded-For', () => {
  test('is read from its end, past proxies of ours, to the first that is none', () => {
    assert.equal(clientOf('192.0.2.7'), '192.0.2.7 0');
    assert.equal(clientOf('203.0.113.1, 192.0.2.7'), '192.0.2.7 0');
    assert.equal(clientOf('203.0.113.1, 192.0.2.7, 10.0.0.1'), '192.0.2.7 0');
    assert.equal(clientOf('203.0.113.1,192.0.2.7 ,10.0.0.1,\t2001:db8:f::1'), '192.0.2.7 0');
    assert.equal(clientOf(['203.0.113.1', '192.0.2.7, 10.0.0.1']), '192.0.2.7 0');
    assert.equal(clientOf('10.0.0.2, 10.0.0.1'), '10.0.0.2 0', 'all are ours: the first of them');
  });

  test('may carry ports and brackets, and addresses of both families', () => {
    const cases = [
      ['192.0.2.7:5678', '192.0.2.7 5678'],
      ['[2001:db8::7]:99', '2001:db8::7 99'],
      ['[2001:db8::7]', '2001:db8::7 0'],
      ['2001:DB8:0::7', '2001:db8::7 0'],
      ['::1', '::1 0'],
      ['::ffff:192.0.2.7', '192.0.2.7 0'],
      ['[::ffff:192.0.2.7]:65535', '192.0.2.7 65535'],
      ['192.0.2.7, [2001:db8:f::1]:99, 10.0.0.1:1', '192.0.2.7 0'],
    ] as const;
    for (const [header, client] of cases) assert.equal(clientOf(header), client, header);
  });

  test('ends at an entry that is no address: who stands behind it said it', () => {
    const wrong = [
      '',
      ' ',
      'unknown',
      '_hidden',
      '192.0.2',
      '192.0.2.7:',
      '192.0.2.7:65536',
      '192.0.2.7:1:1',
      '[192.0.2.7]',
    ];
    for (const entry of [
      ...wrong,
      '[::1',
      '::1]',
      'fe80::1%eth0',
      '"192.0.2.7"',
      'for=192.0.2.7',
      ':80',
      '1'.repeat(5000),
    ]) {
      assert.equal(clientOf(entry), '127.0.0.1 5', entry);
      assert.equal(clientOf(`192.0.2.7, ${entry}, 10.0.0.1`), '10.0.0.1 0', entry);
    }
    assert.equal(clientOf(',192.0.2.7'), '192.0.2.7 0');
    assert.equal(clientOf(',10.0.0.1'), '10.0.0.1 0');
  });

  test('is not looked at when the peer is nobody’s proxy, or has no address', () => {
    assert.equal(clientOf('192.0.2.7', '203.0.113.1'), '203.0.113.1 5');
    assert.equal(clientOf('192.0.2.7', ''), ' 5');
    assert.equal(clientOf(undefined), '127.0.0.1 5');
    assert.equal(clientOf('192.0.2.7', '::ffff:10.0.0.1'), '192.0.2.7 0');
    const gone = proxies.clientOf({ socket: {}, headers: { 'x-forwarded-for': '192.0.2.7' } });
    assert.deepEqual(gone, { address: '', port: 0 });
    const nobody = new TrustedProxies([]);
    const request = {
      socket: { remoteAddress: '127.0.0.1', remotePort: 1 },
      headers: { 'x-forwarded-for': '1.1.1.1' },
    };
    assert.deepEqual(nobody.clientOf(request), { address: '127.0.0.1', port: 1 });
  });

  test('is read for 32 hops, and no further', () => {
    const hops = (count: number) => `192.0.2.7${', 10.0.0.1'.repeat(count)}`;
    assert.equal(clientOf(hops(31)), '192.0.2.7 0');
    assert.equal(clientOf(hops(32)), '10.0.0.1 0');
    assert.equal(clientOf(hops(100_000)), '10.0.0.1 0');
  });

  test('any text gives the peer or an address that stands in it', () => {
    const piece = fc.oneof(
      fc.constantFrom(',', ', ', '10.0.0.1', '127.0.0.1', '192.0.2.7', '[', ']', ':', ':80', '::', '%'),
      fc.string({ maxLength: 5 }),
      fc.ipV4(),
      fc.ipV6(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const [address = '', port] = clientOf(pieces.join('')).split(' ');
        assert.match(address, /^[\da-f.:]+$/);
        assert.ok(Number(port) >= 0 && Number(port) <= 65_535);
      }),
      { numRuns: 2000 },
    );
  });
});
