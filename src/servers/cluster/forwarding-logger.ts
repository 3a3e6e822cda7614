import type { Logger } from '../../core/logger.ts';
import { decodeError, encodeError, type ErrorData } from './error-data.ts';
import type { LogLevel, ToPrimary } from './messages.ts';

/** An error among the fields of a line. */
interface Thrown {
  readonly thrown: ErrorData;
}

function isThrown(value: unknown): value is Thrown {
  return typeof value === 'object' && value !== null && 'thrown' in value;
}

function portable(value: unknown): unknown {
  if (value instanceof Error) return { thrown: encodeError(value) } satisfies Thrown;
  const isPlain = value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value);
  if (isPlain) return value;
  try {
    return JSON.parse(JSON.stringify(value)) as unknown;
  } catch {
    // A circle, a BigInt: no log could write it either.
    return `a ${typeof value}`;
  }
}

/** The fields of a line that came from a worker. */
export function readFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(fields);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, isThrown(value) ? decodeError(value.thrown) : value]),
  );
}

/** Sends every line to the primary, whose logger writes it. Levels that it does not write, at the moment, are not sent. */
export function forwardingLogger(
  send: (message: ToPrimary) => void,
  levels: readonly LogLevel[],
  own: Readonly<Record<string, unknown>> = {},
): Logger {
  const write = (level: LogLevel) => (fields: object, message: string) => {
    if (!levels.includes(level)) return;
    const entries = Object.entries({ ...own, ...fields }).map(([name, value]) => [name, portable(value)]);
    send({ kind: 'log', level, fields: Object.fromEntries(entries), message });
  };
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => forwardingLogger(send, levels, { ...own, ...fields }),
  };
}
