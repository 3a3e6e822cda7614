import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '../../../../src/errors.ts';
import { type AmfValue, ecmaArray } from '../../../../src/protocols/amf/amf-value.ts';
import { decodeCommand } from '../../../../src/protocols/rtmp/messages/command.ts';
import { wireLimits } from '../../../../src/media/limits.ts';
import { bodies, call, clientHandshake, Conversation, u32, wire } from '../../../support/rtmp-wire.ts';

/** The objects of the answer to connect: properties and information, without their prototypes. */
function connectAnswer(connect: Record<string, AmfValue>, ...more: readonly AmfValue[]): Record<string, unknown> {
  const conversation = new Conversation();
  conversation.send(clientHandshake, call('connect', 1, [connect, ...more]));
  const answer = conversation.messages.find(({ typeId }) => typeId === 20 || typeId === 17)!;
  const { values } = decodeCommand(answer.payload, { amf3: answer.typeId === 17 }, wireLimits);
  return JSON.parse(JSON.stringify(values[1])) as Record<string, unknown>;
}

describe('connect', () => {
  test('is told of with all it says', () => {
    const conversation = new Conversation();
    conversation.send(
      clientHandshake,
      call('connect', 1, [{ app: 'live?a=1', tcUrl: 'rtmp://media.example:1935/live?b=2', flashVer: 'X 1' }]),
    );
    const [event] = conversation.events;
    assert.equal(event?.kind, 'connect');
    const { app, tcUrl, host, flashVer, query, command } = event;
    assert.deepEqual(
      { app, tcUrl, host, flashVer },
      { app: 'live', tcUrl: 'rtmp://media.example:1935/live?b=2', host: 'media.example', flashVer: 'X 1' },
    );
    assert.deepEqual({ ...query }, { a: '1', b: '2' });
    assert.equal(command['app'], 'live?a=1');
    assert.equal(conversation.protocol.connected, true);
  });

  test('is answered with the object encoding that was asked for', () => {
    const success = { level: 'status', code: 'NetConnection.Connect.Success', description: 'Connection succeeded.' };
    assert.deepEqual(connectAnswer({ app: 'live' }), { ...success, objectEncoding: 0 });
    assert.deepEqual(connectAnswer({ app: 'live', objectEncoding: 0 }), { ...success, objectEncoding: 0 });
    assert.deepEqual(connectAnswer({ app: 'live', objectEncoding: 3 }), { ...success, objectEncoding: 3 });
    assert.deepEqual(connectAnswer({ app: 'live', objectEncoding: 7 }), { ...success, objectEncoding: 0 });
  });

  test('takes any further arguments, and does without its object', () => {
    assert.equal(connectAnswer({ app: 'live' }, 'x', 7, null, [1])['level'], 'status');
    const conversation = new Conversation();
    conversation.send(clientHandshake, call('connect', 1, [null, 'x']));
    assert.deepEqual(conversation.takeEvents(), ['connect ']);
  });

  for (const [what, properties] of [
    ['fourCcList', { fourCcList: ['av01', 'hvc1'] }],
    ['an ECMA array as fourCcList', { fourCcList: ecmaArray({ 0: 'av01', 1: 'hvc1' }) }],
    ['videoFourCcInfoMap', { videoFourCcInfoMap: { '*': 1 } }],
    ['an ECMA array as videoFourCcInfoMap', { videoFourCcInfoMap: ecmaArray({ hvc1: 1 }) }],
    ['audioFourCcInfoMap', { audioFourCcInfoMap: { Opus: 1 } }],
    ['capsEx', { capsEx: 0 }],
    ['videoFunction', { videoFunction: 5 }],
  ] as const) {
    test(`of Enhanced RTMP (${what}) is answered in kind`, () => {
      const info = connectAnswer({ app: 'live', ...(properties as Record<string, AmfValue>) });
      assert.deepEqual(info['fourCcList'], ['*']);
      assert.deepEqual(info['videoFourCcInfoMap'], { '*': 4 });
      assert.deepEqual(info['audioFourCcInfoMap'], { '*': 4 });
      assert.equal(info['capsEx'], 1 | 2 | 4 | 8);
    });
  }

  test('tells what the peer can do', () => {
    const conversation = Conversation.connected({
      app: 'live',
      fourCcList: ['av01', 7, 'hvc1'],
      videoFourCcInfoMap: { hvc1: 1, vp09: 'x' },
      audioFourCcInfoMap: ecmaArray({ Opus: 5 }),
      capsEx: 6,
      videoFunction: 3,
      objectEncoding: 3,
    });
    const [event] = conversation.events;
    assert.equal(event?.kind, 'connect');
    const { videoFourCcInfoMap, audioFourCcInfoMap, ...rest } = event.capabilities;
    assert.deepEqual({ ...videoFourCcInfoMap }, { hvc1: 1, vp09: 0 });
    assert.deepEqual({ ...audioFourCcInfoMap }, { Opus: 5 });
    assert.deepEqual(rest, {
      isEnhanced: true,
      fourCcList: ['av01', 'hvc1'],
      videoFunction: 3,
      reconnect: false,
      multitrack: true,
      modEx: true,
      timestampNanoOffset: false,
      objectEncoding: 3,
    });
  });

  test('of an old player announces nothing', () => {
    const conversation = Conversation.connected({ app: 'live', videoFunction: 1 });
    const [event] = conversation.events;
    assert.equal(event?.kind === 'connect' && event.capabilities.isEnhanced, false);
  });

  test('that is refused is told why, and nothing is heard after that', () => {
    const conversation = new Conversation({ answers: false });
    conversation.send(clientHandshake, call('connect', 4, [{ app: 'x' }]), call('createStream', 5, [null]));
    conversation.protocol.rejectConnect('NetConnection.Connect.InvalidApp', 'no app x');
    conversation.send(call('createStream', 6, [null]), Buffer.alloc(100, 0xff));
    assert.deepEqual(conversation.take(), ['20 @0 _error 4 NetConnection.Connect.InvalidApp']);
    assert.deepEqual(conversation.takeEvents(), ['connect x']);
    conversation.protocol.acceptConnect();
    assert.deepEqual([conversation.take(), conversation.protocol.connected], [[], false]);
  });

  test('a second time is a ProtocolError, again at every later call', () => {
    const conversation = Conversation.connected();
    const second = () => conversation.send(call('connect', 2, [{ app: 'live' }]));
    assert.throws(second, (error) => error instanceof ProtocolError && error.message === 'a second connect');
    assert.throws(() => conversation.protocol.next(), ProtocolError);
  });

  test('announces the chunk size it is followed by', () => {
    const conversation = Conversation.connected({ app: 'live' }, { chunkSize: 4096 });
    assert.equal(conversation.chunkSize, 4096);
  });
});

