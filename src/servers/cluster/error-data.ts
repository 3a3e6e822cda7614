import * as errors from '../../errors.ts';

/** An error on its way to another process. */
export interface ErrorData {
  /** The class. */
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** Everything else that it carries and that can travel: `code`, `limit`, `path`, … */
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

const CLASSES: Readonly<Record<string, { readonly prototype: Error }>> = {
  ConfigError: errors.ConfigError,
  ListenError: errors.ListenError,
  ProtocolError: errors.ProtocolError,
  DeniedError: errors.DeniedError,
  BusyError: errors.BusyError,
  AbsentError: errors.AbsentError,
  LimitError: errors.LimitError,
  SlowError: errors.SlowError,
  TimeoutError: errors.TimeoutError,
  ClosedError: errors.ClosedError,
  EndError: errors.EndError,
  ConnectionError: errors.ConnectionError,
  RecordError: errors.RecordError,
  NmsError: errors.NmsError,
};

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** The class that the other side will know: an embedder's own subclass travels as the one of ours that it extends. */
function classOf(error: Error): string {
  const found = Object.entries(CLASSES).find(([, kind]) => kind.prototype.isPrototypeOf(error));
  return found === undefined ? error.name : found[0];
}

/** Takes an error apart; never throws, whatever was thrown. */
export function encodeError(thrown: unknown): ErrorData {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown), stack: '', fields: {} };
  const entries = Object.entries(thrown).filter(([name, value]) => name !== 'name' && isPlain(value));
  return {
    name: classOf(thrown),
    message: thrown.message,
    stack: thrown.stack ?? '',
    fields: Object.fromEntries(entries) as ErrorData['fields'],
  };
}

/** The error as it was: same class, code, message and fields; its `cause` stays behind. */
export function decodeError({ name, message, stack, fields }: ErrorData): Error {
  const error = new Error(message);
  const prototype = CLASSES[name]?.prototype;
  if (prototype !== undefined) Object.setPrototypeOf(error, prototype);
  Object.assign(error, fields);
  error.name = name;
  if (stack !== '') error.stack = stack;
  return error;
}
