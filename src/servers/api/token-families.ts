import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from '../../core/logger.ts';
import type { Store } from '../../core/store.ts';
import type { StorePart } from '../../core/store-part.ts';
import { ConfigError } from '../../errors.ts';

/**
 * Sign-ins of one user that are remembered, because they were refreshed or ended; for a new one the first to expire goes, and
 * ends with all that are not remembered and expire no later.
 */
const MAX_FAMILIES_PER_USER = 1000;
const ENDED = -1;
/** The entry that stands for the sign-ins of one user that had to go. Ids of families have no space. */
const GONE = 'gone ';

interface Family {
  readonly username: string;
  /** The generation whose refresh token is good; `ENDED`: none of the family's tokens is. */
  readonly generation: number;
  /** Unix milliseconds after which no token of the family can be good. */
  readonly expiresAt: number;
}

function readRow(row: Record<string, unknown>): readonly [string, Family] {
  const { family, username, generation, expires_at: expiresAt } = row;
  return [String(family), { username: String(username), generation: Number(generation), expiresAt: Number(expiresAt) }];
}

/**
 * What became of sign-ins: how often each was refreshed, and which have ended. One that was neither refreshed nor ended needs
 * no entry. Kept in the store; when that cannot be used, in memory, until the process ends.
 */
export class TokenFamilies {
  static readonly part: StorePart = {
    name: 'api_tokens',
    steps: [
      `CREATE TABLE api_token_families (
        family TEXT PRIMARY KEY, username TEXT NOT NULL, generation INTEGER NOT NULL, expires_at INTEGER NOT NULL
      ) STRICT`,
    ],
  };

  readonly #store: Store;
  readonly #logger: Logger;
  readonly #families = new Map<string, Family>();
  /** Changed since they were written, or gone. */
  readonly #unsaved = new Set<string>();
  #state: 'closed' | 'open' | 'refused' = 'closed';

  constructor(store: Store, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Reads what earlier runs have kept. The store is made only when there is something to keep. */
  open(): void {
    if (!this.#store.exists) return;
    this.#openStore();
    const rows = this.#store.read((database) => database.prepare('SELECT * FROM api_token_families').all()) ?? [];
    for (const row of rows) this.#families.set(...readRow(row));
    this.sweep(Date.now());
  }

  close(): void {
    this.#save();
    if (this.#state === 'open') this.#store.close(TokenFamilies.part);
    this.#state = 'closed';
  }

  get size(): number {
    return this.#families.size;
  }

  /** Is no token of the family good any more? `expiresAt`: unix milliseconds, as its token says. */
  isEnded(family: string, { username, expiresAt }: Omit<Family, 'generation'>): boolean {
    const known = this.#families.get(family);
    if (known !== undefined) return known.generation === ENDED;
    return expiresAt <= (this.#families.get(GONE + username)?.expiresAt ?? 0);
  }

  /**
   * Uses up the refresh token of a generation. `false`: it was used before, so somebody has a copy, and the family ends
   * (RFC 9700, 4.14.2).
   */
  advance(family: string, token: Family): boolean {
    const current = this.#families.get(family)?.generation ?? 0;
    if (current !== token.generation) {
      this.end(family, token);
      return false;
    }
    this.#set(family, { ...token, generation: current + 1 });
    return true;
  }

  /** No token of the family is good from now on. */
  end(family: string, { username, expiresAt }: Omit<Family, 'generation'>): void {
    this.#set(family, { username, expiresAt, generation: ENDED });
  }

  /** Forgets those whose tokens have expired, and writes what could not be written before. */
  sweep(now: number): void {
    for (const [family, { expiresAt }] of this.#families) if (expiresAt <= now) this.#forget(family);
    this.#save();
  }

  #set(family: string, entry: Family): void {
    const known = this.#families.get(family);
    if (known === undefined) this.#makeRoom(entry.username);
    this.#families.set(family, { ...entry, expiresAt: Math.max(entry.expiresAt, known?.expiresAt ?? 0) });
    this.#unsaved.add(family);
    this.#save();
  }

  #makeRoom(username: string): void {
    const gone = GONE + username;
    const own = [...this.#families].filter(([id, family]) => family.username === username && id !== gone);
    if (own.length < MAX_FAMILIES_PER_USER) return;
    const [first] = own.sort(([, a], [, b]) => a.expiresAt - b.expiresAt);
    if (first === undefined) return;
    const [id, { expiresAt }] = first;
    this.#forget(id);
    const latest = Math.max(expiresAt, this.#families.get(gone)?.expiresAt ?? 0);
    this.#families.set(gone, { username, generation: ENDED, expiresAt: latest });
    this.#unsaved.add(gone);
  }

  #forget(family: string): void {
    this.#families.delete(family);
    this.#unsaved.add(family);
  }

  #openStore(): void {
    if (this.#state !== 'closed') return;
    try {
      this.#store.open(TokenFamilies.part);
      this.#state = 'open';
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#state = 'refused';
      this.#logger.warn({ err: error }, 'who has signed out of the API is kept in memory only, until the process ends');
    }
  }

  #save(): void {
    if (this.#unsaved.size === 0) return;
    this.#openStore();
    if (this.#state !== 'open') {
      this.#unsaved.clear();
      return;
    }
    if (this.#store.write((database) => this.#write(database)) !== null) this.#unsaved.clear();
  }

  #write(database: DatabaseSync): number {
    const put = database.prepare('INSERT OR REPLACE INTO api_token_families VALUES (?, ?, ?, ?)');
    const remove = database.prepare('DELETE FROM api_token_families WHERE family = ?');
    for (const family of this.#unsaved) {
      const entry = this.#families.get(family);
      if (entry === undefined) remove.run(family);
      else put.run(family, entry.username, entry.generation, entry.expiresAt);
    }
    return this.#unsaved.size;
  }
}
