import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { CoreConfig } from '../core/config.ts';

/** Bytes of lines that may wait for a reader of the log; newer lines are left out beyond that, the server is not held up. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const STANDARD_OUTPUT = 1;

export interface Log {
  readonly logger: pino.Logger;
  /** Writes what still waits; to be called before the process ends. */
  flush(): void;
}

/** The log of the command: lines for people on a terminal, JSON elsewhere, or as `log.format` says. */
export function createLog(config: CoreConfig['log'], isTerminal: boolean, destination = STANDARD_OUTPUT): Log {
  const output = pino.destination({ dest: destination, sync: false, minLength: 0, maxLength: MAX_WAITING_BYTES });
  const isPretty = config.format === 'pretty' || (config.format === 'auto' && isTerminal);
  const options: pino.LoggerOptions = { level: config.level, base: null };
  const flush = () => output.flushSync();
  if (!isPretty) {
    const formatters = { level: (label: string) => ({ level: label }) };
    return { logger: pino({ ...options, formatters, timestamp: pino.stdTimeFunctions.isoTime }, output), flush };
  }
  const prettify = prettyFactory({
    colorize: isTerminal,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
    singleLine: true,
  });
  return { logger: pino(options, { write: (line: string) => void output.write(prettify(line)) }), flush };
}
