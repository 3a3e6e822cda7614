import { ProtocolError } from '../../../errors.ts';

/** RTMP 1.0, 5.4: protocol control messages. They are honoured on any chunk stream and any message stream. */

/** The largest chunk that is of use: a message has at most 2^24 - 1 bytes. */
export const MAX_CHUNK_SIZE = 0xffffff;

function u32(value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value >>> 0, 0);
  return payload;
}

/** `null`: too short to mean anything; ignored. */
function readU32(payload: Buffer): number | null {
  return payload.length < 4 ? null : payload.readUInt32BE(0);
}

/**
 * Set Chunk Size (type 1): bytes of payload per chunk from now on, clamped to what a message can have.
 * @throws ProtocolError when it is 0, has bit 31 set, or is not there.
 */
export function decodeSetChunkSize(payload: Buffer): number {
  const size = readU32(payload);
  if (size === null || size === 0 || size > 0x7fffffff) {
    const found = size === null ? `Set Chunk Size of ${payload.length} bytes` : `chunk size ${size}`;
    throw new ProtocolError('NMS_PROTOCOL_CHUNK', `${found}; 1 to 2147483647 are allowed`, {
      section: 'RTMP 1.0, 5.4.1',
    });
  }
  return Math.min(size, MAX_CHUNK_SIZE);
}

/** The body of Set Chunk Size. */
export const encodeSetChunkSize = u32;

/** Abort (type 2): the chunk stream whose unfinished message is void. */
export const decodeAbort = readU32;
/** The body of Abort; we never send one, since clients do not know it. */
export const encodeAbort = u32;

/** Acknowledgement (type 3): bytes received so far, modulo 2^32. */
export const decodeAcknowledgement = readU32;
/** The body of Acknowledgement; the number is taken modulo 2^32. */
export const encodeAcknowledgement = u32;

/** Window Acknowledgement Size (type 5): an acknowledgement is wanted at least every so many bytes. */
export const decodeWindowAckSize = readU32;
/** The body of Window Acknowledgement Size. */
export const encodeWindowAckSize = u32;

/** Set Peer Bandwidth (type 6): the window that the receiver is to announce. */
export interface PeerBandwidth {
  readonly windowSize: number;
  readonly limitType: 'hard' | 'soft' | 'dynamic';
}

const LIMIT_TYPES = ['hard', 'soft', 'dynamic'] as const;

/** `null`: too short, or of an unknown limit type; ignored. */
export function decodeSetPeerBandwidth(payload: Buffer): PeerBandwidth | null {
  const limitType = LIMIT_TYPES[payload[4] ?? LIMIT_TYPES.length];
  return limitType === undefined ? null : { windowSize: payload.readUInt32BE(0), limitType };
}

/** The body of Set Peer Bandwidth. */
export function encodeSetPeerBandwidth(bandwidth: PeerBandwidth): Buffer {
  return Buffer.concat([u32(bandwidth.windowSize), Buffer.of(LIMIT_TYPES.indexOf(bandwidth.limitType))]);
}
