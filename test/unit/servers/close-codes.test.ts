import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  AbsentError,
  BusyError,
  ClosedError,
  ConnectionError,
  DeniedError,
  EndError,
  LimitError,
  ProtocolError,
  SlowError,
  TimeoutError,
} from '../../../src/errors.ts';
import { closeCodeFor, closeText } from '../../../src/servers/flv/close-codes.ts';

describe('WebSocket close codes', () => {
  test('every reason has its code', () => {
    const expected: [Error, boolean, number][] = [
      [new EndError('x'), false, 1000],
      [new EndError('x'), true, 1001],
      [new ClosedError('x'), true, 1001],
      [new ClosedError('x'), false, 1008],
      [new SlowError('x'), false, 1008],
      [new DeniedError('x'), false, 1008],
      [new TimeoutError('pingIntervalMs', 'x'), false, 1008],
      [new ConnectionError('x'), false, 1008],
      [new AbsentError('x'), false, 1013],
      [new BusyError('x'), false, 1013],
      [new LimitError('maxConnections', 'x'), false, 1013],
      [new ProtocolError('NMS_PROTOCOL_WEBSOCKET', 'x'), false, 1003],
      [new ProtocolError('NMS_PROTOCOL_FLV', 'x'), false, 1007],
      [new ProtocolError('NMS_PROTOCOL_FLV', 'too long', { limit: 'maxMessageBytes' }), false, 1009],
      [new Error('x'), false, 1011],
    ];
    for (const [reason, isStopping, code] of expected) {
      assert.equal(closeCodeFor(reason, isStopping), code, `${reason.name} ${isStopping}`);
    }
  });

  test('the text fits into a close frame, whatever the message, and is cut between characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (message) => {
        const text = closeText(new SlowError(message));
        assert.ok(Buffer.byteLength(text) <= 123);
        assert.ok(message.startsWith(text));
        assert.equal(Buffer.from(text).toString(), text);
      }),
    );
  });

  test('what nobody foresaw is not shown', () => {
    assert.equal(closeText(new Error('a secret')), 'the server failed');
  });
});
