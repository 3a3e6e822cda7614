import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '../errors.ts';
import type { Logger } from './logger.ts';
import { openDatabase, sqliteCode, sqliteCodes, transaction } from './sqlite.ts';
import { migrate, type StorePart } from './store-part.ts';

/** The database in the folder `store.path`. */
export const STORE_FILE = 'nms.db';
/** Held by the server that uses the folder; gone with its process, however that ends. */
const LOCK_FILE = 'nms.lock';

/** Another process that writes (the command) does so for moments; whoever waits for it here does nothing else. */
const BUSY_TIMEOUT_MS = 50;
/** Pages, of 4 KiB, after which what was written is moved from the log into the file. */
const CHECKPOINT_PAGES = 1000;
/** Of the log that is kept as a file once its content has been moved. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;
const CACHE_KIB = 4096;

export interface StoreOptions {
  /** The folder; made when it is not there. */
  readonly folder: string;
  /** `fsync`: what was written survives a power failure too, and every write waits for the disk. */
  readonly durability: 'none' | 'fsync';
  readonly logger: Logger;
}

/**
 * What a server keeps on disk: one SQLite database, of which each part owns its tables. Opened by the first part that needs
 * it, closed by the last. Trouble with the disk is logged once and ends nothing: work is refused until the disk is well.
 */
export class Store {
  readonly #options: StoreOptions;
  readonly #parts = new Map<string, StorePart>();
  #database: DatabaseSync | null = null;
  #lock: DatabaseSync | null = null;
  #isPersistent = true;
  #isFailing = false;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** `false`: the folder cannot be used, and what is kept lives in memory and ends with the process. */
  get isPersistent(): boolean {
    return this.#isPersistent;
  }

  /** Is anything kept already, by this process or an earlier one? */
  get exists(): boolean {
    return this.#database !== null || existsSync(this.#file);
  }

  /** Has work failed, and nothing been written since? It may be tried again. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /**
   * Makes a part's tables; a part opens once, and closes once.
   * @throws ConfigError when another server uses the folder, or a newer version has written the part.
   */
  open(part: StorePart): void {
    const isFirst = this.#parts.size === 0;
    this.#parts.set(part.name, part);
    try {
      if (isFirst) this.#openFile();
      else if (this.#database !== null) migrate(this.#database, part);
    } catch (error) {
      this.close(part);
      throw error;
    }
  }

  close(part: StorePart): void {
    this.#parts.delete(part.name);
    if (this.#parts.size > 0) return;
    this.#database?.close();
    this.#lock?.close();
    this.#database = null;
    this.#lock = null;
  }

  /** Runs `work` in one transaction. `null`: it could not be done, nothing of it is, and the log knows why. */
  write<Result>(work: (database: DatabaseSync) => Result): Result | null {
    return this.#attempt((database) => {
      const result = transaction(database, () => work(database));
      this.#succeed();
      return result;
    });
  }

  /** Runs `work`, which only reads; `null` as `write`. */
  read<Result>(work: (database: DatabaseSync) => Result): Result | null {
    return this.#attempt(work);
  }

  #attempt<Result>(work: (database: DatabaseSync) => Result): Result | null {
    if (this.#database === null) return null;
    try {
      return work(this.#database);
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  /** Reading often goes on when writing does not: only what was written is a sign. */
  #succeed(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#options.logger.info({ file: this.#file }, 'the store works again');
  }

  get #file(): string {
    return join(this.#options.folder, STORE_FILE);
  }

  #fail(error: unknown): void {
    const code = sqliteCode(error);
    if (code === null) throw error;
    if (isCorrupt(code)) return this.#replace(error);
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#options.logger.error({ file: this.#file, err: error }, 'the store cannot be used at the moment');
  }

  /** @throws ConfigError */
  #openFile(): void {
    try {
      mkdirSync(this.#options.folder, { recursive: true });
      this.#takeLock();
      this.#database = this.#openDatabase(this.#file);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      if (isCorrupt(sqliteCode(error))) this.#replace(error);
      else this.#useMemory(error);
    }
  }

  #takeLock(): void {
    const lock = openDatabase(join(this.#options.folder, LOCK_FILE), { busyTimeoutMs: 0 });
    try {
      // Locks of the system go with their process; the file itself says nothing.
      lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      this.#lock = lock;
    } catch (error) {
      lock.close();
      if (sqliteCode(error) !== sqliteCodes.busy) throw error;
      const message = `store.path is "${this.#options.folder}", which another running server uses; a folder of its own is allowed`;
      throw new ConfigError('store.path', message, { cause: error });
    }
  }

  #openDatabase(file: string): DatabaseSync {
    // What is kept may hold what peers sent to prove who they are: nobody else's business.
    if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
    const database = openDatabase(file, { busyTimeoutMs: BUSY_TIMEOUT_MS });
    try {
      database.exec(`
        PRAGMA auto_vacuum = INCREMENTAL;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = ${this.#options.durability === 'fsync' ? 'FULL' : 'NORMAL'};
        PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
        PRAGMA journal_size_limit = ${MAX_LOG_BYTES};
        PRAGMA cache_size = -${CACHE_KIB};
        PRAGMA temp_store = MEMORY;
      `);
      for (const part of this.#parts.values()) migrate(database, part);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  }

  /** A damaged file is kept for whoever can read it; an empty one takes its place. */
  #replace(error: unknown): void {
    this.#database?.close();
    this.#database = null;
    const aside = `${this.#file}.corrupt-${Date.now()}`;
    try {
      renameSync(this.#file, aside);
      for (const suffix of ['-wal', '-shm']) rmSync(`${this.#file}${suffix}`, { force: true });
      this.#database = this.#openDatabase(this.#file);
      this.#options.logger.error({ file: this.#file, aside, err: error }, 'the store was damaged and is moved aside');
    } catch (failure) {
      this.#useMemory(failure);
    }
  }

  #useMemory(error: unknown): void {
    this.#isPersistent = false;
    this.#database = this.#openDatabase(':memory:');
    const message = 'the store cannot be used: what it would keep is kept in memory, and ends with the process';
    this.#options.logger.error({ file: this.#file, err: error }, message);
  }
}

function isCorrupt(code: number | null): boolean {
  return code === sqliteCodes.corrupt || code === sqliteCodes.notADatabase;
}
