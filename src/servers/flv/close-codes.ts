import { AbsentError, BusyError, ClosedError, EndError, LimitError, NmsError, ProtocolError } from '../../errors.ts';
import { isTooLarge } from './answer.ts';

/** RFC 6455, 5.5: a control frame has 125 bytes, two of them the code. */
const MAX_REASON_BYTES = 123;

/** RFC 6455, 7.4: why a session ended, as a WebSocket says it. */
export function closeCodeFor(reason: Error, isStopping: boolean): number {
  if (isStopping && (reason instanceof EndError || reason instanceof ClosedError)) return 1001;
  if (reason instanceof EndError) return 1000;
  if (isTooLarge(reason)) return 1009;
  if (reason instanceof ProtocolError) return reason.code === 'NMS_PROTOCOL_WEBSOCKET' ? 1003 : 1007;
  if (reason instanceof AbsentError || reason instanceof BusyError || reason instanceof LimitError) return 1013;
  if (reason instanceof NmsError) return 1008;
  return 1011;
}

/** The reason for people, cut to what a close frame holds. */
export function closeText(reason: Error): string {
  if (!(reason instanceof NmsError)) return 'the server failed';
  let text = '';
  let bytes = 0;
  for (const character of reason.message) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_REASON_BYTES) break;
    text += character;
  }
  return text;
}
