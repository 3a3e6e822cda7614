import { ProtocolError } from '../../../errors.ts';
import { decodeAmfMessage, encodeAmfMessage } from '../../amf/amf-message.ts';
import type { AmfLimits, AmfObject, AmfValue } from '../../amf/amf-value.ts';

/** RTMP 1.0, 7.1.1: a command message: its name, a transaction id, then values, the first of them usually an object or null. */
export interface Command {
  readonly name: string;
  /** 0: no answer is expected. */
  readonly transactionId: number;
  readonly values: readonly AmfValue[];
}

/**
 * Reads the body of a message of type 20, or with `amf3` of type 17. A transaction id that is no number counts as 0.
 * @throws ProtocolError when it does not begin with a name or is not AMF within `limits`.
 */
export function decodeCommand(body: Buffer, flavour: { readonly amf3: boolean }, limits: AmfLimits): Command {
  const [name, transactionId, ...values] = decodeAmfMessage(body, flavour, limits);
  if (typeof name !== 'string') {
    throw new ProtocolError('NMS_PROTOCOL_MESSAGE', `command message without a name (it begins with ${typeof name})`, {
      section: 'RTMP 1.0, 7.1.1',
    });
  }
  return { name, transactionId: typeof transactionId === 'number' ? transactionId : 0, values };
}

/** The body of a message of type 20, or with `amf3` of type 17. */
export function encodeCommand(command: Command, flavour: { readonly amf3: boolean }): Buffer {
  return encodeAmfMessage([command.name, command.transactionId, ...command.values], flavour);
}

/** How bad it is. FFmpeg ends at any `error`. */
export type StatusLevel = 'status' | 'warning' | 'error';

/** RTMP 1.0, 7.2.2: the information object of an onStatus command, a `_result` or an `_error`. */
export interface StatusInfo {
  readonly level: StatusLevel;
  /** `NetStream.Publish.Start` and so on. */
  readonly code: string;
  readonly description: string;
}

/** The onStatus command that says so: transaction id 0, no command object. */
export function statusCommand(info: StatusInfo & Readonly<Record<string, AmfValue>>): Command {
  return { name: 'onStatus', transactionId: 0, values: [null, { ...info } as AmfObject] };
}

/** What an onStatus, `_result` or `_error` says; `null` when it carries no information object. */
export function readStatus(command: Command): StatusInfo | null {
  const info = command.values.findLast(
    (value) => typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string',
  ) as AmfObject | undefined;
  if (info === undefined) return null;
  const { level, code } = info;
  return {
    level: level === 'error' || level === 'warning' ? level : 'status',
    code: typeof code === 'string' ? code : '',
    description: typeof info['description'] === 'string' ? info['description'] : '',
  };
}
