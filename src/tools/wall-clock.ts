/** ISO/IEC 14496-10, D.1.7: says whose user data it is. Without zeros, so that nothing needs escaping. */
const UUID = Buffer.from('743a4e69511146c0853f51d158a66439', 'hex');
/** Digits of the time: milliseconds since 1970 in ASCII. */
const DIGITS = 13;
const SEI_PAYLOAD_BYTES = UUID.length + DIGITS;
const SEI = 6;
const USER_DATA_UNREGISTERED = 5;
/** A NAL unit's length field; our publisher's is always of 4 bytes. */
const LENGTH_BYTES = 4;
/** FLV 10.1, E.4.3: frame type and codec, packet type, composition time. */
const VIDEO_HEADER_BYTES = 5;
/** Where in a frame the stamp may stand: encoders put delimiters and parameter sets before it. */
const MAX_NALS_BEFORE = 8;

/**
 * An H.264 frame's FLV body with a stamp of the time put before its NAL units. The stamp is part of the frame, so every
 * protocol and every cache carries it along; decoders pass over it.
 *
 *     length:32 | 06 | payload type 5 | payload size | uuid:128 | 13 digits | 80
 */
export function stampVideoBody(body: Buffer, unixMs: number): Buffer {
  const nal = Buffer.concat([
    Buffer.of(SEI, USER_DATA_UNREGISTERED, SEI_PAYLOAD_BYTES),
    UUID,
    Buffer.from(String(Math.floor(unixMs)).padStart(DIGITS, '0').slice(-DIGITS), 'latin1'),
    Buffer.of(0x80),
  ]);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(nal.length);
  return Buffer.concat([body.subarray(0, VIDEO_HEADER_BYTES), length, nal, body.subarray(VIDEO_HEADER_BYTES)]);
}

/** The time in a frame's stamp, in milliseconds since 1970; `null` when it has none. Takes length-prefixed NAL units. */
export function readStamp(frame: Buffer): number | null {
  let at = 0;
  for (let count = 0; count < MAX_NALS_BEFORE && at + LENGTH_BYTES < frame.length; count++) {
    const start = at + LENGTH_BYTES;
    const end = start + frame.readUInt32BE(at);
    if (end > frame.length) return null;
    if (frame[start] === SEI) {
      const stamp = readStampNal(frame.subarray(start, end));
      if (stamp !== null) return stamp;
    }
    at = end;
  }
  return null;
}

function readStampNal(nal: Buffer): number | null {
  const payload = nal.subarray(3, 3 + SEI_PAYLOAD_BYTES);
  if (payload.length < SEI_PAYLOAD_BYTES || nal[1] !== USER_DATA_UNREGISTERED || nal[2] !== SEI_PAYLOAD_BYTES) {
    return null;
  }
  if (!payload.subarray(0, UUID.length).equals(UUID)) return null;
  const digits = payload.toString('latin1', UUID.length);
  return /^\d+$/.test(digits) ? Number(digits) : null;
}
