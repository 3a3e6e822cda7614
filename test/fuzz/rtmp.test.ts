import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ByteQueue } from '../../src/bytes/byte-queue.ts';
import { wireLimits } from '../../src/media/limits.ts';
import { type AmfValue, ecmaArray } from '../../src/protocols/amf/amf-value.ts';
import { encodeAmf0 } from '../../src/protocols/amf/amf0.ts';
import { ChunkReader } from '../../src/protocols/rtmp/chunk-reader.ts';
import { RtmpClientProtocol } from '../../src/protocols/rtmp/rtmp-client.ts';
import { createRtmpFormat } from '../../src/protocols/rtmp/rtmp-muxer.ts';
import { type RtmpEvent, RtmpProtocol } from '../../src/protocols/rtmp/rtmp-protocol.ts';
import { orProtocolError } from '../support/errors.ts';
import { mutated } from '../support/mutated.ts';
import { bodies, call, clientHandshake, u32, wire } from '../support/rtmp-wire.ts';

const limits = {
  maxMessageBytes: 100_000,
  maxPartialBytes: 200_000,
  maxChunkStreams: 8,
  maxMessageStreams: 3,
  maxCommandBytes: 5000,
};

const connect = call('connect', 1, [{ app: 'live', tcUrl: 'rtmp://h/live', capsEx: 1 }]);
const muxers = (['all', 'first'] as const).map((tracks) =>
  createRtmpFormat({
    chunkSize: 1000,
    messageStreamId: 1,
    audio: true,
    video: true,
    tracks,
    hevc: 'as-is',
  }).createMuxer(),
);

/** Says yes or no to what is asked, by `isAccepted`; what a publisher sends is muxed, as for players. */
function answer(protocol: RtmpProtocol, event: RtmpEvent, isAccepted: boolean): void {
  switch (event.kind) {
    case 'connect':
      return protocol.acceptConnect();
    case 'publish':
      if (isAccepted) return protocol.acceptPublish(event.streamId);
      return protocol.rejectStream(event.streamId, 'NetStream.Publish.BadName', 'no');
    case 'play':
      if (isAccepted) return protocol.acceptPlay(event.streamId);
      return protocol.rejectStream(event.streamId, 'NetStream.Play.Failed', 'no');
    case 'close':
      return protocol.streamEnd(event.streamId);
    case 'packet':
      for (const muxer of muxers) muxer.mux(event.packet);
  }
}

/**
 * A server that hears these pieces behind a handshake. Only a ProtocolError may come out, and it does not say much more
 * than it heard.
 */
function serve(pieces: readonly Buffer[], refused: ReadonlySet<number> = new Set()): RtmpEvent[] {
  const protocol = new RtmpProtocol({ limits });
  const events: RtmpEvent[] = [];
  let heard = 0;
  let said = 0;
  orProtocolError(() => {
    for (const piece of [clientHandshake, ...pieces]) {
      protocol.push(piece);
      heard += piece.length;
      for (let event = protocol.next(); event !== null; event = protocol.next()) {
        answer(protocol, event, !refused.has(events.push(event)));
      }
      said += protocol.output()?.length ?? 0;
    }
  });
  assert.ok(said <= 3073 + 1000 + 60 * heard, `${said} bytes said, ${heard} heard`);
  return events;
}

