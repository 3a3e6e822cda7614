import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AmfValue } from '../../../../src/protocols/amf/amf-value.ts';
import { encodeAmf0 } from '../../../../src/protocols/amf/amf0.ts';
import { bodies, call, clientHandshake, Conversation, manyCuts, u32, wire } from '../../../support/rtmp-wire.ts';
import { splits } from '../../../support/splits.ts';

/** The answers to connect; SetChunkSize is followed, not shown. */
const CONNECTED = [
  '5 @0 004c4b40',
  '6 @0 004c4b4002',
  '20 @0 _result 1 {"fmsVer":"FMS/3,0,1,123","capabilities":31,"mode":1} NetConnection.Connect.Success',
];
const STARTED = ['4 @0 000000000001', '20 @1 onStatus 0 NetStream.Publish.Start'];
const MEDIA = [
  'packet @1 data metadata 0',
  'packet @1 video config 0',
  'packet @1 audio config 0',
  'packet @1 video key 0',
  'packet @1 audio frame 23',
  'packet @1 video frame 40',
];

interface Step {
  readonly send: Buffer;
  readonly says?: readonly string[];
  readonly means?: readonly string[];
}

/** Goes step by step and compares; then the same bytes again in every way of cutting them, comparing the whole. */
function converse(steps: readonly Step[]): Conversation {
  const conversation = new Conversation();
  const said: string[] = [];
  const meant: string[] = [];
  for (const step of steps) {
    conversation.send(step.send);
    const lines = conversation.take();
    const events = conversation.takeEvents();
    assert.deepEqual(lines, step.says ?? []);
    assert.deepEqual(events, step.means ?? []);
    said.push(...lines);
    meant.push(...events);
  }
  for (const { chunks: pieces } of splits(Buffer.concat(steps.map(({ send }) => send)), manyCuts)) {
    const again = new Conversation();
    again.send(...pieces);
    assert.deepEqual(again.take(), said);
    assert.deepEqual(again.takeEvents(), meant);
  }
  return conversation;
}

interface Streams {
  readonly data: number;
  readonly audio: number;
  readonly video: number;
}

function media({ data, audio, video }: Streams, chunkSize: number): Buffer {
  return Buffer.concat([
    wire({ chunkStreamId: data, typeId: 18, streamId: 1 }, bodies.metadata, chunkSize),
    wire({ chunkStreamId: video, typeId: 9, streamId: 1 }, bodies.videoConfig, chunkSize),
    wire({ chunkStreamId: audio, typeId: 8, streamId: 1 }, bodies.audioConfig, chunkSize),
    wire({ chunkStreamId: video, typeId: 9, streamId: 1 }, bodies.key, chunkSize),
    wire({ chunkStreamId: audio, typeId: 8, streamId: 1, timestamp: 23 }, bodies.audio, chunkSize),
    wire({ chunkStreamId: video, typeId: 9, streamId: 1, timestamp: 40 }, bodies.frame, chunkSize),
  ]);
}

function connect(properties: Record<string, AmfValue>, chunkSize = 128): Buffer {
  return call('connect', 1, [properties], {}, chunkSize);
}

function setChunkSize(size: number): Buffer {
  return wire({ chunkStreamId: 2, typeId: 1 }, u32(size));
}

const END = {
  says: ['20 @0 _result 6 undefined', '20 @0 onFCUnpublish 0 NetStream.Unpublish.Success'],
  means: ['close @1 FCUnpublish'],
};

