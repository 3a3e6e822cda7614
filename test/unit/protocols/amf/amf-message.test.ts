import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeAmfMessage, encodeAmfMessage } from '../../../../src/protocols/amf/amf-message.ts';
import { amfObject } from '../../../../src/protocols/amf/amf-value.ts';
import { hex } from '../../../vectors/amf.ts';

const connect = '02 0007 636f6e6e656374 00 3ff0000000000000';

describe('AMF messages', () => {
  test('AMF0 messages (types 18, 20) are values from their first byte', () => {
    assert.deepEqual(decodeAmfMessage(hex(connect), { amf3: false }), ['connect', 1]);
    assert.deepEqual(encodeAmfMessage(['connect', 1], { amf3: false }), hex(connect));
  });

  test('AMF3 messages (types 15, 17) begin with a format byte, then have AMF0 values', () => {
    assert.deepEqual(decodeAmfMessage(hex(`00 ${connect}`), { amf3: true }), ['connect', 1]);
    assert.deepEqual(encodeAmfMessage(['connect', 1], { amf3: true }), hex(`00 ${connect}`));
  });

  test('the format byte may be missing', () => {
    assert.deepEqual(decodeAmfMessage(hex(connect), { amf3: true }), ['connect', 1]);
  });

  test('a value switches to AMF3 by its marker, and only that value', () => {
    const bytes = hex(`00 ${connect} 11 0a0b 01 0761707 0 06 096c697665 01  05 11 0402`);
    assert.deepEqual(decodeAmfMessage(bytes, { amf3: true }), ['connect', 1, amfObject({ app: 'live' }), null, 2]);
  });

  test('strings of AMF3 values of one message share one table', () => {
    assert.deepEqual(decodeAmfMessage(hex('00 11 06 05 6162 11 06 00'), { amf3: true }), ['ab', 'ab']);
  });

  test('in an AMF0 message a first byte 0 is a number', () => {
    assert.deepEqual(decodeAmfMessage(hex('00 3ff0000000000000'), { amf3: false }), [1]);
  });
});