const publishing = [
  connect,
  call('releaseStream', 2, [null, 'a']),
  call('FCPublish', 3, [null, 'a']),
  call('createStream', 4, [null]),
  call('publish', 5, [null, 'a?x=1', 'live'], { streamId: 1 }),
  wire({ chunkStreamId: 4, typeId: 18, streamId: 1 }, bodies.metadata),
  wire({ chunkStreamId: 6, typeId: 9, streamId: 1 }, bodies.videoConfig),
  wire({ chunkStreamId: 4, typeId: 8, streamId: 1 }, bodies.audioConfig),
  wire(
    { chunkStreamId: 6, typeId: 9, streamId: 1, timestamp: 20_000_000 },
    Buffer.concat([bodies.key, Buffer.alloc(300)]),
  ),
  wire({ chunkStreamId: 4, typeId: 8, streamId: 1, timestamp: 20_000_000 }, bodies.audio),
  call('FCUnpublish', 6, [null, 'a']),
  call('deleteStream', 7, [null, 1]),
];
const playing = [
  connect,
  wire({ chunkStreamId: 2, typeId: 5 }, u32(5000)),
  call('createStream', 2, [null]),
  call('play', 4, [null, 'a', -2000], { streamId: 1 }),
  wire({ chunkStreamId: 2, typeId: 4 }, Buffer.from('00030000000100000bb8', 'hex')),
  call('receiveVideo', 0, [null, false], { streamId: 1 }),
  call('pause', 0, [null, true, 1000], { streamId: 1 }),
  call('closeStream', 0, [null], { streamId: 1 }),
];

const typeId = fc.oneof(
  fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 9, 15, 16, 17, 18, 19, 20, 22),
  fc.integer({ min: 0, max: 255 }),
);
const commandName = fc.constantFrom(
  'connect',
  'createStream',
  'deleteStream',
  'closeStream',
  'publish',
  'play',
  'play2',
  'pause',
  'pauseRaw',
  'receiveAudio',
  'receiveVideo',
  'seek',
  'releaseStream',
  'FCPublish',
  'FCUnpublish',
  'FCSubscribe',
  'getStreamLength',
  '_result',
  '_error',
  'onStatus',
  'nonsense',
);
const argument: fc.Arbitrary<AmfValue> = fc.oneof(
  fc.constantFrom<AmfValue>(
    null,
    undefined,
    true,
    false,
    -2000,
    0,
    1,
    2,
    3,
    '',
    'a',
    'a?b=c',
    '?',
    '/',
    '%',
    [],
    ecmaArray(),
  ),
  fc.double(),
  fc.string(),
);
const commandBody = fc
  .tuple(commandName, fc.constantFrom(0, 1, 2, Number.NaN), fc.array(argument, { maxLength: 5 }))
  .map(([name, transactionId, values]) => encodeAmf0([name, transactionId, ...values]));
