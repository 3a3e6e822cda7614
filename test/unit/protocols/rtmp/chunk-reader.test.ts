import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteQueue } from '../../../../src/bytes/byte-queue.ts';
import { ProtocolError } from '../../../../src/errors.ts';
import { wireLimits } from '../../../../src/media/limits.ts';
import { type ChunkLimits, ChunkReader } from '../../../../src/protocols/rtmp/chunk-reader.ts';
import type { RtmpMessage } from '../../../../src/protocols/rtmp/messages/message.ts';
import { manyCuts, seeded, u32 } from '../../../support/rtmp-wire.ts';
import { splits } from '../../../support/splits.ts';

function hex(...texts: readonly string[]): Buffer {
  return Buffer.from(texts.join('').replaceAll(/\s/g, ''), 'hex');
}

function open(limits: Partial<ChunkLimits> = {}): { reader: ChunkReader; push: (bytes: Buffer) => RtmpMessage[] } {
  const input = new ByteQueue();
  const reader = new ChunkReader(input, { ...wireLimits, ...limits });
  const push = (bytes: Buffer): RtmpMessage[] => {
    input.push(bytes);
    const messages: RtmpMessage[] = [];
    for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message);
    return messages;
  };
  return { reader, push };
}

/** `csid type@msid timestamp payload`. */
function show(message: RtmpMessage): string {
  const { chunkStreamId, typeId, streamId, timestamp, payload } = message;
  return `${chunkStreamId} ${typeId}@${streamId} ${timestamp} ${payload.toString('hex')}`;
}

/** Reads the bytes in every way of cutting them, expecting the same each time. */
function read(bytes: Buffer, limits: Partial<ChunkLimits> = {}): string[] {
  let result: string[] | null = null;
  for (const { chunks: pieces } of splits(bytes, manyCuts)) {
    const { push } = open(limits);
    const messages = pieces.flatMap(push).map(show);
    result ??= messages;
    assert.deepEqual(messages, result);
  }
  return result ?? [];
}

function refuses(bytes: Buffer, message: RegExp, limits: Partial<ChunkLimits> = {}): void {
  for (const { chunks: pieces } of splits(bytes, manyCuts)) {
    const { push } = open(limits);
    assert.throws(
      () => pieces.forEach(push),
      (error) => error instanceof ProtocolError && error.code === 'NMS_PROTOCOL_CHUNK' && message.test(error.message),
    );
  }
}

describe('chunk headers', () => {
  test('of the four formats give timestamp, length, type and message stream (little-endian)', () => {
    const bytes = hex(
      '04 0003e8 000002 08 01000000 aabb',
      '44 000014 000001 09 cc',
      '84 00000a dd',
      'c4 ee',
      '05 000000 000001 12 04030201 ff',
    );
    assert.deepEqual(read(bytes), [
      '4 8@1 1000 aabb',
      '4 9@1 1020 cc',
      '4 9@1 1030 dd',
      '4 9@1 1040 ee',
      '5 18@16909060 0 ff',
    ]);
  });

  test('take chunk stream ids in all three encodings, two of one id being one stream', () => {
    const header = '000001 000001 08 01000000';
    const bytes = hex(
      `3f ${header} 01`,
      `00 00 ${header} 02`,
      `00 ff ${header} 03`,
      `01 0000 ${header} 04`,
      `01 0100 ${header} 05`,
      `01 ffff ${header} 06`,
      '81 0000 000005 07',
      '80 00 000005 08',
    );
    assert.deepEqual(
      read(bytes).map((message) => message.split(' ', 1)[0] + message.slice(-3)),
      ['63 01', '64 02', '319 03', '64 04', '65 05', '65599 06', '64 07', '64 08'],
    );
    assert.equal(read(bytes).at(-1), '64 8@1 11 08');
  });

  test('of format 1 may open a chunk stream, on message stream 0', () => {
    assert.deepEqual(read(hex('42 000000 000004 05 004c4b40')), ['2 5@0 0 004c4b40']);
  });

  test('of formats 2 and 3 may not', () => {
    refuses(hex('84 00000a dd'), /format 2 as the first chunk of chunk stream 4 \(byte 1\)/);
    refuses(hex('c4 dd'), /format 3 as the first chunk of chunk stream 4/);
  });

  test('announce messages of no length, which come at once', () => {
    assert.deepEqual(read(hex('04 000001 000000 08 01000000', 'c4', '04 000002 000001 08 01000000 01')), [
      '4 8@1 1 ',
      '4 8@1 2 ',
      '4 8@1 2 01',
    ]);
  });
});