describe('a command in the wrong state', () => {
  for (const name of ['createStream', 'publish', 'play']) {
    test(`${name} before connect is a ProtocolError`, () => {
      const conversation = new Conversation();
      assert.throws(
        () => conversation.send(clientHandshake, call(name, 2, [null, 'a'])),
        (error) => error instanceof ProtocolError && error.message === `${name} before connect`,
      );
    });
  }

  test('other commands before connect are answered', () => {
    const conversation = new Conversation();
    conversation.send(clientHandshake, call('_checkbw', 2, [null]), call('FCUnpublish', 0, [null, 'a']));
    assert.deepEqual(conversation.take(), [
      '20 @0 _result 2 undefined',
      '20 @0 onFCUnpublish 0 NetStream.Unpublish.Success',
    ]);
  });

  test('publish on a message stream that nobody created opens it', () => {
    const conversation = Conversation.connected();
    conversation.send(call('publish', 2, [null, 'a'], { streamId: 5 }), wire({ typeId: 9, streamId: 5 }, bodies.key));
    assert.deepEqual(conversation.take(), ['4 @0 000000000005', '20 @5 onStatus 0 NetStream.Publish.Start']);
    assert.deepEqual(conversation.takeEvents().slice(1), ['publish @5 live a live', 'packet @5 video key 0']);
  });

  test('publish on message stream 0 is answered and served there', () => {
    const conversation = Conversation.connected();
    conversation.send(call('publish', 2, [null, 'a']), wire({ typeId: 9 }, bodies.key));
    assert.deepEqual(conversation.take(), ['4 @0 000000000000', '20 @0 onStatus 0 NetStream.Publish.Start']);
    assert.deepEqual(conversation.takeEvents().slice(1), ['publish @0 live a live', 'packet @0 video key 0']);
  });

  test('publish, or play, where something is published is refused, and that goes on', () => {
    const conversation = Conversation.connected();
    conversation.send(call('publish', 2, [null, 'a'], { streamId: 1 }));
    conversation.take();
    conversation.takeEvents();
    conversation.send(call('publish', 3, [null, 'b'], { streamId: 1 }), call('play', 4, [null, 'b'], { streamId: 1 }));
    assert.deepEqual(conversation.take(), [
      '20 @1 onStatus 0 NetStream.Publish.BadName',
      '20 @1 onStatus 0 NetStream.Play.Failed',
    ]);
    conversation.send(wire({ typeId: 9, streamId: 1 }, bodies.key));
    assert.deepEqual(conversation.takeEvents(), ['packet @1 video key 0']);
  });

  test('publish where something is played is refused', () => {
    const conversation = Conversation.connected();
    conversation.send(call('play', 2, [null, 'a'], { streamId: 1 }));
    conversation.take();
    conversation.send(call('publish', 3, [null, 'b'], { streamId: 1 }));
    assert.deepEqual(conversation.take(), ['20 @1 onStatus 0 NetStream.Publish.BadName']);
  });

  test('stream commands where nothing runs, or on unknown streams, change nothing', () => {
    const conversation = Conversation.connected();
    conversation.send(call('createStream', 2, [null]));
    conversation.take();
    for (const name of ['closeStream', 'pause', 'receiveAudio', 'receiveVideo', 'seek', 'play2', 'deleteStream']) {
      for (const streamId of [0, 1, 77]) conversation.send(call(name, 0, [null, true], { streamId }));
    }
    conversation.send(call('deleteStream', 0, [null, 99]), call('deleteStream', 0, [null, Number.NaN]));
    assert.deepEqual([conversation.take(), conversation.takeEvents()], [[], ['connect live']]);
  });

  test('media before publish is dropped and counted', () => {
    const conversation = Conversation.connected();
    conversation.send(wire({ typeId: 9, streamId: 1 }, bodies.key), wire({ typeId: 18 }, bodies.metadata));
    assert.deepEqual(conversation.takeEvents(), ['connect live']);
    assert.equal(conversation.protocol.counters.strayMessages, 2);
  });
});

