import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Recording, RecordingPage, RecordingQuery } from '../../core/recorder.ts';
import type { Store } from '../../core/store.ts';
import { recordingsPart } from './record-tables.ts';

/** A file that is known already. */
export interface KnownFile {
  readonly id: string;
  readonly size: number;
  readonly status: Recording['status'];
  /** Is it not to be listed again? */
  readonly isForgotten: boolean;
}

/** Rows that could not be written and are tried again; beyond, the oldest is found at the next start. */
const MAX_UNWRITTEN = 10_000;

const COLUMNS =
  'id, stream_path, app, name, file_path, publisher_id, start_time, end_time, duration, size, status, reason';
const ORDER: Readonly<Record<RecordingQuery['sort'], string>> = {
  startTime: 'start_time',
  duration: 'duration',
  size: 'size',
  streamPath: 'stream_path',
};

const SELECT = `SELECT id, stream_path AS streamPath, app, name, file_path AS filePath, publisher_id AS publisherId,
  start_time AS startTime, end_time AS endTime, duration, size, status, reason FROM recordings`;

/** A row of the columns of `SELECT`. */
function recordingOf(row: object): Recording {
  return { ...row } as Recording;
}

interface Sums {
  readonly count: number;
  readonly duration: number;
  readonly size: number;
}

interface KnownRow {
  readonly filePath: string;
  readonly id: string;
  readonly size: number;
  readonly status: Recording['status'];
  readonly isForgotten: number;
}

const SELECT_KNOWN =
  'SELECT file_path AS filePath, id, size, status, is_forgotten AS isForgotten FROM recordings WHERE root = ?';

function knownOf({ id, size, status, isForgotten }: KnownRow): KnownFile {
  return { id, size, status, isForgotten: isForgotten === 1 };
}

/** What is known of recordings, in the store: a row for each file below a folder of recordings. */
export class RecordLibrary {
  readonly #store: Store;
  #isOpen = false;
  /** Rows by id that are not written yet; `null`: one that is to go. */
  readonly #unwritten = new Map<string, { readonly root: string; readonly recording: Recording } | null>();
  #isScheduled = false;
  #statements = new Map<string, StatementSync>();
  #database: DatabaseSync | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @throws ConfigError as `Store.open` does */
  open(): void {
    if (this.#isOpen) return;
    this.#store.open(recordingsPart);
    this.#isOpen = true;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.flush();
    this.#isOpen = false;
    this.#statements.clear();
    this.#database = null;
    this.#store.close(recordingsPart);
  }

  /** Puts a recording in, or what is new of it; with others of this turn in one transaction. */
  put(root: string, recording: Recording): void {
    this.#unwritten.set(recording.id, { root, recording });
    this.#bound();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  #bound(): void {
    for (const id of this.#unwritten.keys()) {
      if (this.#unwritten.size <= MAX_UNWRITTEN) return;
      this.#unwritten.delete(id);
    }
  }

  /** Writes what is not written yet. */
  flush(): void {
    if (!this.#isOpen || this.#unwritten.size === 0) return;
    const isDone = this.#store.write((database) => {
      const insert = this.#sql(
        database,
        `INSERT INTO recordings (${COLUMNS}, root, search) VALUES (${'?, '.repeat(13)}?)
         ON CONFLICT DO UPDATE SET end_time = excluded.end_time, duration = excluded.duration, size = excluded.size,
         status = excluded.status, reason = excluded.reason`,
      );
      const remove = this.#sql(database, 'DELETE FROM recordings WHERE id = ?');
      for (const [id, row] of this.#unwritten) {
        if (row === null) {
          remove.run(id);
          continue;
        }
        const { root, recording } = row;
        const { streamPath, app, name, filePath, publisherId } = recording;
        const { startTime, endTime, duration, size, status, reason } = recording;
        const told = [id, streamPath, app, name, filePath, publisherId, startTime, endTime, duration, size];
        insert.run(...told, status, reason, root, streamPath.toLowerCase());
      }
      return true;
    });
    if (isDone === true) this.#unwritten.clear();
  }

