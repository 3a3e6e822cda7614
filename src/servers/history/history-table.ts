import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { HistoryEntry, HistoryQuery } from '../../core/history.ts';
import type { StorePart } from '../../core/store-part.ts';

const COLUMNS: Readonly<Record<HistoryQuery['sort'], string>> = {
  startTime: 'start_time',
  duration: 'end_time - start_time',
  inBytes: 'in_bytes',
  outBytes: 'out_bytes',
  streamPath: 'stream',
};

/** What is kept of an entry: the rest follows. */
const SELECTED = `id, role, protocol, stream AS streamPath, ip, user, user_agent AS userAgent, start_time AS startTime,
  end_time AS endTime, in_bytes AS inBytes, out_bytes AS outBytes, dropped_frames AS droppedFrames,
  play_count AS playCount, reason`;

type Row = Omit<HistoryEntry, 'app' | 'name' | 'duration'>;

function entryOf(row: Row): HistoryEntry {
  const { streamPath, startTime, endTime } = row;
  const cut = streamPath.lastIndexOf('/');
  const app = streamPath.slice(1, cut);
  return { ...row, app, name: streamPath.slice(cut + 1), duration: Math.max(0, endTime - startTime) };
}

/** A text in a pattern of LIKE that means itself. */
function literally(text: string): string {
  return text.replaceAll(/[\\%_]/g, (character) => `\\${character}`);
}

/** The conditions of a query, and what their question marks stand for. */
function conditionsOf(query: HistoryQuery): { readonly where: string; readonly values: readonly SQLInputValue[] } {
  const { role, streamPath, search, ip, protocol, start, end } = query;
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const need = (condition: string, ...wanted: readonly (SQLInputValue | undefined)[]) => {
    if (wanted.includes(undefined)) return;
    conditions.push(condition);
    values.push(...(wanted as readonly SQLInputValue[]));
  };
  need('role = ?', role);
  need('stream = ?', streamPath);
  need('protocol = ?', protocol);
  // `ip` is an address with a port; to ask without the port is usual.
  const address = ip?.includes(':') === true && !ip.startsWith('[') && ip.split(':').length > 2 ? `[${ip}]` : ip;
  need(`(ip = ? OR ip LIKE ? ESCAPE '\\')`, ip, address === undefined ? undefined : `${literally(address)}:%`);
  const pattern = search === undefined ? undefined : `%${literally(search)}%`;
  need(`(stream LIKE ? ESCAPE '\\' OR ip LIKE ? ESCAPE '\\')`, pattern, pattern);
  need('start_time >= ?', start);
  need('start_time <= ?', end);
  return { where: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`, values };
}

/** What was published and played, in a database. Several changes belong into one transaction, which is the caller's. */
export class HistoryTable {
  static readonly part: StorePart = {
    name: 'history',
    steps: [
      `
      CREATE TABLE history (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, role TEXT NOT NULL, protocol TEXT NOT NULL,
        stream TEXT NOT NULL, ip TEXT NOT NULL, user TEXT NOT NULL, user_agent TEXT NOT NULL,
        start_time INTEGER NOT NULL, end_time INTEGER NOT NULL, in_bytes INTEGER NOT NULL, out_bytes INTEGER NOT NULL,
        dropped_frames INTEGER NOT NULL, play_count INTEGER NOT NULL, reason TEXT NOT NULL
      ) STRICT;
      CREATE INDEX history_by_role ON history (role);
      CREATE INDEX history_by_time ON history (role, start_time);
      CREATE INDEX history_by_stream ON history (stream, start_time);
      `,
    ],
  };

  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Entries of each role. */
  readonly #counts: Record<HistoryEntry['role'], number>;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const count = database.prepare('SELECT count(*) AS entries FROM history WHERE role = ?');
    const countOf = (role: HistoryEntry['role']) => Number(count.get(role)?.['entries']);
    this.#counts = { publisher: countOf('publisher'), player: countOf('player') };
  }

  /** Of texts that do not change: statements are prepared once. */
  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  add(entries: readonly HistoryEntry[]): void {
    const insert = this.#sql(
      `INSERT INTO history (id, role, protocol, stream, ip, user, user_agent, start_time, end_time, in_bytes, out_bytes,
       dropped_frames, play_count, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    for (const entry of entries) {
      const { id, role, protocol, streamPath, ip, user, userAgent, startTime, endTime } = entry;
      const { inBytes, outBytes, droppedFrames, playCount, reason } = entry;
      insert.run(
        id,
        role,
        protocol,
        streamPath,
        ip,
        user,
        userAgent,
        startTime,
        endTime,
        inBytes,
        outBytes,
        droppedFrames,
        playCount,
        reason,
      );
      this.#counts[role]++;
    }
  }

  /**
   * Forgets the oldest entries beyond `max` of each role, and those that ended before `before`; at most `limit` of each
   * kind. Returns how many.
   */
  prune({ max, before, limit }: { readonly max: number; readonly before: number; readonly limit: number }): number {
    return (
      this.#pruneCount('publisher', max, limit) + this.#pruneCount('player', max, limit) + this.#pruneAge(before, limit)
    );
  }

  #pruneCount(role: HistoryEntry['role'], max: number, limit: number): number {
    const excess = Math.min(this.#counts[role] - max, limit);
    if (excess <= 0) return 0;
    const remove = this.#sql(
      'DELETE FROM history WHERE seq IN (SELECT seq FROM history WHERE role = ? ORDER BY seq LIMIT ?)',
    );
    const removed = Number(remove.run(role, excess).changes);
    this.#counts[role] -= removed;
    return removed;
  }

  #pruneAge(before: number, limit: number): number {
    const remove = this.#sql(
      `DELETE FROM history WHERE seq IN (SELECT seq FROM (SELECT seq, end_time FROM history ORDER BY seq LIMIT ?)
       WHERE end_time < ?) RETURNING role`,
    );
    const removed = remove.all(limit, before) as unknown as readonly Pick<HistoryEntry, 'role'>[];
    for (const { role } of removed) this.#counts[role]--;
    return removed.length;
  }

  list(query: HistoryQuery): { readonly items: readonly HistoryEntry[]; readonly count: number } {
    const { where, values } = conditionsOf(query);
    const direction = query.order === 'asc' ? 'ASC' : 'DESC';
    const found = this.#database.prepare(`SELECT count(*) AS entries FROM history ${where}`).get(...values);
    const rows = this.#database
      .prepare(
        `SELECT ${SELECTED} FROM history ${where}
         ORDER BY ${COLUMNS[query.sort]} ${direction}, seq ${direction} LIMIT ? OFFSET ?`,
      )
      .all(...values, query.limit, query.offset) as unknown as readonly Row[];
    return { items: rows.map(entryOf), count: Number(found?.['entries']) };
  }

  /** Forgets the entries of a stream, or all; returns how many. */
  clear(streamPath?: string): number {
    const removed =
      streamPath === undefined
        ? this.#sql('DELETE FROM history RETURNING role').all()
        : this.#sql('DELETE FROM history WHERE stream = ? RETURNING role').all(streamPath);
    for (const { role } of removed as unknown as readonly Pick<HistoryEntry, 'role'>[]) this.#counts[role]--;
    return removed.length;
  }
}