describe('createStream', () => {
  test('gives ids that rise, and never one again', () => {
    const conversation = Conversation.connected();
    conversation.send(
      call('createStream', 2, [null]),
      call('createStream', 3, [null]),
      call('deleteStream', 0, [null, 1]),
      call('createStream', 4, [null]),
    );
    assert.deepEqual(conversation.take(), ['20 @0 _result 2 1', '20 @0 _result 3 2', '20 @0 _result 4 3']);
  });

  test('above maxMessageStreams is refused until one is deleted, and so is publish on a new one', () => {
    const conversation = Conversation.connected({ app: 'live' }, { limits: { maxMessageStreams: 2 } });
    conversation.send(
      call('createStream', 2, [null]),
      call('createStream', 3, [null]),
      call('createStream', 4, [null]),
      call('publish', 5, [null, 'a'], { streamId: 9 }),
      call('play', 5, [null, 'a'], { streamId: 9 }),
      call('deleteStream', 0, [null, 1]),
      call('createStream', 6, [null]),
    );
    assert.deepEqual(conversation.take(), [
      '20 @0 _result 2 1',
      '20 @0 _result 3 2',
      '20 @0 _error 4 NetConnection.Call.Failed',
      '20 @9 onStatus 0 NetStream.Publish.BadName',
      '20 @9 onStatus 0 NetStream.Play.Failed',
      '20 @0 _result 6 3',
    ]);
  });
});