describe('a publish conversation', () => {
  test('as FFmpeg has it', () => {
    const conversation = converse([
      { send: clientHandshake },
      {
        send: connect({
          app: 'live',
          type: 'nonprivate',
          flashVer: 'FMLE/3.0 (compatible; Lavf59.27.100)',
          tcUrl: 'rtmp://127.0.0.1:1935/live',
        }),
        says: CONNECTED,
        means: ['connect live'],
      },
      {
        send: Buffer.concat([
          setChunkSize(65536),
          call('releaseStream', 2, [null, 'a?token=x']),
          call('FCPublish', 3, [null, 'a?token=x']),
          call('createStream', 4, [null]),
        ]),
        says: [
          '20 @0 _result 2 undefined',
          '20 @0 _result 3 undefined',
          '20 @0 onFCPublish 0 NetStream.Publish.Start',
          '20 @0 _result 4 1',
        ],
      },
      {
        send: call('publish', 5, [null, 'a?token=x', 'live'], { chunkStreamId: 8, streamId: 1 }),
        says: STARTED,
        means: ['publish @1 live a live'],
      },
      { send: media({ data: 4, audio: 4, video: 6 }, 65536), means: MEDIA },
      { send: call('FCUnpublish', 6, [null, 'a?token=x']), ...END },
      { send: call('deleteStream', 7, [null, 1]) },
    ]);
    assert.equal(conversation.chunkSize, 65536);
  });

  test('as OBS has it', () => {
    converse([
      { send: clientHandshake },
      {
        send: Buffer.concat([
          setChunkSize(4096),
          connect(
            {
              app: 'live',
              type: 'nonprivate',
              flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)',
              swfUrl: 'rtmp://127.0.0.1/live',
              tcUrl: 'rtmp://127.0.0.1/live',
            },
            4096,
          ),
        ]),
        says: CONNECTED,
        means: ['connect live'],
      },
      { send: call('releaseStream', 2, [null, 'key']), says: ['20 @0 _result 2 undefined'] },
      {
        send: call('FCPublish', 3, [null, 'key']),
        says: ['20 @0 _result 3 undefined', '20 @0 onFCPublish 0 NetStream.Publish.Start'],
      },
      { send: call('createStream', 4, [null]), says: ['20 @0 _result 4 1'] },
      {
        send: call('publish', 5, [null, 'key', 'live'], { chunkStreamId: 4, streamId: 1 }),
        says: STARTED,
        means: ['publish @1 live key live'],
      },
      { send: media({ data: 4, audio: 4, video: 4 }, 4096), means: MEDIA },
      { send: call('FCUnpublish', 6, [null, 'key']), ...END },
      { send: call('deleteStream', 7, [null, 1]) },
    ]);
  });

  test('as GStreamer rtmp2sink has it: transaction ids 0, chunks of 128 bytes', () => {
    converse([
      { send: clientHandshake },
      {
        send: connect({ app: 'live', tcUrl: 'rtmp://127.0.0.1:1935/live', flashVer: 'LNX 10,0,32,18' }),
        says: CONNECTED,
        means: ['connect live'],
      },
      { send: wire({ chunkStreamId: 2, typeId: 5 }, u32(5_000_000)) },
      {
        send: Buffer.concat([
          call('releaseStream', 0, [null, 'g']),
          call('FCPublish', 0, [null, 'g']),
          call('createStream', 2, [null]),
        ]),
        says: ['20 @0 onFCPublish 0 NetStream.Publish.Start', '20 @0 _result 2 1'],
      },
      {
        send: call('publish', 0, [null, 'g', 'live'], { streamId: 1 }),
        says: STARTED,
        means: ['publish @1 live g live'],
      },
      // Format 1 on a chunk stream that format 0 has opened.
      { send: Buffer.concat([Buffer.from('4200000000000401', 'hex'), u32(128)]) },
      { send: media({ data: 4, audio: 5, video: 6 }, 128), means: MEDIA },
      { send: call('deleteStream', 0, [null, 1]), means: ['close @1 deleteStream'] },
    ]);
  });

  test('as librtmp has it: no flashVer, no chunk size', () => {
    converse([
      { send: clientHandshake },
      {
        send: connect({ app: 'live', type: 'nonprivate', tcUrl: 'rtmp://127.0.0.1/live' }),
        says: CONNECTED,
        means: ['connect live'],
      },
      { send: call('releaseStream', 2, [null, 'key']), says: ['20 @0 _result 2 undefined'] },
      {
        send: call('FCPublish', 3, [null, 'key']),
        says: ['20 @0 _result 3 undefined', '20 @0 onFCPublish 0 NetStream.Publish.Start'],
      },
      { send: call('createStream', 4, [null]), says: ['20 @0 _result 4 1'] },
      {
        send: call('publish', 5, [null, 'key', 'live'], { chunkStreamId: 4, streamId: 1 }),
        says: STARTED,
        means: ['publish @1 live key live'],
      },
      { send: media({ data: 4, audio: 4, video: 4 }, 128), means: MEDIA },
    ]);
  });

  test('as the SRS regression client has it: tcUrl without app', () => {
    converse([
      { send: clientHandshake },
      { send: connect({ tcUrl: 'rtmp://127.0.0.1/live' }), says: CONNECTED, means: ['connect live'] },
      { send: call('createStream', 2, [null]), says: ['20 @0 _result 2 1'] },
      {
        send: call('publish', 3, [null, 'livestream', 'live'], { chunkStreamId: 5, streamId: 1 }),
        says: STARTED,
        means: ['publish @1 live livestream live'],
      },
      { send: media({ data: 6, audio: 6, video: 6 }, 128), means: MEDIA },
    ]);
  });

  test('with AMF3 is answered in AMF3 messages, and AMF3 data is read', () => {
    const amf3 = (values: readonly AmfValue[], streamId = 0): Buffer =>
      wire({ typeId: 17, streamId }, Buffer.concat([Buffer.of(0), encodeAmf0(values)]));
    const answers = CONNECTED.map((line) => line.replace('20 @0', '17 @0'));
    converse([
      { send: clientHandshake },
      { send: connect({ app: 'live', objectEncoding: 3 }), says: answers, means: ['connect live'] },
      { send: amf3(['createStream', 2, null]), says: ['17 @0 _result 2 1'] },
      {
        send: amf3(['publish', 3, null, 'a', 'live'], 1),
        says: ['4 @0 000000000001', '17 @1 onStatus 0 NetStream.Publish.Start'],
        means: ['publish @1 live a live'],
      },
      {
        send: wire({ typeId: 15, streamId: 1 }, Buffer.concat([Buffer.of(0), bodies.metadata])),
        means: ['packet @1 data metadata 0'],
      },
    ]);
  });
});

