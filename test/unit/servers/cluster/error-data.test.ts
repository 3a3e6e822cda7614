import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import * as errors from '../../../../src/errors.ts';
import { decodeError, encodeError } from '../../../../src/servers/cluster/error-data.ts';

/** The way between two processes. */
const travel = (thrown: unknown): Error => decodeError(deserialize(serialize(encodeError(thrown))));

const fieldsOf = (error: Error): object => Object.fromEntries(Object.entries(error));

const samples: readonly errors.NmsError[] = [
  new errors.ConfigError('rtmp.port', 'wrong'),
  new errors.ListenError('127.0.0.1:1', 'taken', { cause: new Error('EADDRINUSE') }),
  new errors.ProtocolError('NMS_PROTOCOL_FLV', 'broken', { position: 7, section: 'E.2', limit: 'maxMessageBytes' }),
  new errors.DeniedError('no'),
  new errors.BusyError('busy'),
  new errors.AbsentError('absent'),
  new errors.LimitError('maxConnections', 'full'),
  new errors.SlowError('slow'),
  new errors.TimeoutError('idleTimeoutMs', 'late'),
  new errors.ClosedError('closed'),
  new errors.EndError('over'),
  new errors.ConnectionError('reset'),
  new errors.RecordError('the disk is full'),
];

describe('an error that travels between processes', () => {
  test('every class of ours is among the samples', () => {
    const classes = Object.values(errors).filter((value) => typeof value === 'function' && value !== errors.NmsError);
    assert.deepEqual(new Set(samples.map((sample) => sample.constructor)), new Set(classes));
  });

  for (const sample of samples) {
    test(`${sample.name} arrives with its class, message, stack and fields, but for its cause`, () => {
      const arrived = travel(sample);
      assert.ok(arrived instanceof sample.constructor && arrived instanceof errors.NmsError);
      assert.deepEqual(fieldsOf(arrived), fieldsOf(sample));
      assert.deepEqual([arrived.message, arrived.stack], [sample.message, sample.stack]);
      assert.equal(arrived.cause, undefined);
    });
  }

  test('an embedder’s own subclass arrives as the class of ours that it extends', () => {
    class NoTicket extends errors.DeniedError {
      readonly ticket = { id: 1 };
      readonly price = 3;
    }
    const arrived = travel(new NoTicket('no ticket'));
    assert.ok(arrived instanceof errors.DeniedError);
    assert.equal(arrived.name, 'DeniedError');
    assert.deepEqual(fieldsOf(arrived), { code: 'NMS_DENIED', isFinal: false, name: 'DeniedError', price: 3 });
  });

  test('anything else that is thrown arrives as an error', () => {
    const arrived = travel(new RangeError('out'));
    assert.deepEqual([arrived.name, arrived.message, arrived instanceof errors.NmsError], ['RangeError', 'out', false]);
    assert.equal(travel('a text').message, 'a text');
    assert.equal(travel(undefined).message, 'undefined');
  });
});
