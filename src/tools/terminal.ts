import type { ToolOptions } from './tool-options.ts';

/** What is written to: `process.stdout`, or a test's. */
export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const CLEAR_LINE = '\r\u001b[2K';

/** Writes a tool's lines; on a terminal the state stays on one line that is written anew, and `print` goes above it. */
export function terminalOutput(output: TextOutput): Pick<ToolOptions, 'print' | 'status'> {
  if (output.isTTY !== true) return { print: (line) => void output.write(`${line}\n`) };
  let state = '';
  return {
    print: (line) => {
      output.write(`${state === '' ? '' : CLEAR_LINE}${line}\n`);
      state = '';
    },
    status: (line) => {
      // A line that wraps could not be cleared again.
      state = line.slice(0, Math.max(0, (output.columns ?? 80) - 1));
      output.write(CLEAR_LINE + state);
    },
  };
}
