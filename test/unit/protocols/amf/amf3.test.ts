import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AmfObject, amfObject, classNameOf, isEcmaArray } from '../../../../src/protocols/amf/amf-value.ts';
import { decodeAmf3 } from '../../../../src/protocols/amf/amf3.ts';
import { encodeAmf3 } from '../../../../src/protocols/amf/amf3-encode.ts';
import { assertProtocolError } from '../../../support/errors.ts';
import { amf3Vectors, hex } from '../../../vectors/amf.ts';

describe('AMF3', () => {
  for (const { name, values, bytes, readOnly } of amf3Vectors) {
    test(`decodes: ${name}`, () => {
      assert.deepEqual(decodeAmf3(hex(bytes)), values);
    });
    if (readOnly) continue;
    test(`encodes: ${name}`, () => {
      assert.equal(encodeAmf3(values).toString('hex'), hex(bytes).toString('hex'));
    });
  }

  test('an array with names is an ECMA array, a class keeps its name', () => {
    const [array, typed] = decodeAmf3(hex('0901 0361 03 01  0a0b 0343 01')) as AmfObject[];
    assert.equal(isEcmaArray(array!), true);
    assert.equal(classNameOf(typed!), 'C');
  });

  test('names share the table of strings with values', () => {
    assert.deepEqual(decodeAmf3(hex('0a0b 01 0361 0401 01  0600')), [amfObject({ a: 1 }), 'a']);
  });

  const refused: readonly [name: string, bytes: string, message: RegExp][] = [
    ['an unknown marker', '12', /marker 18 is not a value/],
    ['a string reference to nothing', '0600', /reference 0 of 0 strings/],
    ['an object reference to nothing', '0a02', /reference 1 of 0 values/],
    ['a traits reference to nothing', '0a05', /reference 1 of 0 traits/],
    ['an array inside itself', '0903 01 0900', /names a value that encloses it/],
    ['an externalizable class', '0a07 0343', /externalizable class "C" has no known form/],
    ['a cut u29', '04 ffff', /1 bytes needed, 0 left/],
    ['an array longer than the message', '09ffffffff', /268435455 values in 0 bytes/],
    ['a vector longer than the message', '0d21 00 00000001', /16 values in 5 bytes/],
    ['traits of more names than bytes', '0afffffff3 01', /values in 0 bytes/],
    ['a dictionary with an object as a key', '1103 00 0901 01', /dictionary key is not a plain value/],
    ['a cut double', '05 00', /8 bytes needed, 1 left/],
  ];
  for (const [name, bytes, message] of refused) {
    test(`refuses ${name}`, () => {
      assertProtocolError(() => decodeAmf3(hex(bytes)), 'NMS_PROTOCOL_AMF', message);
    });
  }

  test('a long string that references repeat is bounded', () => {
    const text = `068a8001${'61'.repeat(0x14000)}`;
    assert.equal((decodeAmf3(hex(text))[0] as string).length, 0x14000);
    assertProtocolError(() => decodeAmf3(hex(text + '0600'.repeat(20))), 'NMS_PROTOCOL_AMF', /maxAmfNodes/);
  });

  test('members of a long name, repeated by their traits, are bounded', () => {
    const name = `818001${'61'.repeat(0x2000)}`;
    const object = `0a13 01 ${name} 01`;
    assert.equal(decodeAmf3(hex(object)).length, 1);
    assertProtocolError(() => decodeAmf3(hex(object + '0a01 01'.repeat(200))), 'NMS_PROTOCOL_AMF', /maxAmfNodes/);
  });

  test('the encoder refuses an empty name, which would end the object', () => {
    assertProtocolError(() => encodeAmf3([amfObject({ '': 1 })]), 'NMS_PROTOCOL_AMF', /no empty names/);
  });
});