describe('the link', () => {
  test('is acknowledged when half of the peer’s window has come, counted from the first byte', () => {
    const conversation = Conversation.connected();
    conversation.send(wire({ chunkStreamId: 2, typeId: 5 }, u32(4096)));
    assert.deepEqual(conversation.take(), [`3 @0 ${u32(conversation.protocol.bytesReceived).toString('hex')}`]);
    const before = conversation.protocol.bytesReceived;
    const filler = wire({ typeId: 16 }, Buffer.alloc(88));
    assert.equal(filler.length, 100);
    for (let sent = 100; sent < 2048; sent += 100) {
      conversation.send(filler);
      assert.deepEqual(conversation.take(), []);
    }
    conversation.send(filler);
    assert.deepEqual(conversation.take(), [`3 @0 ${u32(before + 2100).toString('hex')}`]);
  });

  test('is acknowledged by our window when the peer names none, or 0', () => {
    const conversation = Conversation.connected({ app: 'live' }, { windowAckSize: 20_000 });
    conversation.send(wire({ typeId: 5 }, u32(0)), wire({ typeId: 16 }, Buffer.alloc(4000)));
    assert.deepEqual(conversation.take(), []);
    conversation.send(wire({ typeId: 16 }, Buffer.alloc(4000)));
    assert.deepEqual(conversation.take(), [`3 @0 ${u32(conversation.protocol.bytesReceived).toString('hex')}`]);
  });

  test('counts beyond 2^32 and acknowledges modulo 2^32', () => {
    const conversation = Conversation.connected();
    conversation.send(wire({ typeId: 5 }, u32(0x40000000)), wire({ chunkStreamId: 2, typeId: 1 }, u32(0xffffff)));
    const filler = wire({ typeId: 16 }, Buffer.alloc(10_000_000), 0xffffff);
    const acknowledged: number[] = [];
    for (let sent = 0; sent < 4.5 * 1024 ** 3; sent += filler.length) {
      conversation.send(filler);
      for (const line of conversation.take()) acknowledged.push(Number.parseInt(line.slice(5), 16));
    }
    assert.ok(conversation.protocol.bytesReceived > 2 ** 32);
    assert.equal(acknowledged.length, 8);
    for (const [index, value] of acknowledged.entries()) {
      const previous = acknowledged[index - 1] ?? 0;
      const step = (value - previous) >>> 0;
      assert.ok(step >= 0x20000000 && step < 0x20000000 + 2 * filler.length, `${previous} then ${value}`);
    }
    assert.ok(acknowledged.at(-1)! < 2 ** 31, 'the last ones have wrapped');
  });

  test('answers pings with their four bytes, on whatever chunk stream and message stream they come', () => {
    const conversation = Conversation.connected();
    conversation.send(
      wire({ chunkStreamId: 2, typeId: 4 }, Buffer.from('0006deadbeef', 'hex')),
      wire({ chunkStreamId: 5, typeId: 4, streamId: 1, timestamp: 9 }, Buffer.from('000600000001ffff', 'hex')),
    );
    assert.deepEqual(conversation.take(), ['4 @0 0007deadbeef', '4 @0 000700000001']);
  });

  test('honours control messages on any chunk stream and message stream', () => {
    const conversation = Conversation.connected();
    const long = call('createStream', 2, [null, 'x'.repeat(300)], {}, 4096);
    conversation.send(wire({ chunkStreamId: 4, typeId: 1, streamId: 7, timestamp: 3 }, u32(4096)), long);
    assert.deepEqual(conversation.take(), ['20 @0 _result 2 1']);
  });

  test('lets unknown and short control messages be', () => {
    const conversation = Conversation.connected();
    for (const payload of [
      '',
      '00',
      '0006',
      '000600',
      '001a',
      '001f00000001',
      '0003000000000000012c',
      '000700000001',
    ]) {
      conversation.send(wire({ chunkStreamId: 2, typeId: 4 }, Buffer.from(payload, 'hex')));
    }
    for (const typeId of [3, 5, 6]) conversation.send(wire({ chunkStreamId: 2, typeId }, Buffer.of(1)));
    assert.deepEqual([conversation.take(), conversation.takeEvents()], [[], ['connect live']]);
  });

  test('announces the window that Set Peer Bandwidth asks for, when it is another', () => {
    const conversation = Conversation.connected();
    const bandwidth = (size: number): Buffer => wire({ typeId: 6 }, Buffer.concat([u32(size), Buffer.of(2)]));
    conversation.send(bandwidth(5_000_000));
    assert.deepEqual(conversation.take(), []);
    conversation.send(bandwidth(1_000_000), bandwidth(1_000_000));
    assert.deepEqual(conversation.take(), [`5 @0 ${u32(1_000_000).toString('hex')}`]);
  });

  test('ignores shared objects and unknown types, and counts them', () => {
    const conversation = Conversation.connected();
    for (const typeId of [16, 19, 7, 99]) conversation.send(wire({ typeId }, Buffer.alloc(10, 1)));
    conversation.send(call('createStream', 2, [null]));
    assert.deepEqual(conversation.take(), ['20 @0 _result 2 1']);
    assert.equal(conversation.protocol.counters.ignoredMessages, 4);
  });

  test('says nothing before the handshake is over', () => {
    const conversation = new Conversation();
    conversation.protocol.ping(1);
    conversation.protocol.appShutdown('no');
    assert.equal(conversation.protocol.output(), null);
    assert.equal(conversation.protocol.handshakeDone, false);
  });
});