describe('timestamps', () => {
  test('extended ones are absolute in format 0 and deltas in formats 1 and 2', () => {
    const bytes = hex(
      '06 ffffff 000001 09 01000000 01312d00 01',
      '46 ffffff 000001 09 01000001 02',
      '86 ffffff 00ffffff 03',
      '06 ffffff 000001 09 01000000 00000005 04',
    );
    assert.deepEqual(read(bytes), ['6 9@1 20000000 01', '6 9@1 36777217 02', '6 9@1 53554432 03', '6 9@1 5 04']);
  });

  test('extended ones are repeated in format 3 by most senders and left out by others', () => {
    const head = '06 ffffff 00012c 09 01000000 01312d00';
    const part = (byte: string, length: number): string => byte.repeat(length);
    const payload = part('11', 128) + part('22', 128) + part('33', 44);
    const repeated = hex(head, part('11', 128), 'c6 01312d00', part('22', 128), 'c6 01312d00', part('33', 44));
    const leftOut = hex(head, part('11', 128), 'c6', part('22', 128), 'c6', part('33', 44));
    assert.deepEqual(read(repeated), [`6 9@1 20000000 ${payload}`]);
    assert.deepEqual(read(leftOut), [`6 9@1 20000000 ${payload}`]);
  });

  test('a repeated delta or the time it makes are both taken for the extended field of format 3', () => {
    const start = hex('06 000064 000001 09 01000000 00', '46 ffffff 000082 09 01312d00', '11'.repeat(128));
    for (const field of ['01312d00', '01312d64']) {
      assert.deepEqual(
        read(Buffer.concat([start, hex('c6', field, '2222')])).at(-1),
        `6 9@1 20000100 ${'11'.repeat(128)}2222`,
      );
    }
  });

  test('a payload that begins like the extended field is told apart at the first byte that differs', () => {
    const head = hex('06 ffffff 000082 09 01000000 01312d00', '11'.repeat(128));
    const { push } = open();
    assert.deepEqual(push(Buffer.concat([head, hex('c6 01')])), []);
    assert.deepEqual(push(hex('30')).map(show), [`6 9@1 20000000 ${'11'.repeat(128)}0130`]);
  });

  test('format 3 that begins a message adds the last delta, an extended one with its field', () => {
    const bytes = hex(
      '04 000bb8 000001 08 01000000 01',
      '84 000017 02',
      'c4 03',
      'c4 04',
      '84 ffffff 01000000 05',
      'c4 01000000 06',
    );
    assert.deepEqual(
      read(bytes).map((message) => Number(message.split(' ')[2])),
      [3000, 3023, 3046, 3069, 16780285, 33557501],
    );
  });

  test('format 3 behind format 0 adds that timestamp up to a second, and nothing above', () => {
    const second = (first: string): number =>
      Number(
        read(hex(`04 ${first} 000001 08 01000000 01`, 'c4 02'))
          .at(-1)!
          .split(' ')[2],
      );
    assert.equal(second('000000'), 0);
    assert.equal(second('000017'), 46);
    assert.equal(second('0003e8'), 2000);
    assert.equal(second('0003e9'), 1001);
  });

  test('format 3 behind an extended format 0 is the same time, with the field or without it', () => {
    const head = '04 ffffff 000002 08 01000000 01312d00 0102';
    const expected = ['4 8@1 20000000 0102', '4 8@1 20000000 0304'];
    assert.deepEqual(read(hex(head, 'c4 01312d00 0304')), expected);
    assert.deepEqual(read(hex(head, 'c4 0304')), expected);
  });

  test('pass 0xFFFFFF and wrap at 2^32', () => {
    const bytes = hex('06 fffffe 000001 09 01000000 01', '86 000001 02', '86 000001 03');
    assert.deepEqual(
      read(bytes).map((message) => Number(message.split(' ')[2])),
      [16777214, 16777215, 16777216],
    );
    const wrap = hex('06 ffffff 000001 09 01000000 fffffffe 01', '86 000001 02', '86 000001 03');
    assert.deepEqual(
      read(wrap).map((message) => Number(message.split(' ')[2])),
      [4294967294, 4294967295, 0],
    );
  });
});

