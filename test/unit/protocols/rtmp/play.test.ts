import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AmfValue } from '../../../../src/protocols/amf/amf-value.ts';
import { encodeAmf0 } from '../../../../src/protocols/amf/amf0.ts';
import { encodeUserControl } from '../../../../src/protocols/rtmp/messages/user-control.ts';
import { bodies, call, clientHandshake, Conversation, manyCuts, u32, wire } from '../../../support/rtmp-wire.ts';
import { splits } from '../../../support/splits.ts';

const SAMPLE_ACCESS = encodeAmf0(['|RtmpSampleAccess', true, true]).toString('hex');

function started(id: number): string[] {
  return [
    `4 @0 00000000000${id}`,
    `20 @${id} onStatus 0 NetStream.Play.Reset`,
    `20 @${id} onStatus 0 NetStream.Play.Start`,
    `18 @${id} ${SAMPLE_ACCESS}`,
  ];
}

function bufferLength(streamId: number, bufferMs: number): Buffer {
  return wire(
    { chunkStreamId: 2, typeId: 4, timestamp: 1 },
    encodeUserControl({ event: 'setBufferLength', value: streamId, bufferMs }),
  );
}

const windowAckSize = wire({ chunkStreamId: 2, typeId: 5 }, u32(5_000_000));

/** What the server says and means behind connect; the same for every way of cutting the bytes. */
function converse(connect: Record<string, AmfValue>, bytes: Buffer): { said: string[]; meant: string[] } {
  const result = (pieces: readonly Buffer[]): { said: string[]; meant: string[] } => {
    const conversation = Conversation.connected(connect);
    conversation.send(...pieces);
    return { said: conversation.take(), meant: conversation.takeEvents() };
  };
  const whole = result([bytes]);
  for (const { chunks: pieces } of splits(bytes, manyCuts)) assert.deepEqual(result(pieces), whole);
  return whole;
}

describe('a play conversation', () => {
  test('as FFmpeg and VLC have it', () => {
    const { said, meant } = converse(
      {
        app: 'live',
        flashVer: 'LNX 9,0,124,2',
        tcUrl: 'rtmp://127.0.0.1:1935/live',
        fpad: false,
        capabilities: 15,
        audioCodecs: 4071,
        videoCodecs: 252,
        videoFunction: 1,
      },
      Buffer.concat([
        windowAckSize,
        call('createStream', 2, [null]),
        call('getStreamLength', 3, [null, 'a'], { chunkStreamId: 8 }),
        call('play', 4, [null, 'a', -2000], { chunkStreamId: 8, streamId: 1 }),
        bufferLength(1, 3000),
      ]),
    );
    assert.deepEqual(said, ['20 @0 _result 2 1', '20 @0 _result 3 0', ...started(1)]);
    assert.deepEqual(meant, ['connect live', 'play @1 live a -2000']);
  });

  test('as rtmpdump has it', () => {
    const { said, meant } = converse(
      { app: 'live', flashVer: 'LNX 10,0,32,18', tcUrl: 'rtmp://127.0.0.1/live', fpad: false, capabilities: 15 },
      Buffer.concat([
        windowAckSize,
        bufferLength(0, 300),
        call('createStream', 2, [null]),
        call('FCSubscribe', 3, [null, 'a']),
        call('play', 4, [null, 'a', -1000, 60_000], { chunkStreamId: 8, streamId: 1 }),
        // Format 3 begins the message, with the header of the last one on its chunk stream.
        Buffer.concat([
          Buffer.of(0xc2),
          encodeUserControl({ event: 'setBufferLength', value: 1, bufferMs: 36_000_000 }),
        ]),
      ]),
    );
    assert.deepEqual(said, [
      '20 @0 _result 2 1',
      '20 @0 _result 3 undefined',
      '20 @0 onFCSubscribe 0 NetStream.Play.Start',
      ...started(1),
    ]);
    assert.deepEqual(meant, ['connect live', 'play @1 live a -1000']);
  });

  test('as GStreamer rtmp2src has it', () => {
    const { said, meant } = converse(
      { app: 'live', tcUrl: 'rtmp://127.0.0.1/live' },
      Buffer.concat([call('createStream', 2, [null]), call('play', 0, [null, 'a', -2], { streamId: 1 })]),
    );
    assert.deepEqual(said, ['20 @0 _result 2 1', ...started(1)]);
    assert.deepEqual(meant, ['connect live', 'play @1 live a -2']);
  });

  test('as the SRS regression client has it', () => {
    const { said, meant } = converse(
      { tcUrl: 'rtmp://127.0.0.1/live' },
      Buffer.concat([
        call('createStream', 2, [null]),
        call('play', 3, [null, 'livestream'], { chunkStreamId: 5, streamId: 1 }),
      ]),
    );
    assert.deepEqual(said, ['20 @0 _result 2 1', ...started(1)]);
    assert.deepEqual(meant, ['connect live', 'play @1 live livestream -2']);
  });
});

