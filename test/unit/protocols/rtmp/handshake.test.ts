import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import { ByteQueue } from '../../../../src/bytes/byte-queue.ts';
import { ProtocolError } from '../../../../src/errors.ts';
import { acceptHandshake, offerHandshake } from '../../../../src/protocols/rtmp/handshake.ts';
import { manyCuts, seeded } from '../../../support/rtmp-wire.ts';
import { splits } from '../../../support/splits.ts';

const CRUD = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const PLAYER = Buffer.from('Genuine Adobe Flash Player 001');
const SERVER = Buffer.from('Genuine Adobe Flash Media Server 001');

function hmac(key: Buffer, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

function randomFrom(seed: number): (size: number) => Buffer {
  const random = seeded(seed);
  return (size) => Buffer.from(Array.from({ length: size }, () => random(256)));
}

/** Where the digest lies: the block begins at 8 in the layout with the digest first, at 772 in the other. */
function digestAt(packet: Buffer, block: number): number {
  return block + 4 + ((packet[block]! + packet[block + 1]! + packet[block + 2]! + packet[block + 3]!) % 728);
}

function withoutDigest(packet: Buffer, at: number): Buffer {
  return Buffer.concat([packet.subarray(0, at), packet.subarray(at + 32)]);
}

/** C1 as Flash Player, FFmpeg and VLC send it. */
function digestC1(block: number, seed: number): Buffer {
  const c1 = Buffer.concat([Buffer.from('000000000900 7c02'.replace(' ', ''), 'hex'), randomFrom(seed)(1528)]);
  const at = digestAt(c1, block);
  hmac(PLAYER, withoutDigest(c1, at)).copy(c1, at);
  return c1;
}

function accept(pieces: readonly Buffer[], seed = 1): { sent: Buffer[]; rest: number; isDone: boolean } {
  const input = new ByteQueue();
  const sent: Buffer[] = [];
  const steps = acceptHandshake(input, (bytes) => sent.push(bytes), randomFrom(seed));
  let isDone = steps.next().done === true;
  for (const piece of pieces) {
    input.push(piece);
    if (!isDone) isDone = steps.next().done === true;
  }
  return { sent, rest: input.size, isDone };
}

describe('the handshake of the server', () => {
  const simpleC1 = Buffer.concat([Buffer.from('01020304', 'hex'), Buffer.alloc(4), randomFrom(9)(1528)]);

  test('answers C0 and C1 with exactly S0, S1 and S2 in one piece, S2 being C1', () => {
    const { sent, isDone } = accept([Buffer.of(3), simpleC1]);
    assert.equal(sent.length, 1);
    assert.equal(sent[0]!.length, 1 + 1536 + 1536);
    assert.equal(sent[0]![0], 3);
    assert.deepEqual(sent[0]!.subarray(1, 9), Buffer.alloc(8));
    assert.deepEqual(sent[0]!.subarray(9, 1537), randomFrom(1)(1528));
    assert.deepEqual(sent[0]!.subarray(1537), simpleC1);
    assert.equal(isDone, false);
  });

  test('sends nothing before all of C1 is there', () => {
    assert.deepEqual(accept([Buffer.of(3), simpleC1.subarray(0, 1535)]).sent, []);
  });

  test('is done behind C2, whatever C2 holds, and leaves what follows', () => {
    const bytes = Buffer.concat([Buffer.of(3), simpleC1, Buffer.alloc(1536, 0xee), Buffer.from('next')]);
    assert.deepEqual({ isDone: accept([bytes]).isDone, rest: accept([bytes]).rest }, { isDone: true, rest: 4 });
    assert.equal(accept([bytes.subarray(0, 3072)]).isDone, false);
  });

  test('does the same however the bytes are cut', () => {
    const bytes = Buffer.concat([Buffer.of(3), digestC1(8, 4), Buffer.alloc(1536, 1)]);
    const whole = accept([bytes]).sent;
    for (const { chunks: pieces } of splits(bytes, manyCuts)) {
      const { sent, isDone } = accept(pieces);
      assert.deepEqual(sent, whole);
      assert.ok(isDone);
    }
  });

  for (const [layout, block] of [
    ['A (key first)', 772],
    ['B (digest first)', 8],
  ] as const) {
    test(`answers a digest of layout ${layout} with a right S1 digest and S2 signature, every time`, () => {
      for (let seed = 1; seed <= 100; seed++) {
        const c1 = digestC1(block, seed);
        const [answer] = accept([Buffer.of(3), c1], seed * 7).sent;
        const s1 = answer!.subarray(1, 1537);
        const s2 = answer!.subarray(1537);
        assert.ok(s1[4]! >= 3, 'clients verify the digest from version 3 on');
        const at = digestAt(s1, block);
        assert.deepEqual(s1.subarray(at, at + 32), hmac(SERVER, withoutDigest(s1, at)));
        const clientAt = digestAt(c1, block);
        const key = hmac(Buffer.concat([SERVER, CRUD]), c1.subarray(clientAt, clientAt + 32));
        assert.deepEqual(s2.subarray(1504), hmac(key, s2.subarray(0, 1504)));
      }
    });
  }

  test('falls back to simple when a digest is wrong, with a zero version word in S1', () => {
    const c1 = digestC1(8, 5);
    c1[1000] = c1[1000]! ^ 1;
    const [answer] = accept([Buffer.of(3), c1]).sent;
    assert.deepEqual(answer!.subarray(5, 9), Buffer.alloc(4));
    assert.deepEqual(answer!.subarray(1537), c1);
  });

  test('answers an encrypted or unknown version with version 3', () => {
    for (const version of [0, 6, 8, 31]) {
      assert.equal(accept([Buffer.of(version), simpleC1]).sent[0]![0], 3);
    }
  });

  test('refuses text at its first byte', () => {
    assert.throws(
      () => accept([Buffer.from('G')]),
      (error) => error instanceof ProtocolError && error.code === 'NMS_PROTOCOL_HANDSHAKE' && error.position === 0,
    );
  });
});

describe('the handshake of the client', () => {
  test('sends a simple C0 and C1 at once, then S1 back as C2, and ends behind S2', () => {
    const input = new ByteQueue();
    const sent: Buffer[] = [];
    const steps = offerHandshake(input, (bytes) => sent.push(bytes), randomFrom(3));
    assert.equal(steps.next().done, false);
    assert.deepEqual(sent[0], Buffer.concat([Buffer.of(3), Buffer.alloc(8), randomFrom(3)(1528)]));
    const s1 = randomFrom(4)(1536);
    input.push(Buffer.concat([Buffer.of(3), s1]));
    assert.equal(steps.next().done, false);
    assert.deepEqual(sent[1], s1);
    input.push(Buffer.alloc(1536, 9));
    assert.equal(steps.next().done, true);
    assert.equal(input.size, 0);
    assert.equal(sent.length, 2);
  });
});
