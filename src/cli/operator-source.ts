import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { CoreConfig } from '../core/config.ts';
import { type ConfigInput, resolveConfig } from '../core/config-schema.ts';
import type { ComposedConfig, ConfigSource } from '../core/config-source.ts';
import { ConfigError } from '../errors.ts';
import { type ConfigFile, setAt } from './config-file.ts';
import type { LoadedConfig } from './load-config.ts';
import type { Log } from './log.ts';
import { type PreparedSecrets, prepareSecrets, type SecretMemory } from './secrets.ts';

interface SourceOptions {
  readonly loaded: LoadedConfig;
  readonly log: Log;
  /** Writes to the operator, past the log: for what must be seen once and kept nowhere. */
  readonly tell: (text: string) => void;
}

/** What was composed last, until it is in force or refused. */
interface Draft {
  readonly file: ConfigFile;
  /** What the file is to say. */
  readonly document: ConfigInput;
  readonly secrets: PreparedSecrets;
  areKept: boolean;
}

/** The system's name of what went wrong. */
export function systemReason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** The operator's file, with variables and flags over it: where the command's configuration comes from, and is kept. */
export class OperatorSource implements ConfigSource {
  readonly #options: SourceOptions;
  /** Files that were read again, by what they hold. */
  readonly #read = new WeakMap<ConfigInput, ConfigFile>();
  #file: ConfigFile;
  #draft: Draft | null = null;
  #memory: SecretMemory = new Map();
  /** Called with what was written into the file. */
  onWritten: (text: string) => void = () => {};

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#file = options.loaded.file;
  }

  /** The file that is in force. */
  get file(): ConfigFile {
    return this.#file;
  }

  get document(): ConfigInput {
    return this.#draft?.document ?? this.#file.document;
  }

  /** A file that was read again, and whose document is about to be composed. */
  offer(file: ConfigFile): void {
    this.#read.set(file.document, file);
  }

  /** @throws ConfigError */
  async compose(document: ConfigInput): Promise<ComposedConfig> {
    const { layers } = this.#options.loaded;
    const merged = layers.over(document);
    const { auth } = resolveConfig(merged, layers.sections) as unknown as CoreConfig;
    const foreignKeys = new Set(layers.origins.keys());
    const secrets = await prepareSecrets({ merged, auth, document, foreignKeys, memory: this.#memory });
    let kept = document;
    for (const { path, value } of secrets.changes) kept = setAt(kept, path, value) as ConfigInput;
    this.#draft = { file: this.#read.get(document) ?? this.#file, document: kept, secrets, areKept: true };
    return { document: kept, config: secrets.config };
  }

  holderOf(key: string): string | null {
    for (const [held, origin] of this.#options.loaded.layers.origins) {
      if (key === held || held.startsWith(`${key}.`) || key.startsWith(`${held}.`)) return origin;
    }
    return null;
  }

  /**
   * Writes the file. What was only made for it may also be kept nowhere: a file that cannot be written is no reason not to serve.
   * @throws ConfigError when somebody's change cannot be kept.
   */
  async persist(document: ConfigInput, why: 'change' | 'secrets'): Promise<boolean> {
    const { log, loaded } = this.#options;
    const file = this.#draft?.file ?? this.#file;
    const before = file.document;
    try {
      if (why === 'change') refuseChanged(file, loaded.fileName);
      file.replace(document);
      file.save();
      this.onWritten(file.raw);
      return true;
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      const reason = systemReason(error);
      if (why === 'change') {
        if (file.document !== before) file.replace(before);
        const message = `${basename(loaded.fileName)} cannot be written (${reason}): nothing is changed`;
        throw new ConfigError('', message, { cause: error });
      }
      if (this.#draft !== null) this.#draft.areKept = false;
      const problem = `${loaded.fileName} cannot be written (${reason})`;
      const message = `${problem}: generated secrets and passwords hold for this run only`;
      log.logger.warn({ file: file.path, reason }, message);
      return false;
    }
  }

  applied({ log: { level } }: CoreConfig): void {
    const draft = this.#draft;
    this.#draft = null;
    this.#options.log.logger.level = level;
    if (draft === null) return;
    this.#file = draft.file;
    this.#remember(draft.secrets, draft.areKept);
    this.#warnOfWeak(draft.secrets);
    this.#showPasswords(draft.secrets, draft.areKept);
  }

  /** At the start: keeps what was made for the configuration, and a file that is new; shows passwords. */
  async begin(document: ConfigInput): Promise<void> {
    const { loaded, log } = this.#options;
    const { isNew, fileName, file } = loaded;
    const { secrets } = this.#draft!;
    this.#warnOfWeak(secrets);
    let areKept = true;
    if (isNew || secrets.changes.length > 0) areKept = await this.persist(document, 'secrets');
    if (areKept && (isNew || secrets.changes.length > 0)) {
      const message = isNew ? `${fileName} made with the defaults` : `new secrets kept in ${fileName}`;
      log.logger.info({ file: file.path }, message);
    }
    this.#draft = null;
    this.#remember(secrets, areKept);
    this.#showPasswords(secrets, areKept);
  }

  /** What the file does not keep is to be the same when the file is read again. */
  #remember({ made }: PreparedSecrets, areKept: boolean): void {
    const { origins } = this.#options.loaded.layers;
    const lost = made.filter(({ key }) => !areKept || origins.has(key));
    this.#memory = new Map(lost.map(({ purpose, value }) => [purpose, value]));
  }

  #warnOfWeak({ weak }: PreparedSecrets): void {
    for (const key of weak) {
      this.#options.log.logger.warn({ key }, `${key} is one that was published; choose another`);
    }
  }

  #showPasswords({ passwords }: PreparedSecrets, areKept: boolean): void {
    const { loaded, tell } = this.#options;
    const isOfFile = !loaded.origins.has('auth.jwt.users');
    const advice =
      areKept && isOfFile
        ? `Shown this once; ${loaded.fileName} keeps only its hash.`
        : 'Kept nowhere: it holds for this run only.';
    for (const { username, password } of passwords) {
      const rule = '='.repeat(64);
      tell(`${rule}\n  User:     ${username}\n  Password: ${password}\n  ${advice}\n${rule}\n`);
    }
  }
}

/** What the operator wrote meanwhile is not to be lost. Whoever wants the change is not told where the file is. */
function refuseChanged(file: ConfigFile, fileName: string): void {
  if (readFileSync(file.path, 'utf8') === file.raw) return;
  const message = `${basename(fileName)} is not what it was when it was read last; once what it says now is in force a change is allowed`;
  throw new ConfigError('', message);
}