  /** The recordings that are wanted, and how many there are in all. */
  page(root: string, query: RecordingQuery): RecordingPage {
    const { where, values } = conditions(root, query);
    const order = query.order === 'asc' ? 'ASC' : 'DESC';
    const found = this.#read((database) => {
      const sums = this.#sql(
        database,
        `SELECT count(*) AS count, coalesce(sum(duration), 0) AS duration, coalesce(sum(size), 0) AS size
         FROM recordings WHERE ${where}`,
      ).get(...values);
      const rows = this.#sql(
        database,
        `${SELECT} WHERE ${where} ORDER BY ${ORDER[query.sort]} ${order}, id ${order} LIMIT ? OFFSET ?`,
      ).all(...values, query.limit, query.offset);
      return { sums: sums as unknown as Sums, rows };
    });
    if (found === null) return { items: [], count: 0, totalDuration: 0, totalSize: 0 };
    const { sums, rows } = found;
    return {
      items: rows.flatMap((row) => this.#newest(recordingOf(row)) ?? []),
      count: sums.count,
      totalDuration: sums.duration,
      totalSize: sums.size,
    };
  }

  find(root: string, id: string): Recording | null {
    const row = this.#read((database) =>
      this.#sql(database, `${SELECT} WHERE id = ? AND root = ? AND is_forgotten = 0`).get(id, root),
    );
    return row === null || row === undefined ? null : this.#newest(recordingOf(row));
  }

  /** What is known of it, if that could be written or not; `null`: it is gone. */
  #newest(written: Recording): Recording | null {
    const unwritten = this.#unwritten.get(written.id);
    return unwritten === undefined ? written : (unwritten?.recording ?? null);
  }

  /** Does any file, of any folder, go by this id? */
  has(id: string): boolean {
    const row = this.#read((database) => this.#sql(database, 'SELECT 1 FROM recordings WHERE id = ?').get(id));
    return row !== null && row !== undefined;
  }

  /** What is known of a file. */
  at(root: string, filePath: string): KnownFile | undefined {
    const row = this.#read((database) => this.#sql(database, `${SELECT_KNOWN} AND file_path = ?`).get(root, filePath));
    return row === null || row === undefined ? undefined : knownOf(row as unknown as KnownRow);
  }

  /** Every file that is known below a folder, by its path. */
  known(root: string): Map<string, KnownFile> {
    const rows = this.#read((database) => this.#sql(database, SELECT_KNOWN).all(root)) ?? [];
    return new Map((rows as unknown as KnownRow[]).map((row) => [row.filePath, knownOf(row)]));
  }

  /** Removes rows. */
  remove(ids: readonly string[]): void {
    for (const id of ids) this.#unwritten.set(id, null);
    this.flush();
    this.#bound();
  }

  /** The file stays, and is listed no more. `false`: that could not be written. */
  forget(id: string): boolean {
    this.flush();
    const isDone = this.#store.write((database) => {
      this.#sql(database, 'UPDATE recordings SET is_forgotten = 1 WHERE id = ?').run(id);
      return true;
    });
    return isDone === true;
  }

  #read<Result>(work: (database: DatabaseSync) => Result): Result | null {
    if (!this.#isOpen) return null;
    this.flush();
    return this.#store.read(work);
  }

  /** The store may have put another database in the place of a damaged one. */
  #sql(database: DatabaseSync, text: string): StatementSync {
    if (this.#database !== database) {
      this.#database = database;
      this.#statements = new Map();
    }
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

function conditions(root: string, query: RecordingQuery): { readonly where: string; readonly values: SQLInputValue[] } {
  const clauses = ['root = ?', 'is_forgotten = 0'];
  const values: SQLInputValue[] = [root];
  const add = (clause: string, value: SQLInputValue | undefined) => {
    if (value === undefined) return;
    clauses.push(clause);
    values.push(value);
  };
  add('stream_path = ?', query.streamPath);
  add('instr(search, ?) > 0', query.search?.toLowerCase());
  add('status = ?', query.status);
  add('start_time >= ?', query.start);
  add('start_time <= ?', query.end);
  return { where: clauses.join(' AND '), values };
}
