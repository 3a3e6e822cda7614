/** How a tool is run. Nothing in here touches the process: whoever calls decides about terminals and signals. */
export interface ToolOptions {
  /** Ends the tool in order: a publisher says goodbye in its protocol's words. */
  readonly signal: AbortSignal;
  /** Takes one line, without a line end. */
  readonly print: (line: string) => void;
  /** Shows the state in place of the one before, on a terminal; without it, each state is printed as a line. */
  readonly status?: (line: string) => void;
  /** Seconds after which the tool ends by itself. */
  readonly seconds?: number;
  /** Is any TLS certificate good enough? */
  readonly insecure?: boolean;
}

/** What a connection needs to know. */
export interface ConnectOptions extends Pick<ToolOptions, 'signal' | 'insecure'> {
  /** Time for the connection, and again for the answer to what is asked of the server. */
  readonly answerTimeoutMs: number;
}