describe('chunks', () => {
  test('of three messages inside one another are put together', () => {
    const bytes = hex(
      '06 000001 000104 09 01000000',
      '11'.repeat(128),
      '04 000002 000081 08 01000000',
      '22'.repeat(128),
      'c6',
      '33'.repeat(128),
      '05 000003 000001 12 01000000 44',
      'c4 55',
      'c6 66666666',
    );
    assert.deepEqual(read(bytes), [
      '5 18@1 3 44',
      `4 8@1 2 ${'22'.repeat(128)}55`,
      `6 9@1 1 ${'11'.repeat(128)}${'33'.repeat(128)}66666666`,
    ]);
  });

  test('have the size that Set Chunk Size says, also between those of an unfinished message', () => {
    const bytes = hex(
      '02 000000 000004 01 00000000 00001000',
      '06 000000 001388 09 01000000',
      'aa'.repeat(4096),
      '02 000000 000004 01 00000000 00000001',
      'c6 bb c6 bb',
      // In chunks of 1 byte itself, since that is the size now.
      '42 000000 000004 01 7f c2 ff c2 ff c2 ff',
      'c6',
      'cc'.repeat(902),
    );
    assert.deepEqual(read(bytes), [`6 9@1 0 ${'aa'.repeat(4096)}bbbb${'cc'.repeat(902)}`]);
  });

  for (const [size, expected] of [
    [1, 1],
    [128, 128],
    [4096, 4096],
    [65536, 65536],
    [0x7fffffff, 0xffffff],
  ] as const) {
    test(`of size ${size} are accepted`, () => {
      const { reader, push } = open();
      push(Buffer.concat([hex('02 000000 000004 01 00000000'), u32(size)]));
      assert.equal(reader.chunkSize, expected);
    });
  }

  test('of size 0 or with bit 31 set are refused', () => {
    for (const size of ['00000000', '80000000', 'ffffffff']) {
      refuses(hex('02 000000 000004 01 00000000', size), /1 to 2147483647 are allowed/);
    }
    refuses(hex('02 000000 000003 01 00000000 001000'), /Set Chunk Size of 3 bytes/);
  });

  test('of one chunk stream are dropped by Abort, and only those', () => {
    const bytes = hex(
      '06 000000 000081 09 01000000',
      '11'.repeat(128),
      '04 000000 000081 08 01000000',
      '22'.repeat(128),
      '02 000000 000004 02 00000000 00000006',
      'c4 22',
      'c6 3333',
    );
    // What follows on the aborted stream begins a new message.
    assert.deepEqual(read(bytes), [`4 8@1 0 ${'22'.repeat(129)}`]);
    const { reader, push } = open();
    push(bytes);
    assert.equal(reader.droppedPartials, 1);
  });

  test('Abort of a chunk stream that has nothing, or too short an Abort, changes nothing', () => {
    const bytes = hex(
      '02 000000 000004 02 00000000 00000009',
      '02 000000 000002 02 00000000 0000',
      '04 000000 000001 08 01000000 01',
    );
    assert.deepEqual(read(bytes), ['4 8@1 0 01']);
  });

  test('a new header in the middle of a message drops the message', () => {
    for (const [header, expected] of [
      ['06 00000a 000001 09 02000000', '6 9@2 10 ee'],
      ['46 00000a 000001 08', '6 8@1 15 ee'],
    ] as const) {
      const bytes = hex('06 000005 000100 09 01000000', '11'.repeat(128), header, 'ee');
      assert.deepEqual(read(bytes), [expected]);
      const { reader, push } = open();
      push(bytes);
      assert.equal(reader.droppedPartials, 1);
      assert.equal(reader.partialBytes, 0);
    }
  });

  test('of 128 bytes carry long messages', () => {
    const random = seeded(11);
    const payload = Buffer.from(Array.from({ length: 100_000 }, () => random(256)));
    const chunks = [hex('06 000000 0186a0 09 01000000'), payload.subarray(0, 128)];
    for (let at = 128; at < payload.length; at += 128) chunks.push(hex('c6'), payload.subarray(at, at + 128));
    const bytes = Buffer.concat(chunks);
    for (const size of [bytes.length, 1460, 65536]) {
      const { push } = open();
      const messages: RtmpMessage[] = [];
      for (let at = 0; at < bytes.length; at += size) messages.push(...push(bytes.subarray(at, at + size)));
      assert.equal(messages.length, 1);
      assert.deepEqual(messages[0]!.payload, payload);
    }
  });
});

