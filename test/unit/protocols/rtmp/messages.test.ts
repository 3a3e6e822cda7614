import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '../../../../src/errors.ts';
import { wireLimits } from '../../../../src/media/limits.ts';
import { amfObject } from '../../../../src/protocols/amf/amf-value.ts';
import { encodeAmf0 } from '../../../../src/protocols/amf/amf0.ts';
import { answersTo, callArguments } from '../../../../src/protocols/rtmp/messages/call.ts';
import {
  type Command,
  decodeCommand,
  encodeCommand,
  readStatus,
  statusCommand,
} from '../../../../src/protocols/rtmp/messages/command.ts';
import * as control from '../../../../src/protocols/rtmp/messages/protocol-control.ts';
import { decodeUserControl, encodeUserControl } from '../../../../src/protocols/rtmp/messages/user-control.ts';

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

describe('protocol control messages', () => {
  for (const [name, encode, decode] of [
    ['Set Chunk Size', control.encodeSetChunkSize, control.decodeSetChunkSize],
    ['Abort', control.encodeAbort, control.decodeAbort],
    ['Acknowledgement', control.encodeAcknowledgement, control.decodeAcknowledgement],
    ['Window Acknowledgement Size', control.encodeWindowAckSize, control.decodeWindowAckSize],
  ] as const) {
    test(`${name} is four bytes, and more are let be`, () => {
      assert.equal(encode(0x010203).toString('hex'), '00010203');
      assert.equal(decode(hex('00010203')), 0x010203);
      assert.equal(decode(hex('00010203ff')), 0x010203);
    });
  }

  test('all but Set Chunk Size mean nothing when they are short', () => {
    assert.equal(control.decodeAbort(hex('0001')), null);
    assert.equal(control.decodeAcknowledgement(hex('')), null);
    assert.equal(control.decodeWindowAckSize(hex('000102')), null);
    assert.equal(control.decodeSetPeerBandwidth(hex('004c4b40')), null);
  });

  test('Set Peer Bandwidth has a limit type, hard, soft or dynamic', () => {
    for (const [limitType, byte] of [
      ['hard', '00'],
      ['soft', '01'],
      ['dynamic', '02'],
    ] as const) {
      const bytes = hex(`004c4b40${byte}`);
      assert.deepEqual(control.encodeSetPeerBandwidth({ windowSize: 5_000_000, limitType }), bytes);
      assert.deepEqual(control.decodeSetPeerBandwidth(bytes), { windowSize: 5_000_000, limitType });
    }
    assert.equal(control.decodeSetPeerBandwidth(hex('004c4b4003')), null);
  });
});

describe('user control messages', () => {
  for (const [bytes, message] of [
    ['000000000001', { event: 'streamBegin', value: 1 }],
    ['000100000001', { event: 'streamEof', value: 1 }],
    ['000200000001', { event: 'streamDry', value: 1 }],
    ['00030000000100000bb8', { event: 'setBufferLength', value: 1, bufferMs: 3000 }],
    ['000400000001', { event: 'streamIsRecorded', value: 1 }],
    ['0006deadbeef', { event: 'pingRequest', value: 0xdeadbeef }],
    ['0007deadbeef', { event: 'pingResponse', value: 0xdeadbeef }],
  ] as const) {
    test(`${message.event} is ${bytes}`, () => {
      assert.deepEqual(decodeUserControl(hex(bytes)), message);
      assert.equal(encodeUserControl(message).toString('hex'), bytes);
    });
  }

  test('unknown and short ones mean nothing', () => {
    for (const bytes of [
      '',
      '00',
      '0006',
      '0006deadbe',
      '000300000001',
      '000300000001 00000b'.replace(' ', ''),
      '001a',
      '001f00000001',
      'ffff00000000',
    ]) {
      assert.equal(decodeUserControl(hex(bytes)), null);
    }
  });
});

