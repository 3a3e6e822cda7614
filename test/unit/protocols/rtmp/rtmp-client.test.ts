import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProtocolError } from '../../../../src/errors.ts';
import type { AmfValue } from '../../../../src/protocols/amf/amf-value.ts';
import {
  type RtmpClientEvent,
  type RtmpClientOptions,
  RtmpClientProtocol,
} from '../../../../src/protocols/rtmp/rtmp-client.ts';
import { bodies, call, Conversation, line, manyCuts, u32, wire, WireReader } from '../../../support/rtmp-wire.ts';
import { splits } from '../../../support/splits.ts';

const options: RtmpClientOptions = {
  mode: 'publish',
  app: 'live?b=2',
  tcUrl: 'rtmp://127.0.0.1/live?b=2',
  name: 'a?c=3',
  random: (size) => Buffer.alloc(size, 8),
};

function eventLine(event: RtmpClientEvent): string {
  switch (event.kind) {
    case 'status':
      return `status ${event.level} ${event.code}`;
    case 'packet':
      return `packet ${event.packet.track.kind} ${event.packet.type} ${event.packet.dts / 1000}`;
    case 'end':
      return `end ${event.code}`;
    case 'failed':
      return `failed ${event.code}`;
    default:
      return event.kind;
  }
}

/** A client whose server is a script. */
class Scripted {
  readonly client: RtmpClientProtocol;
  readonly #reader = new WireReader();
  #skip = 1 + 1536 + 1536;

  constructor(more: Partial<RtmpClientOptions> = {}) {
    this.client = new RtmpClientProtocol({ ...options, ...more });
  }

  /** Up to the answer to createStream, which gives stream 1. */
  static asked(more: Partial<RtmpClientOptions> = {}): Scripted {
    const scripted = new Scripted(more);
    scripted.hear(Buffer.concat([Buffer.of(3), Buffer.alloc(3072)]));
    scripted.hear(call('_result', 1, [{}, { code: 'NetConnection.Connect.Success' }]));
    scripted.hear(call('_result', more.mode === 'play' ? 2 : 4, [null, 1]));
    scripted.said();
    return scripted;
  }

  hear(bytes: Buffer): string[] {
    this.client.push(bytes);
    const events: string[] = [];
    for (let event = this.client.next(); event !== null; event = this.client.next()) events.push(eventLine(event));
    return events;
  }

