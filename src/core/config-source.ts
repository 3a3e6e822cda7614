import type { CoreConfig } from './config.ts';
import type { ConfigInput } from './config-schema.ts';

/** What is in force for the operator's own values. */
export interface ComposedConfig {
  /** The own values as they are to be kept: secrets made, passwords hashed. The same object when nothing was. */
  readonly document: ConfigInput;
  /** With what wins over them. */
  readonly config: ConfigInput;
}

/** Where a configuration comes from, and where it is kept. A library's comes from its constructor and is kept nowhere. */
export interface ConfigSource {
  /** The operator's own values to begin with; without them what the constructor is given. */
  readonly document?: ConfigInput;
  /** @throws ConfigError */
  compose?(document: ConfigInput): Promise<ComposedConfig>;
  /** The variable or flag that sets a key (dotted), so that a change of the own values is without effect; `null`: none. */
  holderOf?(key: string): string | null;
  /**
   * Keeps the own values, before they are in force. `change`: somebody wants them to be other ones, and hears of a failure;
   * `secrets`: what was made for them is added. `false`: they are kept nowhere.
   */
  persist?(document: ConfigInput, why: 'change' | 'secrets'): Promise<boolean>;
  /** A new configuration is about to be in force. */
  applied?(config: CoreConfig): void;
}
