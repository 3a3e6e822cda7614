import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { maxAggregateMessages, splitAggregate } from '../../../../src/protocols/flv/aggregate.ts';
import { encodeTag } from '../../../../src/protocols/flv/flv-tag.ts';
import { assertProtocolError } from '../../../support/errors.ts';

function tag(type: number, timestampMs: number, ...body: number[]): Buffer {
  return encodeTag({ type, timestampMs, body: Buffer.from(body) });
}

const three = Buffer.concat([tag(9, 1000, 1, 2), tag(8, 1010, 3), tag(18, 990)]);

describe('aggregate messages', () => {
  test('hold tags, whose stamps begin at the stamp of the message', () => {
    assert.deepEqual(splitAggregate(three, 50), [
      { type: 9, timestampMs: 50, body: Buffer.of(1, 2) },
      { type: 8, timestampMs: 60, body: Buffer.of(3) },
      { type: 18, timestampMs: 40, body: Buffer.alloc(0) },
    ]);
  });

  test('stamps of 32 bits wrap', () => {
    const body = Buffer.concat([tag(8, 0xfffffff0), tag(8, 0x10)]);
    assert.deepEqual(
      splitAggregate(body, 0xfffffffe).map(({ timestampMs }) => timestampMs),
      [0xfffffffe, 0x1e],
    );
  });

  test('bodies are views', () => {
    assert.ok(splitAggregate(three, 0)[0]!.body.buffer === three.buffer);
  });

  test('the last back pointer may be missing or cut', () => {
    for (const cut of [1, 2, 3, 4]) {
      assert.equal(splitAggregate(three.subarray(0, -cut), 0).length, 3);
    }
  });

  test('back pointers are not believed', () => {
    const wrong = Buffer.from(three);
    wrong.fill(0xff, 13, 17);
    assert.deepEqual(splitAggregate(wrong, 50), splitAggregate(three, 50));
  });

  test('nothing holds nothing', () => {
    assert.deepEqual(splitAggregate(Buffer.alloc(0), 0), []);
  });

  test('a cut header or body is refused', () => {
    assertProtocolError(() => splitAggregate(three.subarray(0, 20), 0), 'NMS_PROTOCOL_FLV', /11 bytes needed, 3 left/);
    assertProtocolError(() => splitAggregate(three.subarray(0, 12), 0), 'NMS_PROTOCOL_FLV', /2 bytes needed, 1 left/);
  });

  test('an aggregate does not hold aggregates', () => {
    assertProtocolError(() => splitAggregate(tag(22, 0), 0), 'NMS_PROTOCOL_FLV', /aggregate inside an aggregate/);
  });

  test('the number of messages is bounded', () => {
    const full = Buffer.concat(Array.from({ length: maxAggregateMessages }, () => tag(8, 0)));
    assert.equal(splitAggregate(full, 0).length, maxAggregateMessages);
    assertProtocolError(
      () => splitAggregate(Buffer.concat([full, tag(8, 0)]), 0),
      'NMS_PROTOCOL_FLV',
      /more than 4096 messages/,
    );
  });
});
