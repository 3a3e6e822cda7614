import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readProxyHeader } from '../../../../src/protocols/proxy/proxy-header.ts';
import { proxyLimits } from '../../../../src/protocols/proxy/proxy-limits.ts';
import { assertProtocolError, orProtocolError } from '../../../support/errors.ts';
import { mutated } from '../../../support/mutated.ts';
import { binaryHeader, textHeader } from '../../../support/proxy.ts';

const CODE = 'NMS_PROTOCOL_PROXY';
const text = (line: string) => Buffer.from(line, 'latin1');
const RTMP = Buffer.from('03deadbeef', 'hex');

/** Every header that is right, and the source that it names. */
const right: readonly (readonly [string, Buffer, { address: string; port: number } | null])[] = [
  ['TCP4', textHeader('192.0.2.7', 51234), { address: '192.0.2.7', port: 51234 }],
  ['TCP4, ports 0', text('PROXY TCP4 0.0.0.0 255.255.255.255 0 0\r\n'), { address: '0.0.0.0', port: 0 }],
  ['TCP6', textHeader('2001:DB8:0:0::7', 65535), { address: '2001:db8::7', port: 65535 }],
  ['TCP6 of IPv4', text('PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n'), { address: '::ffff:192.0.2.7', port: 1 }],
  ['UNKNOWN', text('PROXY UNKNOWN\r\n'), null],
  ['UNKNOWN and more', text(`PROXY UNKNOWN ${'f'.repeat(107 - 16)}\r\n`), null],
  ['binary IPv4', binaryHeader({ address: '192.0.2.7', port: 51234 }), { address: '192.0.2.7', port: 51234 }],
  ['binary IPv6', binaryHeader({ address: '2001:db8::7', port: 7 }), { address: '2001:db8::7', port: 7 }],
  ['binary datagram', binaryHeader({ address: '192.0.2.7', port: 7, transport: 2 }), { address: '192.0.2.7', port: 7 }],
  [
    'binary with extensions',
    binaryHeader({ address: '192.0.2.7', port: 7, extensions: Buffer.from('0400030000ff', 'hex') }),
    { address: '192.0.2.7', port: 7 },
  ],
  ['binary LOCAL', binaryHeader({ command: 0, family: 0, block: Buffer.alloc(0) }), null],
  ['binary LOCAL of any family', binaryHeader({ command: 0, family: 15, block: Buffer.from('xyz') }), null],
  ['binary unspecified', binaryHeader({ family: 0, transport: 0, block: Buffer.from('whatever') }), null],
  ['binary UNIX', binaryHeader({ family: 3, block: Buffer.alloc(216, 0x61) }), null],
  [
    'binary as long as allowed',
    binaryHeader({ address: '192.0.2.7', port: 7, extensions: Buffer.alloc(proxyLimits.maxBinaryBytes - 28) }),
    { address: '192.0.2.7', port: 7 },
  ],
];

