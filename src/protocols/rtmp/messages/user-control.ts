/** RTMP 1.0, 7.1.7: user control messages (type 4): a 16-bit event and one or two 32-bit numbers. */

const EVENT_NAMES = new Map([
  [0, 'streamBegin'],
  [1, 'streamEof'],
  [2, 'streamDry'],
  [3, 'setBufferLength'],
  [4, 'streamIsRecorded'],
  [6, 'pingRequest'],
  [7, 'pingResponse'],
] as const);

export type UserControlEvent = typeof EVENT_NAMES extends Map<number, infer Name> ? Name : never;

const EVENT_IDS = new Map([...EVENT_NAMES].map(([id, name]) => [name, id]));

export interface UserControl {
  readonly event: UserControlEvent;
  /** The message stream; for pings the sender's clock in milliseconds, modulo 2^32. */
  readonly value: number;
  /** Only for `setBufferLength`: milliseconds. */
  readonly bufferMs?: number;
}

/** `null`: an event that is not in the table, or too few bytes; both are ignored. */
export function decodeUserControl(payload: Buffer): UserControl | null {
  if (payload.length < 6) return null;
  const event = EVENT_NAMES.get(payload.readUInt16BE(0) as 0);
  if (event === undefined) return null;
  const value = payload.readUInt32BE(2);
  if ((event as UserControlEvent) !== 'setBufferLength') return { event, value };
  return payload.length < 10 ? null : { event, value, bufferMs: payload.readUInt32BE(6) };
}

export function encodeUserControl(control: UserControl): Buffer {
  const payload = Buffer.alloc(control.bufferMs === undefined ? 6 : 10);
  payload.writeUInt16BE(EVENT_IDS.get(control.event)!, 0);
  payload.writeUInt32BE(control.value >>> 0, 2);
  if (control.bufferMs !== undefined) payload.writeUInt32BE(control.bufferMs >>> 0, 6);
  return payload;
}
