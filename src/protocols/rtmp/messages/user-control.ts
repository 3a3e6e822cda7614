/** RTMP 1.0, 7.1.7: user control messages (type 4): a 16-bit event and one or two 32-bit numbers. */

const EVENTS = {
  streamBegin: 0,
  streamEof: 1,
  streamDry: 2,
  setBufferLength: 3,
  streamIsRecorded: 4,
  pingRequest: 6,
  pingResponse: 7,
} as const;

/** The events that mean something here. */
export type UserControlEvent = keyof typeof EVENTS;

const EVENT_NAMES: ReadonlyMap<number, UserControlEvent> = new Map(
  Object.entries(EVENTS).map(([name, id]) => [id, name as UserControlEvent]),
);

/** A user control message. */
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
  const event = EVENT_NAMES.get(payload.readUInt16BE(0));
  if (event === undefined) return null;
  const value = payload.readUInt32BE(2);
  if (event !== 'setBufferLength') return { event, value };
  return payload.length < 10 ? null : { event, value, bufferMs: payload.readUInt32BE(6) };
}

/** The body of a message of type 4. */
export function encodeUserControl(control: UserControl): Buffer {
  const payload = Buffer.alloc(control.bufferMs === undefined ? 6 : 10);
  payload.writeUInt16BE(EVENTS[control.event], 0);
  payload.writeUInt32BE(control.value >>> 0, 2);
  if (control.bufferMs !== undefined) payload.writeUInt32BE(control.bufferMs >>> 0, 6);
  return payload;
}