describe('memory', () => {
  test('a small payload that is there as a whole lies in the slab, no byte of it in what was pushed', () => {
    const { push } = open();
    const bytes = hex('06 000000 000005 09 01000000 0102030405 c6 0607080900');
    const [first, second] = push(bytes);
    bytes.fill(0);
    assert.deepEqual([first!.payload, second!.payload], [hex('0102030405'), hex('0607080900')]);
    assert.equal(first!.payload.buffer, second!.payload.buffer);
  });

  test('one that comes in pieces, and a large one, has memory of its own, exactly its size', () => {
    const { push } = open();
    push(hex('06 000000 000005 09 01000000 010203'));
    assert.equal(push(hex('0405'))[0]!.payload.buffer.byteLength, 5);
    const large = open();
    const [frame] = large.push(
      Buffer.concat([
        hex('02 000000 000004 01 00000000 00010000', '06 000000 00ffff 09 01000000'),
        Buffer.alloc(65535),
      ]),
    );
    assert.equal(frame!.payload.buffer.byteLength, 65535);
  });

  test('follows what was sent, not what was announced', () => {
    const { reader, push } = open();
    push(hex('02 000000 000004 01 00000000 7fffffff', '06 000000 9fffff 09 01000000'));
    assert.equal(reader.partialBytes, 0);
    push(hex('00'));
    assert.equal(reader.partialBytes, 4096);
    push(Buffer.alloc(9999));
    assert.equal(reader.partialBytes, 40_000);
  });

  test('of messages that are begun and given up again and again follows what was sent, too', (context) => {
    const { reader, push } = open();
    const begun = hex('46 000000 9fffff 09 00');
    const size = 7000 * begun.length;
    push(hex('02 000000 000004 01 00000000 00000001'));
    const allocate = context.mock.method(Buffer, 'allocUnsafeSlow');
    push(Buffer.alloc(size, begun));
    assert.equal(reader.droppedPartials, 6999);
    const made = allocate.mock.calls.reduce((sum, { arguments: [bytes] }) => sum + bytes, 0);
    const most = 4 * (16 + size) + 4096 * wireLimits.maxChunkStreams + 4 * 7000;
    assert.ok(made <= most, `${made} bytes were made`);
  });

  test('of a finished message is no longer counted', () => {
    const { reader, push } = open();
    push(hex('06 000000 000100 09 01000000', '11'.repeat(128), 'c6'));
    assert.equal(reader.partialBytes, 256);
    push(Buffer.alloc(128));
    assert.equal(reader.partialBytes, 0);
  });

  test('is bounded over all chunk streams by maxPartialBytes', () => {
    const stream = (id: number): Buffer =>
      Buffer.concat([Buffer.of(id), hex('000000 001000 09 01000000'), Buffer.alloc(128)]);
    const { push } = open({ maxPartialBytes: 8192 });
    push(Buffer.concat([stream(4), stream(5)]));
    assert.throws(() => push(stream(6)), /unfinished messages of 8320 bytes exceed maxPartialBytes 8192/);
  });

  test('is given sparingly when little of maxPartialBytes is left', () => {
    const { reader, push } = open({ maxPartialBytes: 10_000 });
    const setSize = hex('02 000000 000004 01 00000000 00010000');
    push(Buffer.concat([setSize, hex('06 000000 002328 09 01000000'), Buffer.alloc(5000)]));
    assert.equal(reader.partialBytes, 9000);
    push(Buffer.alloc(3999));
    push(Buffer.concat([Buffer.of(0), hex('04 000000 001000 08 01000000'), Buffer.alloc(500)]));
    assert.equal(reader.partialBytes, 4096);
    push(hex('05 000000 002328 09 01000000'));
    push(Buffer.alloc(1));
    assert.equal(reader.partialBytes, 4096);
  });

  test('of a single message may be all of maxPartialBytes', () => {
    const bytes = Buffer.concat([
      hex('02 000000 000004 01 00000000 00010000', '06 000000 002000 09 01000000'),
      Buffer.alloc(8192, 3),
    ]);
    assert.equal(read(bytes, { maxPartialBytes: 8192 }).length, 1);
  });
});

describe('limits', () => {
  test('a message above maxMessageBytes is refused by its header', () => {
    refuses(
      hex('06 000000 a00001 09 01000000'),
      /message of 10485761 bytes exceeds maxMessageBytes 10485760 \(byte 8\)/,
    );
    refuses(hex('06 000000 000065 09 01000000'), /message of 101 bytes exceeds maxMessageBytes 100/, {
      maxMessageBytes: 100,
    });
    assert.deepEqual(read(hex('06 000000 a00000 09 01000000')), []);
  });

  test('a command above maxCommandBytes is refused by its header', () => {
    refuses(hex('03 000000 040001 14 00000000'), /command of 262145 bytes exceeds maxCommandBytes 262144/);
    refuses(hex('03 000000 040001 11 00000000'), /command of 262145 bytes/);
  });

  test('a chunk stream above maxChunkStreams is refused', () => {
    const streams = [2, 3, 4].map((id) => Buffer.concat([Buffer.of(id), hex('000000 000000 08 01000000')]));
    refuses(Buffer.concat(streams), /chunk stream 4 exceeds maxChunkStreams 2/, { maxChunkStreams: 2 });
    assert.equal(read(Buffer.concat(streams), { maxChunkStreams: 3 }).length, 3);
  });
});
