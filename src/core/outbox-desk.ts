import type { DatabaseSync } from 'node:sqlite';

/** A call as an operator sees it. Times are unix milliseconds. */
export interface ShownCall {
  readonly id: string;
  readonly target: string;
  readonly stream: string;
  readonly event: string;
  readonly queuedAt: number;
  /** When it is tried next; of a dead letter, when it was given up. */
  readonly at: number;
  readonly attempts: number;
  /** Why the last attempt failed; '' before the first. */
  readonly error: string;
}

/** Some calls: those of one event, or all. At most `limit` of them in one transaction, so that nobody waits for long. */
export interface Selection {
  readonly id: string | null;
  readonly limit: number;
}

const shown = (found: readonly unknown[]): ShownCall[] => found as ShownCall[];

/** What an operator does with the outbox, while a server uses it or not. Each call is one short transaction of the caller's. */
export class OutboxDesk {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  counts(): { readonly waiting: number; readonly dead: number } {
    const found = this.#database
      .prepare(
        `SELECT coalesce((SELECT sum(calls) FROM outbox_targets), 0) AS waiting,
         (SELECT count(*) FROM outbox_dead) AS dead`,
      )
      .get();
    return { waiting: Number(found?.['waiting']), dead: Number(found?.['dead']) };
  }

  /** What waits, in order. */
  waiting(limit: number): ShownCall[] {
    return shown(
      this.#database
        .prepare(
          `SELECT outbox.id, name AS target, stream, event, queued_at AS queuedAt, due_at AS at, error,
           iif(seq = (SELECT min(seq) FROM outbox AS first WHERE first.lane = outbox.lane), attempts, 0) AS attempts
           FROM outbox JOIN outbox_lanes ON outbox_lanes.id = lane JOIN outbox_targets ON outbox_targets.id = outbox.target
           ORDER BY seq LIMIT ?`,
        )
        .all(limit),
    );
  }

  /** Dead letters, in the order in which they died. */
  dead(limit: number): ShownCall[] {
    return shown(
      this.#database
        .prepare(
          `SELECT id, target, stream, event, queued_at AS queuedAt, died_at AS at, attempts, error
           FROM outbox_dead ORDER BY seq LIMIT ?`,
        )
        .all(limit),
    );
  }

  /** The next dead letters of a selection, with their bodies. */
  #letters({ id, limit }: Selection) {
    const some = this.#database.prepare(
      "SELECT seq, id, target, stream, event, body FROM outbox_dead WHERE ? IN (id, '') ORDER BY seq LIMIT ?",
    );
    return some.all(id ?? '', limit) as unknown as readonly Letter[];
  }

  /** Takes dead letters out and hands each to `add`, which puts it at the end of its lane; returns how many. */
  revive(selection: Selection, add: (letter: Letter) => void): number {
    const letters = this.#letters(selection);
    const remove = this.#database.prepare('DELETE FROM outbox_dead WHERE seq = ?');
    for (const letter of letters) {
      add(letter);
      remove.run(letter.seq);
    }
    return letters.length;
  }

  /** Forgets dead letters; returns how many. */
  dropDead({ id, limit }: Selection): number {
    return this.#drop('outbox_dead', id, limit);
  }

  /** Forgets calls that wait; returns how many. One that is being made at this moment still arrives. */
  dropWaiting({ id, limit }: Selection): number {
    return this.#drop('outbox', id, limit);
  }

  #drop(table: 'outbox' | 'outbox_dead', id: string | null, limit: number): number {
    const statement = this.#database.prepare(
      `DELETE FROM ${table} WHERE seq IN (SELECT seq FROM ${table} WHERE ? IN (id, '') ORDER BY seq LIMIT ?)`,
    );
    return Number(statement.run(id ?? '', limit).changes);
  }
}

interface Letter {
  readonly seq: number;
  readonly id: string;
  readonly target: string;
  readonly stream: string;
  readonly event: string;
  readonly body: string;
}