describe('commands', () => {
  const command: Command = { name: 'play', transactionId: 4, values: [null, 'a', -2000] };
  const bytes =
    '020004' + Buffer.from('play').toString('hex') + '004010000000000000' + '05' + '02000161' + '00c09f400000000000';

  test('are a name, a transaction id and values', () => {
    assert.equal(encodeCommand(command, { amf3: false }).toString('hex'), bytes);
    assert.deepEqual(decodeCommand(hex(bytes), { amf3: false }, wireLimits), command);
  });

  test('of the AMF3 type begin with a format byte 0, which may be missing', () => {
    assert.equal(encodeCommand(command, { amf3: true }).toString('hex'), `00${bytes}`);
    assert.deepEqual(decodeCommand(hex(`00${bytes}`), { amf3: true }, wireLimits), command);
    assert.deepEqual(decodeCommand(hex(bytes), { amf3: true }, wireLimits), command);
  });

  test('may have values that switch to AMF3', () => {
    const body = Buffer.concat([hex('00'), encodeAmf0(['play', 4, null]), hex('11060361')]);
    assert.deepEqual(decodeCommand(body, { amf3: true }, wireLimits).values, [null, 'a']);
  });

  test('without a transaction id have 0', () => {
    assert.deepEqual(decodeCommand(encodeAmf0(['x']), { amf3: false }, wireLimits), {
      name: 'x',
      transactionId: 0,
      values: [],
    });
    assert.equal(decodeCommand(encodeAmf0(['x', null, 'y']), { amf3: false }, wireLimits).transactionId, 0);
  });

  test('without a name, cut short, or nested too deep are ProtocolErrors', () => {
    const deep = Buffer.concat([
      encodeAmf0(['x', 1]),
      ...Array.from({ length: 40 }, () => hex('0a00000001')),
      hex('05'),
    ]);
    const long = Buffer.concat([encodeAmf0(['x', 1]), hex('0affffffff')]);
    for (const body of [hex(''), encodeAmf0([1, 2]), hex(bytes.slice(0, -2)), deep, long]) {
      assert.throws(() => decodeCommand(body, { amf3: false }, wireLimits), ProtocolError);
    }
  });

  test('onStatus has transaction id 0 and null before its information', () => {
    const info = { level: 'error', code: 'NetStream.Play.Failed', description: 'no' } as const;
    assert.deepEqual(statusCommand(info), { name: 'onStatus', transactionId: 0, values: [null, info] });
    assert.deepEqual(readStatus(statusCommand(info)), info);
  });

  test('readStatus takes what is not there for a plain status, and no information for null', () => {
    const values = [null, amfObject({ code: 'X' })];
    assert.deepEqual(readStatus({ name: 'onStatus', transactionId: 0, values }), {
      level: 'status',
      code: 'X',
      description: '',
    });
    assert.equal(readStatus({ name: 'onStatus', transactionId: 0, values: [null, 'X'] }), null);
  });
});

describe('calls', () => {
  const names = (command: Command): string[] =>
    answersTo(command).map((answer) => `${answer.name} ${answer.transactionId}`);

  test('have their arguments behind the command object, or at once without one', () => {
    assert.deepEqual(callArguments({ name: 'publish', transactionId: 5, values: [null, 'a', 'live'] }), ['a', 'live']);
    assert.deepEqual(callArguments({ name: 'publish', transactionId: 5, values: [amfObject(), 'a'] }), ['a']);
    assert.deepEqual(callArguments({ name: 'publish', transactionId: 5, values: ['a', 'live'] }), ['a', 'live']);
    assert.deepEqual(callArguments({ name: 'publish', transactionId: 5, values: [] }), []);
  });

  test('are answered with a _result of their transaction id, and not at all with 0', () => {
    assert.deepEqual(answersTo({ name: 'releaseStream', transactionId: 2, values: [null, 'a'] }), [
      { name: '_result', transactionId: 2, values: [null, undefined] },
    ]);
    assert.deepEqual(answersTo({ name: 'getStreamLength', transactionId: 3, values: [null, 'a'] }), [
      { name: '_result', transactionId: 3, values: [null, 0] },
    ]);
    for (const name of ['_checkbw', 'checkBandwidth', 'set_playlist', 'nonsense']) {
      assert.deepEqual(names({ name, transactionId: 9, values: [] }), ['_result 9']);
      assert.deepEqual(names({ name, transactionId: 0, values: [] }), []);
    }
  });

  test('that are answers themselves are not answered', () => {
    for (const name of ['_result', '_error', 'onStatus']) {
      assert.deepEqual(names({ name, transactionId: 9, values: [] }), []);
    }
  });

  test('onFCPublish and its like have a transaction id 0, null, and the name without its query', () => {
    for (const [name, notice, code] of [
      ['FCPublish', 'onFCPublish', 'NetStream.Publish.Start'],
      ['FCUnpublish', 'onFCUnpublish', 'NetStream.Unpublish.Success'],
      ['FCSubscribe', 'onFCSubscribe', 'NetStream.Play.Start'],
    ] as const) {
      const [result, told, ...more] = answersTo({ name, transactionId: 3, values: [null, 'a?token=secret'] });
      assert.equal(result?.name, '_result');
      assert.deepEqual(told, {
        name: notice,
        transactionId: 0,
        values: [null, { level: 'status', code, description: 'a' }],
      });
      assert.deepEqual(more, []);
      assert.deepEqual(names({ name, transactionId: 0, values: [null, 'a'] }), [`${notice} 0`]);
    }
  });
});
