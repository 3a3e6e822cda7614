import { createHmac, randomBytes } from 'node:crypto';
import type { ByteQueue } from '../../bytes/byte-queue.ts';
import { ProtocolError } from '../../errors.ts';

/** Bytes of C1, C2, S1 and S2. */
export const HANDSHAKE_BYTES = 1536;

/** Where a handshake's random bytes come from; `crypto.randomBytes` outside of tests. */
export type RandomBytes = (size: number) => Buffer;

const VERSION = 3;
const DIGEST_BYTES = 32;
const DIGEST_BLOCK_BYTES = 764;
const CONSTANT_TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex');
const PLAYER_TEXT = Buffer.from('Genuine Adobe Flash Player 001', 'latin1');
const SERVER_TEXT = Buffer.from('Genuine Adobe Flash Media Server 001', 'latin1');
const SERVER_KEY = Buffer.concat([SERVER_TEXT, CONSTANT_TAIL]);
/** Anything but zero says "digest"; clients then verify S1 when the first byte is 3 or more. */
const SERVER_VERSION = 0x04050001;

/** Where the digest block begins: in layout A behind the key block, in layout B in front of it. */
const DIGEST_BLOCKS = [772, 8] as const;

function hmac(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const digest = createHmac('sha256', key);
  for (const part of parts) digest.update(part);
  return digest.digest();
}

/** Four bytes at the start of the digest block tell where in it the digest lies. */
function digestOffset(packet: Buffer, block: number): number {
  const sum = packet[block]! + packet[block + 1]! + packet[block + 2]! + packet[block + 3]!;
  return block + 4 + (sum % (DIGEST_BLOCK_BYTES - 4 - DIGEST_BYTES));
}

/** HMAC over the packet without its digest. */
function digestOf(packet: Buffer, offset: number, key: Buffer): Buffer {
  return hmac(key, packet.subarray(0, offset), packet.subarray(offset + DIGEST_BYTES));
}

/** The client's digest and the block it lies in; `null` when C1 carries none that is right. */
function findClientDigest(c1: Buffer): { readonly block: number; readonly digest: Buffer } | null {
  if (c1.readUInt32BE(4) === 0) return null;
  for (const block of DIGEST_BLOCKS) {
    const offset = digestOffset(c1, block);
    const found = c1.subarray(offset, offset + DIGEST_BYTES);
    if (digestOf(c1, offset, PLAYER_TEXT).equals(found)) return { block, digest: found };
  }
  return null;
}

/**
 * S1 and S2 for `c1`: with digests when C1 has a right one (at most four HMACs), simple otherwise. In the simple form the
 * version word of S1 is zero, because clients verify a digest wherever it is not, and S2 is C1 as it came.
 */
function answer(c1: Buffer, random: RandomBytes): { readonly s1: Buffer; readonly s2: Buffer } {
  const s1 = Buffer.alloc(HANDSHAKE_BYTES);
  random(HANDSHAKE_BYTES - 8).copy(s1, 8);
  const client = findClientDigest(c1);
  if (client === null) return { s1, s2: c1 };

  s1.writeUInt32BE(SERVER_VERSION, 4);
  const offset = digestOffset(s1, client.block);
  digestOf(s1, offset, SERVER_TEXT).copy(s1, offset);
  const s2 = Buffer.alloc(HANDSHAKE_BYTES);
  random(HANDSHAKE_BYTES - DIGEST_BYTES).copy(s2);
  const signed = s2.subarray(0, HANDSHAKE_BYTES - DIGEST_BYTES);
  hmac(hmac(SERVER_KEY, client.digest), signed).copy(s2, HANDSHAKE_BYTES - DIGEST_BYTES);
  return { s1, s2 };
}

/** The next 1536 bytes in one Buffer, filled as they come: a peer that sends single bytes costs no more than that. */
function* readPacket(input: ByteQueue): Generator<null, Buffer, void> {
  const packet = Buffer.alloc(HANDSHAKE_BYTES);
  for (let filled = 0; filled < HANDSHAKE_BYTES; ) {
    while (input.size === 0) yield null;
    const count = Math.min(input.size, HANDSHAKE_BYTES - filled);
    input.copyTo(packet, filled, count);
    filled += count;
  }
  return packet;
}

function* skipPacket(input: ByteQueue): Generator<null, void, void> {
  for (let left = HANDSHAKE_BYTES; left > 0; ) {
    while (input.size === 0) yield null;
    const count = Math.min(input.size, left);
    input.skip(count);
    left -= count;
  }
}

/**
 * Version 3 is what we speak. An older or encrypted one is answered with 3 (RTMP 1.0, 5.2.2); 32 and above is another
 * protocol's text ("GET ") and is refused.
 */
function checkVersion(version: number): void {
  if (version >= 32) {
    throw new ProtocolError('NMS_PROTOCOL_HANDSHAKE', `version byte ${version}; ${VERSION} was expected`, {
      position: 0,
      section: 'RTMP 1.0, 5.2.2',
    });
  }
}

/**
 * The server's side (RTMP 1.0, 5.2; digests as Flash Player 9 and later use them). Yields `null` when bytes run out; ends
 * behind C2, whose content is not looked at, since several encoders fill it wrongly. `send` gets S0, S1 and S2 in one piece.
 * @throws ProtocolError when the first byte is text.
 */
export function* acceptHandshake(
  input: ByteQueue,
  send: (bytes: Buffer) => void,
  random: RandomBytes = randomBytes,
): Generator<null, void, void> {
  while (input.size === 0) yield null;
  checkVersion(input.u8());
  const { s1, s2 } = answer(yield* readPacket(input), random);
  send(Buffer.concat([Buffer.of(VERSION), s1, s2]));
  yield* skipPacket(input);
}

/**
 * The client's side, simple: sends C0 and C1 at once, C2 when S1 is here; ends behind S2, whose content is not looked at.
 * @throws ProtocolError when the first byte is text.
 */
export function* offerHandshake(
  input: ByteQueue,
  send: (bytes: Buffer) => void,
  random: RandomBytes = randomBytes,
): Generator<null, void, void> {
  send(Buffer.concat([Buffer.of(VERSION), Buffer.alloc(8), random(HANDSHAKE_BYTES - 8)]));
  while (input.size === 0) yield null;
  checkVersion(input.u8());
  send(yield* readPacket(input));
  yield* skipPacket(input);
}
