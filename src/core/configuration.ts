/**
 * When a new value counts: `now`, for everybody; for `new` sessions, streams or connections only; when a `listener` has
 * moved; at the next `restart` of the process.
 */
export type ConfigEffect = 'now' | 'new' | 'listener' | 'restart';

/** One key that would change, or has. */
export interface ConfigKeyChange {
  /** Dotted: `play.waitMs`. */
  readonly key: string;
  /** JSON values; `null` in place of a secret, and where there was none. */
  readonly from: unknown;
  readonly to: unknown;
  readonly effect: ConfigEffect;
}

/** What a change of the configuration does. */
export interface ConfigPlan {
  readonly changes: readonly ConfigKeyChange[];
  /** Doors that open, close or move, as `host:port`; `null`: shut. Those who came through a door that closes stay. */
  readonly listeners: readonly { readonly name: string; readonly from: string | null; readonly to: string | null }[];
  /** How many sessions end because of it. */
  readonly droppedSessions: number;
  /** Keys whose new value counts at the next start of the process only. */
  readonly restart: readonly string[];
  /** Was it applied? `false` of a plan. */
  readonly isApplied: boolean;
  /** Was the operator's file written? */
  readonly isWritten: boolean;
}

type Values = Readonly<Record<string, unknown>>;

/** A change, nested as in the file; or what makes one of the operator's own values once its turn has come. */
export type ConfigChange = Values | ((own: Values) => Values);

/** The configuration as the API sees it; `context.configuration`. */
export interface Configuration {
  /** Every key that is in force, with its default; secrets are left out. */
  describe(): Readonly<Record<string, unknown>>;
  /** What `apply` would do. @throws ConfigError when the result would be wrong; the message is for the operator. */
  plan(change: Readonly<Record<string, unknown>>): Promise<ConfigPlan>;
  /**
   * Puts `change` (nested; lists as a whole; `null` takes a key away) over the operator's own values: all of it or nothing.
   * @param by who wants it, for the log
   * @throws ConfigError when the result would be wrong, ListenError when a door cannot be opened; then nothing has changed.
   */
  apply(change: ConfigChange, by: string): Promise<ConfigPlan>;
}