describe('PROXY header', () => {
  test('each form names its source and its length, whatever follows', () => {
    for (const [name, header, source] of right) {
      for (const more of [Buffer.alloc(0), RTMP, text('\r\nPROXY TCP4 1.1.1.1 2.2.2.2 3 4\r\n')]) {
        assert.deepEqual(readProxyHeader(Buffer.concat([header, more])), { length: header.length, source }, name);
      }
    }
  });

  test('each beginning of each form asks for more, and no longer one does', () => {
    for (const [name, header] of right) {
      for (let length = 0; length < header.length; length++) {
        assert.equal(readProxyHeader(header.subarray(0, length)), 'need more', `${name}: ${length} bytes`);
      }
    }
  });

  test('other protocols are told apart as soon as a byte differs', () => {
    const others = [
      '\x03',
      '\x16\x03\x01',
      'GET / ',
      'PO',
      'PUT',
      'PRI *',
      'PROP',
      'PROXY\t',
      'proxy',
      '\r\n\r\nG',
      '\r\n\r\n\0\r\nQUIT\r',
    ];
    for (const other of others) assert.equal(readProxyHeader(text(other)), null, JSON.stringify(other));
  });

  test('a line that is no header of version 1 is refused', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['PROXY \r\n', /a protocol/],
      ['PROXY TCP5 1.1.1.1 2.2.2.2 3 4\r\n', /a protocol/],
      ['PROXY tcp4 1.1.1.1 2.2.2.2 3 4\r\n', /a protocol/],
      ['PROXY UNKNOWNS\r\n', /a protocol/],
      ['PROXY TCP4 1.1.1.1 2.2.2.2 3\r\n', /4 words/],
      ['PROXY TCP4 1.1.1.1 2.2.2.2 3 4 5\r\n', /6 words/],
      ['PROXY TCP4  1.1.1.1 2.2.2.2 3 4\r\n', /6 words/],
      ['PROXY TCP4 1.1.1 2.2.2.2 3 4\r\n', /no IPv4 address/],
      ['PROXY TCP4 1.1.1.1 2.2.2.256 3 4\r\n', /no IPv4 address/],
      ['PROXY TCP4 01.1.1.1 2.2.2.2 3 4\r\n', /no IPv4 address/],
      ['PROXY TCP4 ::1 ::1 3 4\r\n', /no IPv4 address/],
      ['PROXY TCP6 1.1.1.1 2.2.2.2 3 4\r\n', /no IPv6 address/],
      ['PROXY TCP6 fe80::1%eth0 ::1 3 4\r\n', /no IPv6 address/],
      ['PROXY TCP4 1.1.1.1 2.2.2.2 65536 4\r\n', /a port/],
      ['PROXY TCP4 1.1.1.1 2.2.2.2 3 04\r\n', /a port/],
      ['PROXY TCP4 1.1.1.1 2.2.2.2 3 -4\r\n', /a port/],
      ['PROXY TCP4 1.1.1.1 2.2.2.2 3 4 \r\n', /6 words/],
    ];
    for (const [line, message] of wrong) assertProtocolError(() => readProxyHeader(text(line)), CODE, message);
    const endless = text(`PROXY UNKNOWN ${'x'.repeat(proxyLimits.maxTextBytes - 14)}\r\n`);
    assert.equal(readProxyHeader(endless.subarray(0, 106)), 'need more');
    const error = assertProtocolError(() => readProxyHeader(endless), CODE, /first 107 bytes/);
    assert.equal(error.limit, 'maxTextBytes');
  });

  test('a block that is no header of version 2 is refused, before its end has come', () => {
    const wrong: readonly (readonly [Parameters<typeof binaryHeader>[0], RegExp])[] = [
      [{ version: 1 }, /version 1/],
      [{ version: 3 }, /version 3/],
      [{ command: 2 }, /command 2/],
      [{ family: 4, block: Buffer.alloc(300) }, /family and transport 65/],
      [{ transport: 3 }, /family and transport 19/],
      [{ family: 1, block: Buffer.alloc(11) }, /11 bytes of addresses/],
      [{ family: 2, block: Buffer.alloc(35) }, /IPv6 needs 36/],
      [{ family: 3, block: Buffer.alloc(215) }, /UNIX needs 216/],
    ];
    for (const [options, message] of wrong) {
      assertProtocolError(() => readProxyHeader(binaryHeader(options).subarray(0, 16)), CODE, message);
    }
    const long = binaryHeader({ block: Buffer.alloc(proxyLimits.maxBinaryBytes - 15) });
    const error = assertProtocolError(() => readProxyHeader(long.subarray(0, 16)), CODE, /exceeds maxBinaryBytes 4096/);
    assert.equal(error.limit, 'maxBinaryBytes');
  });

  test('any bytes are a header within them, a reason to wait, something else, or a ProtocolError', () => {
    const headers = right.map(([, header]) => header).filter(({ length }) => length < 400);
    const bytes = fc.oneof(
      mutated(headers),
      fc.uint8Array({ maxLength: 40 }).map((more) => Buffer.from(more)),
      fc.string({ unit: 'binary-ascii', maxLength: 120 }).map((more) => text(`PROXY TCP${more}\r\n`)),
      fc.uint8Array({ maxLength: 60 }).map((more) => Buffer.concat([binaryHeader({}).subarray(0, 12), more])),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const answer = orProtocolError(() => readProxyHeader(input));
        if (answer === null || answer === 'need more') return;
        assert.ok(answer.length > 0 && answer.length <= input.length);
        assert.deepEqual(readProxyHeader(input.subarray(0, answer.length)), answer);
      }),
      { numRuns: 3000 },
    );
  });

  test('any address and port come back as they were written', () => {
    const source = fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.integer({ min: 0, max: 65535 }) });
    fc.assert(
      fc.property(source, ({ address, port }) => {
        const read = [textHeader(address, port), binaryHeader({ address, port })].map((header) =>
          readProxyHeader(header),
        );
        assert.ok(read.every((answer) => answer !== null && answer !== 'need more' && answer.source?.port === port));
        const [first, second] = read.map((answer) => (typeof answer === 'object' ? answer?.source?.address : ''));
        assert.equal(first, second);
        if (!address.includes(':')) assert.equal(first, address);
      }),
    );
  });
});
