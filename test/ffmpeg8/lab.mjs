// The AV1 encoder writes to standard error past FFmpeg's log; this keeps it to errors.
process.env.SVT_LOG = '1';

// What publish.mjs and play.mjs share: error checks, the log, hashes, the JSON that goes to standard output.
import { createHash } from 'node:crypto';
import { AV_LOG_WARNING, Dictionary, FFmpegError, Log } from 'node-av';

/** Throws when an FFmpeg call failed; else gives its answer back. */
export function check(code, what) {
  if (typeof code === 'number' && code < 0) throw new Error(`${what}: ${FFmpegError.strerror(code)} (${code})`);
  return code;
}

export const isAgain = (code) => FFmpegError.isFFmpegError(code) && FFmpegError.fromCode(code).isEAGAIN;
export const isEnd = (code) => FFmpegError.isFFmpegError(code) && FFmpegError.fromCode(code).isEOF;

export const md5 = (bytes) => createHash('md5').update(bytes).digest('hex');

const keptDictionaries = [];

/** Options as FFmpeg takes them. Kept until the end: node-av 6.1 frees them twice when they are collected. */
export function dictionary(values) {
  const made = Dictionary.fromObject(values);
  keptDictionaries.push(made);
  return made;
}

/** Only warnings and errors of FFmpeg go to standard error. */
export function quietLog() {
  Log.setLevel(AV_LOG_WARNING);
}

/** Writes the report and ends the process; FFmpeg's threads may still wait for a peer. */
export function report(value, exitCode) {
  process.stdout.write(`${JSON.stringify(value)}\n`, () => process.exit(exitCode));
}
