import type { DatabaseSync } from 'node:sqlite';

/** Runs `load` without the warning that Node 22 gives of its SQLite; every other warning passes. */
function withoutSqliteWarning<Result>(load: () => Result): Result {
  const { emitWarning } = process;
  process.emitWarning = (...args: unknown[]) => {
    if (args[1] === 'ExperimentalWarning' && String(args[0]).includes('SQLite')) return;
    Reflect.apply(emitWarning, process, args);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** How long a process waits for another one that writes. It waits with its event loop, so the server does not wait long. */
export interface DatabaseOptions {
  readonly busyTimeoutMs: number;
}

/** Opens a file, or `:memory:`. @throws the error of SQLite */
export function openDatabase(path: string, { busyTimeoutMs }: DatabaseOptions): DatabaseSync {
  const sqlite = withoutSqliteWarning(() => process.getBuiltinModule('node:sqlite'));
  return new sqlite.DatabaseSync(path, { timeout: busyTimeoutMs });
}

/** What SQLite says of an error, without the finer half of its codes (https://sqlite.org/rescode.html); `null`: it is none of SQLite's. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

/** Codes of SQLite that are told apart here. */
export const sqliteCodes = { busy: 5, corrupt: 11, notADatabase: 26 } as const;

/** Runs `work` in one transaction: all of it, or nothing when it throws. */
export function transaction<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite has rolled back by itself after some errors, a full disk among them.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
