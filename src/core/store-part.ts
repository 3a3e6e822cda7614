import type { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '../errors.ts';
import { transaction } from './sqlite.ts';

/** The tables of one part of the server. */
export interface StorePart {
  readonly name: string;
  /** SQL that brings the tables from one version to the next; step 1 makes them. Steps that were released never change. */
  readonly steps: readonly string[];
}

const PARTS = 'CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT';

/** The version of a part's tables; 0: there are none. */
export function versionOf(database: DatabaseSync, name: string): number {
  database.exec(PARTS);
  const row = database.prepare('SELECT version FROM parts WHERE name = ?').get(name);
  return typeof row?.['version'] === 'number' ? row['version'] : 0;
}

/**
 * Brings a part's tables to the version of this program, all steps or none.
 * @throws ConfigError when a newer program has written them.
 */
export function migrate(database: DatabaseSync, { name, steps }: StorePart): void {
  transaction(database, () => {
    const version = versionOf(database, name);
    if (version > steps.length) {
      const message = `the store holds version ${version} of ${name}, written by a newer version of this program; up to ${steps.length} is allowed`;
      throw new ConfigError('store.path', message);
    }
    if (version === steps.length) return;
    for (const step of steps.slice(version)) database.exec(step);
    database
      .prepare(
        'INSERT INTO parts (name, version) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET version = excluded.version',
      )
      .run(name, steps.length);
  });
}
