import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeAmfMessage } from '../../src/protocols/amf/amf-message.ts';
import { type AmfValue, AmfXml, amfObject, ecmaArray, typedObject } from '../../src/protocols/amf/amf-value.ts';
import { decodeAmf0, encodeAmf0 } from '../../src/protocols/amf/amf0.ts';
import { decodeAmf3 } from '../../src/protocols/amf/amf3.ts';
import { encodeAmf3 } from '../../src/protocols/amf/amf3-encode.ts';
import { orProtocolError } from '../support/errors.ts';
import { mutated } from '../support/mutated.ts';
import { amf0Vectors, amf3Vectors, hex } from '../vectors/amf.ts';

const text = fc.string({ unit: 'binary', maxLength: 40 });
const name = fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toString', '0', 'duration'), text);

function values(names: fc.Arbitrary<string>): fc.Arbitrary<AmfValue> {
  const { value } = fc.letrec<{ value: AmfValue }>((tie) => {
    const entries = fc
      .array(fc.tuple(names, tie('value')), { maxLength: 4 })
      .map((pairs) => Object.fromEntries(pairs) as Record<string, AmfValue>);
    return {
      value: fc.oneof(
        { depthSize: 'small', maxDepth: 6 },
        fc.double(),
        fc.integer(),
        fc.boolean(),
        text,
        fc.constantFrom(null, undefined),
        fc.integer({ min: -8.64e15, max: 8.64e15 }).map((time) => new Date(time)),
        fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        text.map((xml) => new AmfXml(xml)),
        fc.array(tie('value'), { maxLength: 4 }),
        entries.map(amfObject),
        entries.filter((object) => Object.keys(object).length > 0).map(ecmaArray),
        fc.tuple(text, entries).map(([className, object]) => typedObject(className, object)),
      ),
    };
  });
  return value;
}

/** A message of several values, so that tables of references meet. */
const anyValues = fc.array(values(name), { maxLength: 4 });
/** In AMF3 an empty name ends an object. */
const namedValues = fc.array(values(name.filter((key) => key !== '')), { maxLength: 4 });

describe('AMF, whatever comes', () => {
  test('AMF0 values that are encoded decode to the same, and encode to the same bytes', () => {
    fc.assert(
      fc.property(anyValues, (message) => {
        const bytes = encodeAmf0(message);
        const decoded = decodeAmf0(bytes);
        assert.deepEqual(decoded, message);
        assert.deepEqual(encodeAmf0(decoded), bytes);
      }),
    );
  });

  test('AMF3 values that are encoded decode to the same, and encode to the same bytes', () => {
    fc.assert(
      fc.property(namedValues, (message) => {
        const bytes = encodeAmf3(message);
        const decoded = decodeAmf3(bytes);
        assert.deepEqual(decoded, message);
        assert.deepEqual(encodeAmf3(decoded), bytes);
      }),
    );
  });

  test('any bytes decode or are refused with a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, amf3) => {
        orProtocolError(() => decodeAmfMessage(Buffer.from(bytes), { amf3 }));
        orProtocolError(() => decodeAmf3(Buffer.from(bytes)));
      }),
      { numRuns: 2000 },
    );
  });

  test('messages with changed bytes decode or are refused, and what decodes can be encoded', () => {
    const seeds = [...amf0Vectors.map(({ bytes }) => hex(bytes)), ...amf3Vectors.map(({ bytes }) => hex(`11${bytes}`))];
    const small = seeds.filter((seed) => seed.length < 1000);
    fc.assert(
      fc.property(mutated(small), (bytes) => {
        const message = orProtocolError(() => decodeAmf0(bytes));
        if (message === null) return;
        const again = decodeAmf0(encodeAmf0(message), { maxAmfDepth: 64, maxAmfNodes: 100_000 });
        assert.deepEqual(again, message);
      }),
      { numRuns: 3000 },
    );
  });
});
