import { NmsError } from '../../errors.ts';
import { INNER_VERSION, MAX_REASON_BYTES } from './inner-limits.ts';
import { frameType, HEAD_BYTES, MAGIC } from './inner-words.ts';

/**
 * The puller's one frame.
 *
 * ```
 * u32 length | u8 type 1 | "NMSI" | u16 version | u16 length | token | path
 * ```
 */
export function encodeHello({ token, path }: { readonly token: string; readonly path: string }): Buffer {
  const secret = Buffer.from(token);
  const name = Buffer.from(path);
  const bytes = frame(frameType.hello, 8 + secret.length + name.length);
  bytes.writeUInt32BE(MAGIC, HEAD_BYTES);
  bytes.writeUInt16BE(INNER_VERSION, HEAD_BYTES + 4);
  bytes.writeUInt16BE(secret.length, HEAD_BYTES + 6);
  secret.copy(bytes, HEAD_BYTES + 8);
  name.copy(bytes, HEAD_BYTES + 8 + secret.length);
  return bytes;
}

/** The stream follows. */
export function encodeAccept(): Buffer {
  return frame(frameType.accept, 0);
}

/** No, and why. */
export function encodeRefuse(reason: Error): Buffer {
  return encodeReason(frameType.refuse, reason);
}

/** The stream is over, and why. */
export function encodeEnd(reason: Error): Buffer {
  return encodeReason(frameType.end, reason);
}

/** Another publisher's media follows. */
export function encodeRenew(): Buffer {
  return frame(frameType.renew, 0);
}

/** The stream goes on in another process. */
export function encodeMove(): Buffer {
  return frame(frameType.move, 0);
}

/**
 * ```
 * u32 length | u8 type 3 or 7 | u8 length | code | message
 * ```
 */
function encodeReason(type: number, reason: Error): Buffer {
  const code = Buffer.from(reason instanceof NmsError ? reason.code : '').subarray(0, 255);
  const message = Buffer.from(reason.message).subarray(0, MAX_REASON_BYTES);
  const bytes = frame(type, 1 + code.length + message.length);
  bytes[HEAD_BYTES] = code.length;
  code.copy(bytes, HEAD_BYTES + 1);
  message.copy(bytes, HEAD_BYTES + 1 + code.length);
  return bytes;
}

function frame(type: number, bodyBytes: number): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + bodyBytes);
  bytes.writeUInt32BE(1 + bodyBytes);
  bytes[4] = type;
  return bytes;
}
