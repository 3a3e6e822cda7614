import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { CoreConfig } from '../core/config.ts';

/** Bytes of lines that may wait for a reader of the log; newer lines are left out beyond that, the server is not held up. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const FLUSH_TIMEOUT_MS = 1000;
/** Lines of this long leave in one write: each is a system call, and a thousand players come with three thousand lines. */
const GATHER_MS = 20;
const STANDARD_OUTPUT = 1;

export interface Log {
  readonly logger: pino.Logger;
  /** Resolves when nothing waits any more, or the reader has not read for a second; to be awaited before the process ends. */
  flush(): Promise<void>;
}

/** The log of the command: lines for people on a terminal, JSON elsewhere, or as `log.format` says. */
export function createLog(config: CoreConfig['log'], isTerminal: boolean, destination = STANDARD_OUTPUT): Log {
  const output = pino.destination({ dest: destination, sync: false, minLength: 0, maxLength: MAX_WAITING_BYTES });
  // At the exit of the process it would try to write what is left until that succeeds: on a full disk, for ever.
  output.flushSync = () => {};
  const isPretty = config.format === 'pretty' || (config.format === 'auto' && isTerminal);
  const options: pino.LoggerOptions = { level: config.level, base: null };
  let hasReader = true;
  let gathered = '';
  let timer: NodeJS.Timeout | null = null;
  const release = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const lines = gathered;
    gathered = '';
    output.write(lines);
  };
  const write = (line: string) => {
    gathered += line;
    timer ??= setTimeout(release, GATHER_MS);
  };
  output.on('error', () => {
    hasReader = false;
  });
  // A disk that was full has room again.
  output.on('write', () => {
    hasReader = true;
  });
  const flush = () =>
    new Promise<void>((resolve) => {
      if (!hasReader) return resolve();
      const patience = setTimeout(resolve, FLUSH_TIMEOUT_MS);
      output.once('drain', () => {
        clearTimeout(patience);
        resolve();
      });
      // `drain` follows a write, also of nothing.
      release();
    });
  if (!isPretty) {
    const formatters = { level: (label: string) => ({ level: label }) };
    return { logger: pino({ ...options, formatters, timestamp: pino.stdTimeFunctions.isoTime }, { write }), flush };
  }
  const prettify = prettyFactory({
    colorize: isTerminal,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
    singleLine: true,
  });
  return { logger: pino(options, { write: (line: string) => write(prettify(line)) }), flush };
}
