import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { AddressList, isAddressRange, normalAddress } from '../../../src/core/address-list.ts';
import { networkOf } from '../../../src/core/peer-address.ts';

describe('lists of addresses', () => {
  test('hold what their entries name, and nothing beside it', () => {
    const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ['192.0.2.7', ['192.0.2.7', '::ffff:192.0.2.7', '::ffff:c000:207'], ['192.0.2.6', '192.0.2.8', '::192.0.2.7']],
      ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'], ['9.255.255.255', '11.0.0.0']],
      ['10.1.2.3/8', ['10.9.9.9'], ['11.1.2.3']],
      ['192.0.2.128/25', ['192.0.2.128', '192.0.2.255'], ['192.0.2.127', '192.0.3.128']],
      ['192.0.2.7/32', ['192.0.2.7'], ['192.0.2.6']],
      ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'], ['::1', '2001:db8::1']],
      ['::/0', ['::', '2001:db8::1', 'fe80::1%eth0'], ['1.2.3.4', '::ffff:1.2.3.4']],
      ['2001:db8::/32', ['2001:db8::', '2001:DB8:ffff::1'], ['2001:db7::', '2001:db9::1', '32.1.13.184']],
      ['2001:db8:1:2:3::/65', ['2001:db8:1:2:7fff::'], ['2001:db8:1:2:8000::']],
      ['2001:0db8:0:0::0007', ['2001:db8::7', '2001:DB8::7'], ['2001:db8::8']],
      ['::ffff:192.0.2.0/120', ['192.0.2.200', '::ffff:192.0.2.200'], ['192.0.3.1', '::c000:2c8']],
      ['::ffff:0:0/96', ['1.2.3.4'], ['::1']],
      ['::ffff:192.0.2.7', ['192.0.2.7'], ['192.0.2.8']],
    ];
    for (const [entry, inside, outside] of cases) {
      const list = new AddressList(['203.0.113.9', entry]);
      for (const address of inside) assert.equal(list.has(address), true, `${address} in ${entry}`);
      for (const address of outside) assert.equal(list.has(address), false, `${address} not in ${entry}`);
    }
  });

  test('an empty one holds nobody, and no list holds what is no address', () => {
    assert.equal(new AddressList([]).isEmpty, true);
    assert.equal(new AddressList([]).has('192.0.2.7'), false);
    const all = new AddressList(['0.0.0.0/0', '::/0']);
    assert.equal(all.isEmpty, false);
    for (const text of ['', 'localhost', '/run/nms.sock', '1.2.3', '1.2.3.4.5', '%eth0']) {
      assert.equal(all.has(text), false, text);
    }
  });

  test('entries that are neither addresses nor ranges are told apart', () => {
    const wrong = [
      ...['', ' ', 'localhost', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0/8'],
      ...[
        '::/129',
        '2001:db8::/1000',
        'fe80::1%eth0',
        '[::1]',
        '10.0.0.1:80',
        ' 10.0.0.1',
        '*',
        '010.0.0.1',
        '::ffff:0:0/95',
      ],
    ];
    for (const entry of wrong) {
      assert.equal(isAddressRange(entry), false, entry);
      assert.throws(() => new AddressList([entry]), RangeError, entry);
    }
  });

  test('any text is in or out, without an error; any address is in the range of its own bits', () => {
    const all = new AddressList(['0.0.0.0/1', '8000::/1']);
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.ipV4(), fc.ipV6()), (text) => void all.has(text)));
    const address = fc.oneof(
      fc.ipV4().map((one) => ({ one, bits: 32 })),
      fc.ipV6().map((one) => ({ one, bits: 128 })),
    );
    const isMapped = (one: string) => one.includes(':') && normalAddress(one)?.includes(':') === false;
    fc.assert(
      fc.property(address, fc.nat({ max: 128 }), ({ one, bits }, size) => {
        fc.pre(!isMapped(one));
        assert.equal(new AddressList([`${one}/${size % (bits + 1)}`]).has(one), true);
      }),
    );
  });

  test('an address has one form', () => {
    assert.equal(normalAddress('2001:DB8:0:0:0:0:0:7'), '2001:db8::7');
    assert.equal(normalAddress('::ffff:c000:207'), '192.0.2.7');
    assert.equal(normalAddress('192.0.2.7'), '192.0.2.7');
    assert.equal(normalAddress('fe80::1%eth0'), 'fe80::1');
    assert.equal(normalAddress('unknown'), null);
  });
});

test('who has one address of a /64 has them all', () => {
  const cases = [
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::3:4:5:6', '2001:db8:0:0'],
    ['2001:db8::7:4:5:6', '2001:db8:0:0'],
    ['2001:db8::', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['1::', '1:0:0:0'],
    ['', ''],
  ] as const;
  for (const [address, network] of cases) assert.equal(networkOf(address), network, address);
});
