import { type AmfValue, AmfXml, amfObject, ecmaArray, typedObject } from '../../src/protocols/amf/amf-value.ts';

export interface AmfVector {
  readonly name: string;
  readonly values: readonly AmfValue[];
  /** In hex; blanks are for the reader. */
  readonly bytes: string;
  /** Read only: our encoder writes these values otherwise. */
  readonly readOnly?: true;
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
}

const longText = 'x'.repeat(65536);

export const amf0Vectors: readonly AmfVector[] = [
  { name: 'number', values: [1.5], bytes: '00 3ff8000000000000' },
  { name: 'number, negative zero', values: [-0], bytes: '00 8000000000000000' },
  { name: 'number, not a number', values: [Number.NaN], bytes: '00 7ff8000000000000' },
  { name: 'boolean', values: [true, false], bytes: '0101 0100' },
  { name: 'boolean other than 1', values: [true], bytes: '01 ff', readOnly: true },
  { name: 'string', values: ['live'], bytes: '02 0004 6c697665' },
  { name: 'string, empty', values: [''], bytes: '02 0000' },
  { name: 'string in UTF-8', values: ['直播'], bytes: '02 0006 e79bb4e692ad' },
  { name: 'long string', values: [longText], bytes: `0c 00010000 ${'78'.repeat(65536)}` },
  { name: 'long string that is short', values: ['a'], bytes: '0c 00000001 61', readOnly: true },
  { name: 'null and undefined', values: [null, undefined], bytes: '05 06' },
  { name: 'unsupported', values: [undefined], bytes: '0d', readOnly: true },
  {
    name: 'object',
    values: [amfObject({ app: 'live', n: 1 })],
    bytes: '03 0003617070 0200046c697665 00016e 003ff0000000000000 000009',
  },
  { name: 'object, empty', values: [amfObject()], bytes: '03 000009' },
  { name: 'object with an empty name', values: [amfObject({ '': null })], bytes: '03 0000 05 000009' },
  { name: 'object without its end', values: [amfObject({ a: null })], bytes: '03 000161 05', readOnly: true },
  {
    name: 'object without the last byte of its end',
    values: [amfObject({ a: null })],
    bytes: '03 000161 05 0000',
    readOnly: true,
  },
  { name: 'ECMA array', values: [ecmaArray({ w: true })], bytes: '08 00000001 000177 0101 000009' },
  {
    name: 'ECMA array of count 0',
    values: [ecmaArray({ w: true })],
    bytes: '08 00000000 000177 0101 000009',
    readOnly: true,
  },
  {
    name: 'ECMA array of a huge count',
    values: [ecmaArray({ w: true }), 'x'],
    bytes: '08 ffffffff 000177 0101 000009 02000178',
    readOnly: true,
  },
  {
    name: 'ECMA array without its end',
    values: [ecmaArray({ w: true })],
    bytes: '08 00000001 000177 0101',
    readOnly: true,
  },
  { name: 'strict array', values: [[null, 'a', [true]]], bytes: '0a 00000003 05 02000161 0a00000001 0101' },
  { name: 'strict array, empty', values: [[]], bytes: '0a 00000000' },
  { name: 'date', values: [new Date(1000)], bytes: '0b 408f400000000000 0000' },
  { name: 'date with a time zone', values: [new Date(1000)], bytes: '0b 408f400000000000 fe20', readOnly: true },
  { name: 'XML', values: [new AmfXml('<a/>')], bytes: '0f 00000004 3c612f3e' },
  { name: 'typed object', values: [typedObject('C', { a: 1 })], bytes: '10 000143 000161 003ff0000000000000 000009' },
  {
    name: 'reference',
    values: [[amfObject({ a: true }), amfObject({ a: true })]],
    bytes: '0a 00000002 03 000161 0101 000009 07 0001',
    readOnly: true,
  },
  { name: 'AMF3 by marker, and AMF0 again', values: [5, 'a', null], bytes: '11 0405 02000161 05', readOnly: true },
  { name: 'AMF3 byte array', values: [Buffer.of(1, 2)], bytes: '11 0c05 0102' },
  {
    name: 'key __proto__',
    values: [Object.defineProperty(amfObject(), '__proto__', { value: true, enumerable: true })],
    bytes: '03 0009 5f5f70726f746f5f5f 0101 000009',
  },
  {
    name: 'key constructor',
    values: [amfObject({ constructor: 'x' })],
    bytes: '03 000b 636f6e7374727563746f72 02000178 000009',
  },
  {
    name: 'text that is not UTF-8 (GBK)',
    values: [amfObject({ '\ufffd\ufffd': '\ufffd\u05b1' })],
    bytes: '03 0002 b2ff 02 0003 d6d6b1 000009',
    readOnly: true,
  },
];