  said(): string[] {
    const output = this.client.output();
    if (output === null) return [];
    const skipped = Math.min(this.#skip, output.length);
    this.#skip -= skipped;
    return this.#reader.read(output.subarray(skipped)).map(line);
  }
}

function status(code: string, level = 'status'): Buffer {
  return call('onStatus', 0, [null, { level, code, description: 'd' }], { streamId: 1 });
}

describe('the client and the server', () => {
  /** Passes bytes to and fro until nobody has anything to say. */
  function talk(client: RtmpClientProtocol, server: Conversation): string[] {
    const events: string[] = [];
    for (let isQuiet = false; !isQuiet; ) {
      const there = client.output();
      if (there !== null) server.protocol.push(there);
      for (let event = server.protocol.next(); event !== null; event = server.protocol.next()) {
        server.events.push(event);
        if (event.kind === 'connect') server.protocol.acceptConnect();
        if (event.kind === 'publish') server.protocol.acceptPublish(event.streamId);
        if (event.kind === 'play') server.protocol.acceptPlay(event.streamId);
      }
      const back = server.protocol.output();
      if (back !== null) client.push(back);
      for (let event = client.next(); event !== null; event = client.next()) events.push(eventLine(event));
      isQuiet = there === null && back === null;
    }
    return events;
  }

  test('publish', () => {
    const client = new RtmpClientProtocol(options);
    const server = new Conversation();
    assert.throws(() => client.sendPacketBody('video', 0, bodies.key), ProtocolError);
    assert.deepEqual(talk(client, server), ['status status NetStream.Publish.Start', 'publishing']);
    assert.deepEqual(server.takeEvents(), ['connect live', 'publish @1 live a live']);
    client.sendPacketBody('data', 0, bodies.metadata);
    client.sendPacketBody('video', 0, bodies.videoConfig);
    client.sendPacketBody('audio', 0, bodies.audioConfig);
    client.sendPacketBody('video', 0xffffffff, Buffer.concat([bodies.key, Buffer.alloc(200_000)]));
    client.sendPacketBody('audio', 23, bodies.audio);
    talk(client, server);
    assert.deepEqual(server.takeEvents(), [
      'packet @1 data metadata 0',
      'packet @1 video config 0',
      'packet @1 audio config 0',
      'packet @1 video key 4294967295',
      'packet @1 audio frame 4294967319',
    ]);
    client.close();
    talk(client, server);
    assert.deepEqual(server.takeEvents(), ['close @1 FCUnpublish']);
  });

  test('play', () => {
    const client = new RtmpClientProtocol({ ...options, mode: 'play', capsEx: 1, fourCcList: ['*'] });
    const server = new Conversation();
    assert.deepEqual(talk(client, server), [
      'status status NetStream.Play.Reset',
      'status status NetStream.Play.Start',
      'playing',
    ]);
    const connect = server.events[0]!;
    assert.ok(connect.kind === 'connect' && connect.capabilities.reconnect);
    assert.deepEqual(connect.capabilities.fourCcList, ['*']);
    assert.deepEqual(server.takeEvents(), ['connect live', 'play @1 live a -2000']);
    client.push(wire({ chunkStreamId: 6, typeId: 9, streamId: 1, timestamp: 7 }, bodies.key));
    assert.deepEqual(talk(client, server), ['packet video key 7']);
    server.protocol.streamEnd(1);
    assert.deepEqual(talk(client, server), ['end StreamEOF', 'status status NetStream.Play.UnpublishNotify']);
    client.close();
    talk(client, server);
    assert.deepEqual(server.takeEvents(), []);
  });
});

describe('the client', () => {
  test('begins by itself and goes on step by step', () => {
    const scripted = new Scripted();
    const first = scripted.client.output()!;
    assert.equal(first.length, 1537);
    scripted.hear(Buffer.concat([Buffer.of(3), Buffer.alloc(1536)]));
    assert.equal(scripted.client.output()!.length, 1536);
    assert.deepEqual(scripted.hear(Buffer.alloc(1536)), []);
  });

  test('waits for each answer it needs', () => {
    const scripted = new Scripted();
    scripted.hear(Buffer.concat([Buffer.of(3), Buffer.alloc(3072)]));
    const [connect, ...more] = scripted.said();
    assert.match(connect!, /^20 @0 connect 1 /);
    assert.deepEqual(more, []);
    assert.deepEqual(scripted.said(), []);
    scripted.hear(call('_result', 1, [{}, { code: 'NetConnection.Connect.Success' }]));
    assert.deepEqual(scripted.said(), [
      '20 @0 releaseStream 2 "a?c=3"',
      '20 @0 FCPublish 3 "a?c=3"',
      '20 @0 createStream 4',
    ]);
    assert.deepEqual(scripted.hear(call('onBWDone', 0, [null])), []);
    assert.deepEqual(scripted.hear(call('_error', 2, [null, { code: 'NetConnection.Call.Failed' }])), []);
    assert.deepEqual(scripted.hear(call('_error', 3, [null, { code: 'NetConnection.Call.Failed' }])), []);
    assert.deepEqual(scripted.said(), []);
    scripted.hear(call('_result', 4, [null, 7]));
    assert.deepEqual(scripted.said(), ['20 @7 publish 5 "a?c=3" "live"']);
  });

  test('plays step by step', () => {
    const scripted = new Scripted({ mode: 'play', bufferMs: 3000 });
    scripted.hear(Buffer.concat([Buffer.of(3), Buffer.alloc(3072)]));
    scripted.said();
    scripted.hear(call('_result', 1, [{}, { code: 'NetConnection.Connect.Success' }]));
    assert.deepEqual(scripted.said(), ['5 @0 004c4b40', '20 @0 createStream 2']);
    scripted.hear(call('_result', 2, [null, 1]));
    assert.deepEqual(scripted.said(), ['20 @1 play 3 "a?c=3" -2000', '4 @0 00030000000100000bb8']);
  });

  test('takes media of all kinds, before Play.Start too, and drops what it cannot read', () => {
    const scripted = Scripted.asked({ mode: 'play' });
    const aggregate = Buffer.concat([Buffer.of(8, 0, 0, bodies.audio.length, 0, 0, 50, 0, 0, 0, 0), bodies.audio]);
    const bytes = Buffer.concat([
      wire({ chunkStreamId: 5, typeId: 18, streamId: 1 }, bodies.metadata),
      wire({ chunkStreamId: 6, typeId: 9, streamId: 1 }, bodies.videoConfig),
      wire({ chunkStreamId: 6, typeId: 9, streamId: 1 }, Buffer.of(0x17)),
      status('NetStream.Play.Start'),
      wire({ chunkStreamId: 4, typeId: 22, streamId: 1, timestamp: 1000 }, aggregate),
    ]);
    const expected = [
      'packet data metadata 0',
      'packet video config 0',
      'malformed',
      'status status NetStream.Play.Start',
      'playing',
      'packet audio frame 1000',
    ];
    assert.deepEqual(scripted.hear(bytes), expected);
    for (const { chunks: pieces } of splits(bytes, manyCuts)) {
      const again = Scripted.asked({ mode: 'play' });
      assert.deepEqual(
        pieces.flatMap((piece) => again.hear(piece)),
        expected,
      );
    }
  });

  for (const [code, level, expected] of [
    ['NetStream.Publish.BadName', 'error', 'failed NetStream.Publish.BadName'],
    ['NetStream.Play.StreamNotFound', 'error', 'failed NetStream.Play.StreamNotFound'],
    ['NetStream.Play.Stop', 'status', 'end NetStream.Play.Stop'],
    ['NetStream.Play.UnpublishNotify', 'status', 'end NetStream.Play.UnpublishNotify'],
  ] as const) {
    test(`says ${expected}, once`, () => {
      const scripted = Scripted.asked({ mode: 'play' });
      assert.deepEqual(scripted.hear(status(code, level)), [`status ${level} ${code}`, expected]);
      assert.deepEqual(scripted.hear(status(code, level)), [`status ${level} ${code}`]);
    });
  }

  test('fails when connect or createStream is refused', () => {
    const scripted = new Scripted();
    scripted.hear(Buffer.concat([Buffer.of(3), Buffer.alloc(3072)]));
    const refusal: Record<string, AmfValue> = {
      level: 'error',
      code: 'NetConnection.Connect.Rejected',
      description: 'no',
    };
    assert.deepEqual(scripted.hear(call('_error', 1, [null, refusal])), ['failed NetConnection.Connect.Rejected']);
    const other = Scripted.asked();
    assert.deepEqual(other.hear(call('_error', 5, [null, 'no'])), ['failed NetConnection.Call.Failed']);
  });

  test('refuses a stream id that is none', () => {
    for (const id of [0, -1, 1.5, 2 ** 32, Number.NaN, 'x']) {
      const scripted = new Scripted();
      scripted.hear(Buffer.concat([Buffer.of(3), Buffer.alloc(3072)]));
      scripted.hear(call('_result', 1, [{}, {}]));
      assert.throws(() => scripted.hear(call('_result', 4, [null, id])), ProtocolError);
      assert.throws(() => scripted.client.next(), ProtocolError);
    }
  });

  test('answers pings, calls and windows', () => {
    const scripted = Scripted.asked();
    scripted.hear(wire({ typeId: 4 }, Buffer.from('0006deadbeef', 'hex')));
    scripted.hear(call('_onbwcheck', 9, [null]));
    scripted.hear(wire({ typeId: 5 }, u32(1000)));
    const lines = scripted.said();
    assert.deepEqual(lines.slice(0, 2), ['4 @0 0007deadbeef', '20 @0 _result 9 undefined']);
    assert.deepEqual(lines.slice(2), [`3 @0 ${u32(scripted.client.bytesReceived).toString('hex')}`]);
  });

  test('closes in words only a stream it has', () => {
    const early = new Scripted();
    early.client.output();
    early.client.close();
    assert.equal(early.client.output(), null);
    const scripted = Scripted.asked();
    scripted.client.close();
    assert.deepEqual(scripted.said(), ['20 @0 FCUnpublish 6 "a?c=3"', '20 @0 deleteStream 0 1']);
    scripted.client.close();
    assert.deepEqual(scripted.said(), []);
  });
});
