import type { AmfValue } from '../../amf/amf-value.ts';
import type { Command } from './command.ts';

/** Echoed names are cut to this many characters. */
const MAX_ECHO_LENGTH = 256;

/**
 * What follows the command object. Some encoders leave that object out, so that the first value is an argument already.
 */
export function callArguments(command: Command): readonly AmfValue[] {
  const first = command.values[0];
  return typeof first === 'object' || first === undefined ? command.values.slice(1) : command.values;
}

/** A stream name as an argument; a number is one too. */
export function nameArgument(value: AmfValue): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** The answer to a call; none to one with transaction id 0. */
export function resultOf(command: Command, value: AmfValue): Command[] {
  const { transactionId } = command;
  return transactionId === 0 ? [] : [{ name: '_result', transactionId, values: [null, value] }];
}

/** `onFCPublish` and its like: a transaction id, null, then the information; encoders break without the first two. */
function notice(name: string, code: string, command: Command): Command {
  const streamName = nameArgument(callArguments(command)[0]).split('?', 1)[0]!.slice(0, MAX_ECHO_LENGTH);
  return { name, transactionId: 0, values: [null, { level: 'status', code, description: streamName }] };
}

/**
 * What is said to calls that change nothing. An unknown one gets an empty `_result`, never `_error`, which encoders
 * take for the end.
 */
export function answersTo(command: Command): Command[] {
  switch (command.name) {
    case '_result':
    case '_error':
    case 'onStatus':
      return [];
    case 'FCPublish':
      return [...resultOf(command, undefined), notice('onFCPublish', 'NetStream.Publish.Start', command)];
    case 'FCUnpublish':
      return [...resultOf(command, undefined), notice('onFCUnpublish', 'NetStream.Unpublish.Success', command)];
    case 'FCSubscribe':
      return [...resultOf(command, undefined), notice('onFCSubscribe', 'NetStream.Play.Start', command)];
    case 'getStreamLength':
    case 'getMovLen':
      return resultOf(command, 0);
    default:
      return resultOf(command, undefined);
  }
}
