import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { wireLimits } from '../../../../src/media/limits.ts';
import {
  type AmfObject,
  type AmfValue,
  amfObject,
  classNameOf,
  ecmaArray,
  isAmfObject,
  isEcmaArray,
} from '../../../../src/protocols/amf/amf-value.ts';
import { decodeAmf0, encodeAmf0 } from '../../../../src/protocols/amf/amf0.ts';
import { assertProtocolError } from '../../../support/errors.ts';
import { amf0Vectors, hex } from '../../../vectors/amf.ts';

describe('AMF0', () => {
  for (const { name, values, bytes, readOnly } of amf0Vectors) {
    test(`decodes: ${name}`, () => {
      assert.deepEqual(decodeAmf0(hex(bytes)), values);
    });
    if (readOnly) continue;
    test(`encodes: ${name}`, () => {
      assert.equal(encodeAmf0(values).toString('hex'), hex(bytes).toString('hex'));
    });
  }

  test('a message may hold nothing at all', () => {
    assert.deepEqual(decodeAmf0(Buffer.alloc(0)), []);
    assert.equal(encodeAmf0([]).length, 0);
  });

  test('an ECMA array and a typed object keep their kind without showing it', () => {
    const [array, typed, plain] = decodeAmf0(hex('08 00000000 000009  10 000143 000009  03 000009')) as AmfObject[];
    assert.equal(isEcmaArray(array!), true);
    assert.equal(classNameOf(array!), null);
    assert.equal(isEcmaArray(typed!), false);
    assert.equal(classNameOf(typed!), 'C');
    assert.equal(isEcmaArray(plain!), false);
    assert.deepEqual(
      [array, typed, plain].map((object) => Reflect.ownKeys(object!).filter((key) => typeof key === 'string')),
      [[], [], []],
    );
    assert.equal(JSON.stringify(array), '{}');
  });

  test('decoded objects have no prototype, so the name __proto__ does no harm', () => {
    const [object] = decodeAmf0(hex('03 0009 5f5f70726f746f5f5f 03 0005 61646d696e 0101 000009 000009')) as AmfObject[];
    assert.equal(Object.getPrototypeOf(object), null);
    assert.deepEqual(Object.keys(object!), ['__proto__']);
    assert.equal(object!['admin'], undefined);
    assert.equal(({} as { admin?: unknown }).admin, undefined);
  });

  test('objects made from entries take __proto__ as a name too', () => {
    const entries = JSON.parse('{"__proto__": 1}') as Record<string, AmfValue>;
    assert.deepEqual(Object.keys(amfObject(entries)), ['__proto__']);
    assert.deepEqual(Object.keys(ecmaArray(entries)), ['__proto__']);
  });

  test('isAmfObject tells objects from all else', () => {
    assert.equal(isAmfObject(amfObject()), true);
    assert.equal(isAmfObject(ecmaArray()), true);
    for (const value of [null, undefined, 1, 'a', [], new Date(), Buffer.alloc(1)])
      assert.equal(isAmfObject(value), false);
  });

  test('objects of a program are encoded like decoded ones', () => {
    assert.deepEqual(encodeAmf0([{ app: 'live' }]), encodeAmf0([amfObject({ app: 'live' })]));
  });

  describe('refuses', () => {
    const refused: readonly [name: string, bytes: string, message: RegExp][] = [
      ['a cut number', '00 3ff8', /8 bytes needed, 2 left \(AMF byte 1\)/],
      ['a cut string', '02 0005 6162', /5 bytes needed, 2 left/],
      ['a long string longer than the message', '0c ffffffff 61', /4294967295 bytes needed, 1 left/],
      ['a cut name', '03 0005 61', /5 bytes needed, 1 left/],
      ['a name without a value', '03 000161', /1 bytes needed, 0 left/],
      ['a strict array of 4294967295 values', '0a ffffffff 05', /strict array of 4294967295 values in 1 bytes/],
      ['a strict array with a missing value', '0a 00000002 0200 01 61', /bytes needed/],
      ['a movie clip', '04', /marker 4 is not a value/],
      ['an object end on its own', '09', /marker 9 is not a value/],
      ['a record set', '0e', /marker 14 is not a value/],
      ['an unknown marker', '7f', /marker 127 is not a value/],
      ['a reference to nothing', '07 0000', /reference 0 of 0 values/],
      ['an object inside itself', '03 000161 07 0000 000009', /names a value that encloses it/],
      ['a cut AMF3 value', '11 06', /1 bytes needed, 0 left/],
    ];
    for (const [name, bytes, message] of refused) {
      test(name, () => {
        assertProtocolError(() => decodeAmf0(hex(bytes)), 'NMS_PROTOCOL_AMF', message);
      });
    }

    test('with the position at which it was seen', () => {
      assert.equal(assertProtocolError(() => decodeAmf0(hex('05 05 7f')), 'NMS_PROTOCOL_AMF').position, 2);
    });
  });

  test('each beginning of a message is decoded or refused, never worse', () => {
    for (const { bytes } of amf0Vectors) {
      const whole = hex(bytes).subarray(0, 300);
      for (let end = 0; end < whole.length; end++) {
        try {
          decodeAmf0(whole.subarray(0, end));
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'NMS_PROTOCOL_AMF');
        }
      }
    }
  });

  describe('limits', () => {
    const nested = (depth: number) => Buffer.concat([Buffer.from('0a00000001'.repeat(depth), 'hex'), Buffer.of(5)]);

    test('maxAmfDepth containers may nest, one more may not', () => {
      let [value] = decodeAmf0(nested(wireLimits.maxAmfDepth));
      let depth = 0;
      for (; Array.isArray(value); value = value[0]) depth++;
      assert.equal(depth, wireLimits.maxAmfDepth);
      assertProtocolError(() => decodeAmf0(nested(wireLimits.maxAmfDepth + 1)), 'NMS_PROTOCOL_AMF', /maxAmfDepth 32/);
    });

    test('what decodes at the depth limit encodes again', () => {
      const bytes = nested(wireLimits.maxAmfDepth);
      assert.deepEqual(encodeAmf0(decodeAmf0(bytes)), bytes);
    });

    test('objects and AMF3 arrays count for the depth too', () => {
      const objects = Buffer.from('03000161'.repeat(33), 'hex');
      assertProtocolError(() => decodeAmf0(objects), 'NMS_PROTOCOL_AMF', /maxAmfDepth/);
      const amf3 = Buffer.concat([nested(30).subarray(0, -1), Buffer.from(`11${'090301'.repeat(3)}01`, 'hex')]);
      assertProtocolError(() => decodeAmf0(amf3), 'NMS_PROTOCOL_AMF', /maxAmfDepth/);
    });

    test('maxAmfNodes values may come, one more may not', () => {
      const limits = { maxAmfDepth: 4, maxAmfNodes: 100 };
      assert.equal(decodeAmf0(Buffer.alloc(100, 5), limits).length, 100);
      assertProtocolError(() => decodeAmf0(Buffer.alloc(101, 5), limits), 'NMS_PROTOCOL_AMF', /maxAmfNodes 100/);
    });

    test('a reference costs what it repeats, so a few bytes do not become a forest', () => {
      // Each array holds the one before twice: 2^20 values in 200 bytes.
      const parts = ['0a 00000014', '0a 00000002 05 05'];
      for (let index = 1; index < 20; index++) parts.push(`0a 00000002 07 00${hexByte(index)} 07 00${hexByte(index)}`);
      assertProtocolError(() => decodeAmf0(hex(parts.join(''))), 'NMS_PROTOCOL_AMF', /maxAmfNodes/);
    });

    test('a reference to a deep value counts with its depth', () => {
      // An array four deep, then a reference to it three deep.
      const bytes = hex('0a00000002 0a00000001 0a00000001 0a00000001 05  0a00000001 0a00000001 07 0001');
      assert.equal(decodeAmf0(bytes, { maxAmfDepth: 6, maxAmfNodes: 100 }).length, 1);
      assertProtocolError(
        () => decodeAmf0(bytes, { maxAmfDepth: 5, maxAmfNodes: 100 }),
        'NMS_PROTOCOL_AMF',
        /maxAmfDepth/,
      );
    });

    test('a long text that references repeat costs more than a short one', () => {
      const object = `03 000161 02 4000 ${'61'.repeat(0x4000)} 000009`;
      const repeated = (count: number) => hex(`0a 000000${hexByte(count + 1)} ${object} ${'07 0001'.repeat(count)}`);
      assert.equal((decodeAmf0(repeated(50))[0] as AmfValue[]).length, 51);
      assertProtocolError(() => decodeAmf0(repeated(100)), 'NMS_PROTOCOL_AMF', /maxAmfNodes/);
    });

    test('a name that grew beyond 65535 bytes because it is not UTF-8 is refused, for it could not be encoded', () => {
      const object = (length: number) =>
        Buffer.concat([Buffer.of(3, length >> 8, length & 0xff), Buffer.alloc(length, 0xff), hex('05 000009')]);
      assert.deepEqual(decodeAmf0(encodeAmf0(decodeAmf0(object(21845)))), decodeAmf0(object(21845)));
      assertProtocolError(() => decodeAmf0(object(21846)), 'NMS_PROTOCOL_AMF', /name of 65538 bytes exceeds 65535/);
    });
  });

  test('a value that contains itself is refused by the encoder', () => {
    const object = amfObject();
    object['self'] = object;
    assertProtocolError(() => encodeAmf0([object]), 'NMS_PROTOCOL_AMF', /maxAmfDepth/);
  });
});

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