describe('a play', () => {
  function playing(options = {}): Conversation {
    const conversation = Conversation.connected({ app: 'live' }, options);
    conversation.send(call('createStream', 2, [null]), call('play', 3, [null, 'a'], { streamId: 1 }));
    conversation.take();
    conversation.takeEvents();
    return conversation;
  }

  /** Connected and asked, not answered. */
  function asking(): Conversation {
    const conversation = new Conversation({ answers: false });
    conversation.send(clientHandshake, call('connect', 1, [{ app: 'live' }]));
    conversation.protocol.acceptConnect();
    conversation.send(call('createStream', 2, [null]), call('play', 3, [null, 'a'], { streamId: 1 }));
    conversation.take();
    conversation.takeEvents();
    return conversation;
  }

  for (const args of [[-2], [-2000], [-1000], [-1], [0], [], [-2, -1], [-2, 1000], [-2, -1, true], [-2, -1, 1]]) {
    test(`with the arguments ${JSON.stringify(args)} is accepted as live`, () => {
      const conversation = Conversation.connected();
      conversation.send(call('createStream', 2, [null]), call('play', 3, [null, 'a', ...args], { streamId: 1 }));
      assert.deepEqual(conversation.take().slice(1), started(1));
      assert.equal(conversation.takeEvents().at(-1), `play @1 live a ${args[0] ?? -2}`);
    });
  }

  test('that does not reset is not told of a reset', () => {
    const conversation = Conversation.connected();
    conversation.send(call('createStream', 2, [null]), call('play', 3, [null, 'a', -2, -1, false], { streamId: 1 }));
    assert.deepEqual(conversation.take().slice(2), started(1).slice(2));
  });

  test('does not stop the parsing before it is answered', () => {
    const conversation = asking();
    conversation.send(wire({ typeId: 4 }, Buffer.from('000600000001', 'hex')));
    assert.deepEqual(conversation.take(), ['4 @0 000700000001']);
    conversation.protocol.acceptPlay(1);
    assert.deepEqual(conversation.take(), started(1));
    conversation.protocol.acceptPlay(1);
    assert.deepEqual(conversation.take(), []);
  });

  test('that is refused, or has to be ended, is told so on its message stream', () => {
    const conversation = asking();
    conversation.protocol.rejectStream(1, 'NetStream.Play.StreamNotFound', 'no such stream');
    assert.deepEqual(conversation.take(), ['20 @1 onStatus 0 NetStream.Play.StreamNotFound']);
    const running = playing();
    running.protocol.rejectStream(1, 'NetStream.Play.Failed', 'too slow');
    assert.deepEqual(running.take(), ['20 @1 onStatus 0 NetStream.Play.Failed']);
    running.protocol.rejectStream(1, 'NetStream.Play.Failed', 'again');
    assert.deepEqual([running.take(), running.takeEvents()], [[], []]);
  });

  test('that was closed before the answer is not answered', () => {
    const conversation = asking();
    conversation.send(call('closeStream', 0, [null], { streamId: 1 }));
    assert.deepEqual(conversation.takeEvents(), ['close @1 closeStream']);
    conversation.protocol.acceptPlay(1);
    conversation.protocol.rejectStream(1, 'NetStream.Play.Failed', 'late');
    assert.deepEqual(conversation.take(), []);
  });

  for (const [by, end] of [
    ['deleteStream', call('deleteStream', 4, [null, 1])],
    ['closeStream', call('closeStream', 0, [null], { streamId: 1 })],
    ['play', call('play', 0, [null, false], { streamId: 1 })],
  ] as const) {
    test(`is ended once by ${by}`, () => {
      const conversation = playing();
      conversation.send(end, end);
      assert.deepEqual(conversation.takeEvents(), [`close @1 ${by}`]);
      assert.deepEqual(conversation.take(), []);
      conversation.protocol.streamEnd(1);
      conversation.protocol.streamReturn(1);
      assert.deepEqual(conversation.take(), []);
    });
  }

  test('of another stream replaces the one before', () => {
    const conversation = playing();
    conversation.send(call('play', 4, [null, 'b'], { streamId: 1 }));
    assert.deepEqual(conversation.takeEvents(), ['close @1 play', 'play @1 live b -2']);
    assert.deepEqual(conversation.take(), started(1));
  });

  test('hears of the publisher’s end and return', () => {
    const conversation = playing();
    conversation.protocol.streamEnd(1);
    assert.deepEqual(conversation.take(), ['4 @0 000100000001', '20 @1 onStatus 0 NetStream.Play.UnpublishNotify']);
    conversation.protocol.streamReturn(1);
    assert.deepEqual(conversation.take(), [
      '4 @0 000000000001',
      '20 @1 onStatus 0 NetStream.Play.PublishNotify',
      `18 @1 ${SAMPLE_ACCESS}`,
    ]);
  });

  for (const name of ['pause', 'pauseRaw']) {
    test(`is paused and resumed by ${name}, said when it changes and answered every time`, () => {
      const conversation = playing();
      const pause = (isPaused: boolean): Buffer => call(name, 0, [null, isPaused, 1000], { streamId: 1 });
      conversation.send(pause(true), pause(true), pause(false));
      assert.deepEqual(conversation.take(), [
        '20 @1 onStatus 0 NetStream.Pause.Notify',
        '20 @1 onStatus 0 NetStream.Pause.Notify',
        '20 @1 onStatus 0 NetStream.Unpause.Notify',
      ]);
      assert.deepEqual(conversation.takeEvents(), ['pause @1 true', 'pause @1 false']);
    });
  }

  test('can do without sound or picture', () => {
    const conversation = playing();
    const receive = (name: string, isWanted: boolean): Buffer => call(name, 0, [null, isWanted], { streamId: 1 });
    conversation.send(receive('receiveVideo', false), receive('receiveAudio', false), receive('receiveAudio', false));
    assert.deepEqual(conversation.take(), []);
    assert.deepEqual(conversation.takeEvents(), ['receive @1 true false', 'receive @1 false false']);
    conversation.send(receive('receiveVideo', true));
    assert.deepEqual(conversation.take(), [
      '20 @1 onStatus 0 NetStream.Seek.Notify',
      '20 @1 onStatus 0 NetStream.Play.Start',
    ]);
    assert.deepEqual(conversation.takeEvents(), ['receive @1 false true']);
  });

  test('can have said so before it began', () => {
    const conversation = Conversation.connected();
    conversation.send(call('createStream', 2, [null]), call('receiveAudio', 0, [null, false], { streamId: 1 }));
    conversation.takeEvents();
    conversation.send(call('play', 3, [null, 'a'], { streamId: 1 }));
    assert.deepEqual(conversation.takeEvents(), ['play @1 live a -2', 'receive @1 false true']);
  });

  test('goes on when it is asked to seek or to switch', () => {
    const conversation = playing();
    conversation.send(
      call('seek', 0, [null, 5000], { streamId: 1 }),
      call('play2', 0, [null, { streamName: 'b' }], { streamId: 1 }),
    );
    assert.deepEqual(conversation.take(), [
      '20 @1 onStatus 0 NetStream.Seek.Notify',
      '20 @1 onStatus 0 NetStream.Seek.Failed',
    ]);
    assert.deepEqual(conversation.takeEvents(), []);
  });

  test('runs beside a publish on one connection', () => {
    const conversation = Conversation.connected();
    conversation.send(
      call('createStream', 2, [null]),
      call('createStream', 3, [null]),
      call('publish', 4, [null, 'a', 'live'], { streamId: 1 }),
      call('play', 5, [null, 'b'], { streamId: 2 }),
      wire({ typeId: 9, streamId: 1 }, bodies.key),
      wire({ typeId: 9, streamId: 2 }, bodies.key),
      call('deleteStream', 0, [null, 2]),
      wire({ typeId: 9, streamId: 1, timestamp: 40 }, bodies.frame),
    );
    assert.deepEqual(conversation.take(), [
      '20 @0 _result 2 1',
      '20 @0 _result 3 2',
      '4 @0 000000000001',
      '20 @1 onStatus 0 NetStream.Publish.Start',
      ...started(2),
    ]);
    assert.deepEqual(conversation.takeEvents(), [
      'connect live',
      'publish @1 live a live',
      'play @2 live b -2',
      'packet @1 video key 0',
      'close @2 deleteStream',
      'packet @1 video frame 40',
    ]);
    assert.equal(conversation.protocol.counters.strayMessages, 1);
  });
});