describe('what the server says of itself', () => {
  test('ping asks with its clock', () => {
    const conversation = Conversation.connected();
    conversation.protocol.ping(0x01020304);
    conversation.protocol.ping(2 ** 32 + 1);
    assert.deepEqual(conversation.take(), ['4 @0 000601020304', '4 @0 000600000001']);
  });

  test('appShutdown and status are onStatus commands', () => {
    const conversation = Conversation.connected();
    conversation.protocol.appShutdown('bye');
    conversation.protocol.status(3, 'NetStream.Play.InsufficientBW', 'warning', 'slow');
    assert.deepEqual(conversation.take(), [
      '20 @0 onStatus 0 NetConnection.Connect.AppShutdown',
      '20 @3 onStatus 0 NetStream.Play.InsufficientBW',
    ]);
  });

  test('reconnectRequest is said only to a peer that announced it', () => {
    for (const [capsEx, lines] of [
      [undefined, []],
      [14, []],
      [1, ['20 @0 onStatus 0 NetConnection.Connect.ReconnectRequest']],
    ] as const) {
      const conversation = Conversation.connected(capsEx === undefined ? { app: 'live' } : { app: 'live', capsEx });
      assert.equal(conversation.protocol.reconnectRequest('maintenance', 'rtmp://other/live'), lines.length === 1);
      assert.deepEqual(conversation.take(), lines);
    }
    const conversation = Conversation.connected({ app: 'live', capsEx: 1 });
    conversation.messages.length = 0;
    conversation.protocol.reconnectRequest('maintenance', 'rtmp://other/live');
    conversation.take();
    const { values } = decodeCommand(conversation.messages[0]!.payload, { amf3: false }, wireLimits);
    assert.deepEqual(JSON.parse(JSON.stringify(values)), [
      null,
      {
        level: 'status',
        code: 'NetConnection.Connect.ReconnectRequest',
        description: 'maintenance',
        tcUrl: 'rtmp://other/live',
      },
    ]);
  });
});

describe('hostile input', () => {
  test('keys of objects do no harm', () => {
    const hostile: Record<string, AmfValue> = { app: 'live', ['constructor']: 'x', toString: 'y' };
    Object.defineProperty(hostile, '__proto__', { value: { app: 'other' }, enumerable: true });
    const conversation = Conversation.connected(hostile);
    assert.deepEqual(conversation.takeEvents(), ['connect live']);
    assert.equal(({} as Record<string, unknown>)['app'], undefined);
  });

  test('bytes that are not UTF-8 do no harm', () => {
    const conversation = Conversation.connected();
    const publish = Buffer.concat([call('publish', 2, [null], { streamId: 1 }), Buffer.from('020004c4e3bac3', 'hex')]);
    publish[6] = publish[6]! + 7;
    conversation.send(publish);
    assert.match(conversation.takeEvents()[1]!, /^publish @1 live \ufffd+ live$/);
  });

  test('a command that is not AMF is a ProtocolError', () => {
    const conversation = Conversation.connected();
    assert.throws(() => conversation.send(wire({}, Buffer.from('ff', 'hex'))), ProtocolError);
  });

  test('a data message above maxCommandBytes is dropped', () => {
    const conversation = Conversation.connected();
    conversation.send(call('publish', 2, [null, 'a'], { streamId: 1 }));
    conversation.takeEvents();
    conversation.send(wire({ typeId: 18, streamId: 1 }, Buffer.concat([bodies.metadata, Buffer.alloc(300_000, 5)])));
    assert.deepEqual(conversation.takeEvents(), ['malformed @1 NMS_PROTOCOL_FLV']);
  });
});