export const amf3Vectors: readonly AmfVector[] = [
  { name: 'undefined, null, false, true', values: [undefined, null, false, true], bytes: '00 01 02 03' },
  { name: 'integer of 1 byte', values: [0, 127], bytes: '0400 047f' },
  { name: 'integer of 2 bytes', values: [128, 16383], bytes: '048100 04ff7f' },
  { name: 'integer of 3 bytes', values: [16384, 2097151], bytes: '04818000 04ffff7f' },
  { name: 'integer of 4 bytes', values: [2097152, 268435455], bytes: '0480c08000 04bfffffff' },
  { name: 'integer, negative', values: [-1, -268435456], bytes: '04ffffffff 04c0808000' },
  { name: 'double', values: [268435456, 0.5, -0], bytes: '0541b0000000000000 053fe0000000000000 058000000000000000' },
  { name: 'string', values: ['ab', ''], bytes: '06056162 0601' },
  { name: 'string by reference', values: ['ab', '', 'ab'], bytes: '06056162 0601 0600', readOnly: true },
  { name: 'XML document', values: [new AmfXml('<a/>')], bytes: '0709 3c612f3e', readOnly: true },
  { name: 'XML', values: [new AmfXml('<a/>')], bytes: '0b09 3c612f3e' },
  { name: 'date', values: [new Date(1000)], bytes: '0801 408f400000000000' },
  {
    name: 'date by reference',
    values: [new Date(1000), new Date(1000)],
    bytes: '0801 408f400000000000 0800',
    readOnly: true,
  },
  { name: 'array', values: [[1, 'a']], bytes: '0905 01 0401 060361' },
  { name: 'array with names', values: [ecmaArray({ a: true, 0: null })], bytes: '0903 036103 01 01', readOnly: true },
  { name: 'names only', values: [ecmaArray({ a: true })], bytes: '0901 0361 03 01' },
  { name: 'byte array', values: [Buffer.of(1, 2, 3)], bytes: '0c07 010203' },
  { name: 'dynamic object', values: [amfObject({ a: 1 })], bytes: '0a0b 01 0361 0401 01' },
  { name: 'typed dynamic object', values: [typedObject('C', { a: 1 })], bytes: '0a0b 0343 0361 0401 01' },
  { name: 'sealed object', values: [amfObject({ a: 1, b: null })], bytes: '0a23 01 0361 0362 0401 01', readOnly: true },
  {
    name: 'traits by reference',
    values: [amfObject({ a: 1 }), amfObject({ a: 2 })],
    bytes: '0a13 01 0361 0401 0a01 0402',
    readOnly: true,
  },
  { name: 'object by reference', values: [[amfObject(), amfObject()]], bytes: '0905 01 0a0b0101 0a02', readOnly: true },
  { name: 'vector of int', values: [[1, -1]], bytes: '0d05 00 00000001 ffffffff', readOnly: true },
  { name: 'vector of uint', values: [[1, 4294967295]], bytes: '0e05 00 00000001 ffffffff', readOnly: true },
  { name: 'vector of double', values: [[0.5]], bytes: '0f03 00 3fe0000000000000', readOnly: true },
  { name: 'vector of object', values: [['a', null]], bytes: '1005 00 01 060361 01', readOnly: true },
  { name: 'dictionary', values: [amfObject({ a: 1, 2: true })], bytes: '1105 00 060361 0401 0402 03', readOnly: true },
];