const body = fc.oneof(
  fc.constantFrom(...Object.values(bodies)),
  mutated(Object.values(bodies)),
  commandBody,
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const message = fc
  .record({
    chunkStreamId: fc.constantFrom(2, 3, 4, 5, 6, 64, 400),
    timestamp: fc.oneof(fc.constant(0), fc.integer({ min: 0xfffff0, max: 0x1000010 }), fc.nat()),
    typeId,
    streamId: fc.constantFrom(0, 1, 1, 1, 2, 9),
    payload: body,
  })
  .map(({ payload, ...header }) => wire(header, payload));
const command = fc
  .tuple(commandBody, fc.constantFrom(0, 1, 1, 2, 9), fc.constantFrom(17, 20, 20, 20))
  .map(([payload, streamId, type]) => wire({ typeId: type, streamId }, payload));
const refused = fc.array(fc.nat(20)).map((indices) => new Set(indices));

describe('RTMP, whatever comes', () => {
  test('valid conversations with changed bytes end in events or a ProtocolError', () => {
    const seeds = [Buffer.concat(publishing), Buffer.concat(playing)];
    fc.assert(
      fc.property(mutated(seeds), refused, (bytes, no) => {
        serve([bytes], no);
      }),
      { numRuns: 3000 },
    );
  });

  test('any bytes do, with or without a handshake', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3500 }), (bytes) => {
        serve([Buffer.from(bytes)]);
        const protocol = new RtmpProtocol({ limits });
        protocol.push(Buffer.from(bytes));
        orProtocolError(() => protocol.next());
      }),
      { numRuns: 500 },
    );
  });

  test('any messages at any place of a conversation do', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(publishing, playing),
        fc.array(fc.tuple(fc.nat(12), fc.oneof(message, command)), { maxLength: 12 }),
        refused,
        (conversation, added, no) => {
          const pieces = [...conversation];
          for (const [at, piece] of added) pieces.splice(Math.max(1, at), 0, piece);
          serve(pieces, no);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('any commands in any order do, and each publish and play is closed at most once', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), refused, (commands, no) => {
        const running = new Set<number>();
        for (const [index, event] of serve([connect, ...commands], no).entries()) {
          if (event.kind === 'publish' || event.kind === 'play') {
            assert.ok(!running.has(event.streamId), 'one at a time on a stream');
            if (!no.has(index + 1)) running.add(event.streamId);
          }
          if (event.kind === 'close') assert.ok(running.delete(event.streamId), 'closed once');
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('a conversation means the same however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(message, command), { maxLength: 12 }),
        fc.integer({ min: 1, max: 40 }),
        (added, size) => {
          const bytes = Buffer.concat([...publishing.slice(0, 6), ...added]);
          const pieces: Buffer[] = [];
          for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
          const kinds = (events: readonly RtmpEvent[]): string[] => events.map(({ kind }) => kind);
          assert.deepEqual(kinds(serve(pieces)), kinds(serve([bytes])));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a chunk reader never holds more than maxPartialBytes, nor much more than it was sent', () => {
    const header = fc.record({
      format: fc.constantFrom(0, 0, 1, 2, 3, 3),
      id: fc.integer({ min: 2, max: 12 }),
      length: fc.integer({ min: 0, max: 110_000 }),
      data: fc.integer({ min: 0, max: 3000 }),
    });
    fc.assert(
      fc.property(fc.array(header, { maxLength: 40 }), (headers) => {
        const input = new ByteQueue();
        const reader = new ChunkReader(input, { ...wireLimits, ...limits });
        let sent = 0;
        orProtocolError(() => {
          for (const { format, id, length, data } of [{ format: 0, id: 2, length: 4, data: 0 }, ...headers]) {
            const head = wire({ chunkStreamId: id, typeId: sent === 0 ? 1 : 9 }, Buffer.alloc(0));
            head.writeUIntBE(length, 4, 3);
            head[0] = (format << 6) | id;
            const bytes =
              sent === 0
                ? Buffer.concat([head, u32(1000)])
                : Buffer.concat([head.subarray(0, [12, 8, 4, 1][format]), Buffer.alloc(data, id)]);
            sent += bytes.length;
            input.push(bytes);
            while (reader.next() !== null);
            assert.ok(reader.partialBytes <= limits.maxPartialBytes);
            assert.ok(reader.partialBytes <= 8 * 4096 + 4 * sent, `${reader.partialBytes} held of ${sent}`);
          }
        });
      }),
      { numRuns: 2000 },
    );
  });

  test('a client hears any server and throws nothing but ProtocolErrors', () => {
    const conversation = [
      wire({ chunkStreamId: 2, typeId: 5 }, u32(5000)),
      call('_result', 1, [{}, { code: 'NetConnection.Connect.Success' }]),
      call('_result', 2, [null, 1]),
      call('onStatus', 0, [null, { level: 'status', code: 'NetStream.Play.Start' }], { streamId: 1 }),
      wire({ chunkStreamId: 6, typeId: 9, streamId: 1 }, bodies.videoConfig),
      wire({ chunkStreamId: 6, typeId: 9, streamId: 1 }, bodies.key),
    ];
    fc.assert(
      fc.property(mutated([Buffer.concat(conversation)]), fc.array(message, { maxLength: 5 }), (bytes, added) => {
        const client = new RtmpClientProtocol({ mode: 'play', app: 'live', name: 'a', tcUrl: 'rtmp://h/live', limits });
        orProtocolError(() => {
          for (const piece of [clientHandshake, bytes, ...added]) {
            client.push(piece);
            while (client.next() !== null);
          }
        });
        client.close();
        client.output();
      }),
      { numRuns: 2000 },
    );
  });
});