describe('a publish', () => {
  function published(): Conversation {
    const conversation = Conversation.connected();
    conversation.send(call('createStream', 2, [null]), call('publish', 3, [null, 'a', 'live'], { streamId: 1 }));
    conversation.take();
    conversation.takeEvents();
    return conversation;
  }

  const key = wire({ typeId: 9, streamId: 1, chunkStreamId: 6 }, bodies.key);

  for (const [what, before, after] of [
    ['without releaseStream and FCPublish', [], []],
    ['with releaseStream only', [call('releaseStream', 2, [null, 'a'])], []],
    ['with FCPublish behind createStream', [], [call('FCPublish', 5, [null, 'a'])]],
    ['with _checkbw first', [call('_checkbw', 2, [null])], []],
  ] as const) {
    test(`works ${what}`, () => {
      const conversation = Conversation.connected();
      conversation.send(...before, call('createStream', 4, [null]), ...after);
      conversation.send(call('publish', 6, [null, 'a', 'live'], { streamId: 1 }));
      assert.deepEqual(conversation.take().slice(-2), STARTED);
    });
  }

  for (const [type, expected] of [
    [[], 'live'],
    [[null], 'live'],
    [['live'], 'live'],
    [['record'], 'record'],
    [['append'], 'append'],
  ] as const) {
    test(`takes the type ${JSON.stringify(type)}`, () => {
      const conversation = Conversation.connected();
      conversation.send(call('createStream', 2, [null]), call('publish', 3, [null, 'a', ...type], { streamId: 1 }));
      assert.equal(conversation.takeEvents().at(-1), `publish @1 live a ${expected}`);
    });
  }

  test('has the parameters of the name, the app and tcUrl', () => {
    const conversation = Conversation.connected({ app: 'live?b=2', tcUrl: 'rtmp://h/live?b=2&c=3' });
    conversation.send(call('createStream', 2, [null]), call('publish', 3, [null, 'a?a=1&a=9'], { streamId: 1 }));
    const event = conversation.events.at(-1)!;
    assert.equal(event.kind, 'publish');
    assert.deepEqual({ ...event.query }, { a: '1', b: '2', c: '3' });
    assert.deepEqual(event.duplicates, ['a']);
    assert.ok(!JSON.stringify(conversation.take()).includes('a=1'));
  });

  test('stops the parsing until it is accepted', () => {
    const conversation = new Conversation({ answers: false });
    const { protocol } = conversation;
    conversation.send(clientHandshake, connect({ app: 'live' }), call('createStream', 2, [null]));
    assert.deepEqual(conversation.takeEvents(), ['connect live']);
    assert.deepEqual(conversation.take(), []);
    protocol.acceptConnect();
    conversation.pump();
    assert.deepEqual(conversation.take(), [...CONNECTED, '20 @0 _result 2 1']);
    conversation.send(
      call('publish', 3, [null, 'a'], { streamId: 1 }),
      key,
      wire({ typeId: 4 }, Buffer.from('000600000001', 'hex')),
    );
    assert.deepEqual(conversation.takeEvents(), ['publish @1 live a live']);
    assert.deepEqual(conversation.take(), []);
    protocol.acceptPublish(1);
    conversation.pump();
    assert.deepEqual(conversation.take(), [...STARTED, '4 @0 000700000001']);
    assert.deepEqual(conversation.takeEvents(), ['packet @1 video key 0']);
  });

  test('that is refused is told so on its message stream, and its media is dropped', () => {
    const conversation = new Conversation({ answers: false });
    conversation.send(clientHandshake, connect({ app: 'live' }));
    conversation.protocol.acceptConnect();
    conversation.send(call('createStream', 2, [null]), call('publish', 3, [null, 'a'], { streamId: 1 }), key);
    conversation.take();
    conversation.protocol.rejectStream(1, 'NetStream.Publish.BadName', 'in use');
    conversation.pump();
    assert.deepEqual(conversation.take(), ['20 @1 onStatus 0 NetStream.Publish.BadName']);
    assert.deepEqual(conversation.takeEvents(), ['connect live', 'publish @1 live a live']);
    assert.equal(conversation.protocol.counters.strayMessages, 1);
  });

  for (const [by, end] of [
    ['deleteStream', call('deleteStream', 4, [null, 1])],
    ['deleteStream', call('deleteStream', 4, [null], { streamId: 1 })],
    ['closeStream', call('closeStream', 0, [null], { streamId: 1 })],
    ['FCUnpublish', call('FCUnpublish', 4, [null, 'a'])],
    ['FCUnpublish', call('FCUnpublish', 4, [null], { streamId: 1 })],
    ['publish', call('publish', 4, [null, false], { streamId: 1 })],
  ] as const) {
    test(`is ended once by ${by} (${end.subarray(8, 12).toString('hex')})`, () => {
      const conversation = published();
      conversation.send(end, call('FCUnpublish', 5, [null, 'a']), call('deleteStream', 6, [null, 1]), end, key);
      assert.deepEqual(conversation.takeEvents(), [`close @1 ${by}`]);
    });
  }

  test('is not ended by FCUnpublish of another name', () => {
    const conversation = published();
    conversation.send(call('FCUnpublish', 4, [null, 'b']), key);
    assert.deepEqual(conversation.takeEvents(), ['packet @1 video key 0']);
  });

  test('can begin again on a stream that was closed', () => {
    const conversation = published();
    conversation.send(call('closeStream', 0, [null], { streamId: 1 }));
    assert.deepEqual(conversation.take(), ['20 @1 onStatus 0 NetStream.Unpublish.Success']);
    conversation.send(key, call('publish', 5, [null, 'b', 'live'], { streamId: 1 }), key);
    assert.deepEqual(conversation.take(), STARTED);
    assert.deepEqual(conversation.takeEvents(), [
      'close @1 closeStream',
      'publish @1 live b live',
      'packet @1 video key 0',
    ]);
  });

  test('begins with a clock of its own', () => {
    const conversation = published();
    const at = (timestamp: number): Buffer => wire({ typeId: 9, streamId: 1, timestamp }, bodies.key);
    conversation.send(at(0xfffffff0), at(0x10), call('closeStream', 0, [null], { streamId: 1 }));
    conversation.send(call('publish', 5, [null, 'b', 'live'], { streamId: 1 }), at(0x20));
    assert.deepEqual(
      conversation.takeEvents().filter((line) => line.startsWith('packet')),
      ['packet @1 video key 4294967280', 'packet @1 video key 4294967312', 'packet @1 video key 32'],
    );
  });

  test('takes media on message stream 0 for the only stream that publishes', () => {
    const conversation = published();
    conversation.send(wire({ typeId: 9, streamId: 0 }, bodies.key));
    assert.deepEqual(conversation.takeEvents(), ['packet @1 video key 0']);
    conversation.send(
      call('publish', 5, [null, 'b', 'live'], { streamId: 2 }),
      wire({ typeId: 9, streamId: 0 }, bodies.key),
    );
    assert.deepEqual(conversation.takeEvents(), ['publish @2 live b live']);
    assert.equal(conversation.protocol.counters.strayMessages, 1);
  });

  test('drops a message it cannot read and goes on', () => {
    const conversation = published();
    conversation.send(wire({ typeId: 9, streamId: 1 }, Buffer.from('1700', 'hex')), key);
    assert.deepEqual(conversation.takeEvents(), ['malformed @1 NMS_PROTOCOL_FLV', 'packet @1 video key 0']);
  });

  test('has headers that hold no more memory than their own, out of an aggregate too', () => {
    const head = Buffer.of(8, 0, 0, bodies.audioConfig.length, 0, 0, 0, 0, 0, 0, 0);
    for (const message of [
      wire({ typeId: 22, streamId: 1 }, Buffer.concat([head, bodies.audioConfig])),
      wire({ typeId: 8, streamId: 1 }, bodies.audioConfig),
    ]) {
      const conversation = published();
      conversation.send(message);
      const [event] = conversation.events;
      assert.ok(event?.kind === 'packet' && event.packet.type === 'config');
      assert.equal(event.packet.data.buffer.byteLength, bodies.audioConfig.length);
    }
  });

  test('takes a large aggregate apart to the last message', () => {
    const conversation = published();
    const part = Buffer.of(8, 0, 0, bodies.audio.length, 0, 0, 0, 0, 0, 0, 0);
    const tag = Buffer.concat([part, bodies.audio, u32(11 + bodies.audio.length)]);
    conversation.send(wire({ typeId: 22, streamId: 1 }, Buffer.concat(Array.from({ length: 4096 }, () => tag))));
    assert.equal(conversation.events.length, 4096);
  });

  test('takes aggregates apart, their stamps made to follow the aggregate’s', () => {
    const tag = (type: number, timestamp: number, body: Buffer): Buffer =>
      Buffer.concat([Buffer.of(type, 0, 0, body.length, 0, 0, timestamp, 0, 0, 0, 0), body, u32(11 + body.length)]);
    const aggregate = Buffer.concat([
      tag(9, 100, bodies.key),
      tag(8, 123, bodies.audio),
      tag(7, 0, bodies.audio),
      tag(9, 140, bodies.frame),
    ]);
    const conversation = published();
    conversation.send(wire({ typeId: 22, streamId: 1, timestamp: 5000 }, aggregate.subarray(0, -4)));
    assert.deepEqual(conversation.takeEvents(), [
      'packet @1 video key 5000',
      'packet @1 audio frame 5023',
      'packet @1 video frame 5040',
    ]);
    assert.equal(conversation.protocol.counters.ignoredMessages, 1);
    conversation.send(wire({ typeId: 22, streamId: 1 }, aggregate.subarray(0, 5)), key);
    assert.deepEqual(conversation.takeEvents(), ['malformed @1 NMS_PROTOCOL_FLV', 'packet @1 video key 0']);
    conversation.send(wire({ typeId: 22, streamId: 9 }, aggregate));
    assert.equal(conversation.protocol.counters.strayMessages, 1);
  });
});
