import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { outboxPart } from './outbox-tables.ts';
import type { StorePart } from './store-part.ts';

/** One call that has to be made: an event, as one target is told of it. */
export interface OutboxCall {
  /** The event's: the same for every target, and each time that it is sent. */
  readonly id: string;
  /** The name of the target; its address stands in the configuration. */
  readonly target: string;
  /** Calls of one stream to one target are made one after the other. */
  readonly stream: string;
  readonly event: string;
  readonly body: string;
}

/** A call at the head of its lane, or behind it. */
export interface WaitingCall {
  /** Its place in the order; never used twice. */
  readonly seq: number;
  readonly id: string;
  readonly event: string;
  readonly queuedAt: number;
  readonly body: string;
}

/** The calls of one stream to one target. */
export interface Lane {
  readonly lane: number;
  readonly stream: string;
  /** How often its first call has failed. */
  readonly attempts: number;
}

/** How much waits for a target. */
export interface Backlog {
  readonly calls: number;
  readonly bytes: number;
}

interface Failure {
  readonly attempts: number;
  readonly dueAt: number;
  readonly error: string;
}

interface LimitedCalls {
  readonly target: string;
  readonly limit: number;
}

type Row = Record<string, unknown>;
const rows = <Result>(found: readonly Row[]): Result[] => found as unknown as Result[];

/**
 * The calls that wait in a database, in lanes of one stream and one target each, and those that were given up. Times are unix
 * milliseconds. Several changes belong into one transaction, which is the caller's.
 */
export class Outbox {
  static readonly part: StorePart = outboxPart;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  #sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /** Puts a call at the end of its lane. */
  add({ id, target, stream, event, body }: OutboxCall, now: number): void {
    this.#sql('INSERT INTO outbox_targets (name) VALUES (?) ON CONFLICT DO NOTHING').run(target);
    const lane = this.#sql(
      `INSERT INTO outbox_lanes (target, stream, due_at) SELECT id, ?, ? FROM outbox_targets WHERE name = ?
       ON CONFLICT (target, stream) DO UPDATE SET stream = excluded.stream RETURNING id, target`,
    ).get(stream, now, target) as { readonly id: number; readonly target: number };
    this.#sql('INSERT INTO outbox (lane, target, id, event, queued_at, body) VALUES (?, ?, ?, ?, ?, ?)').run(
      lane.id,
      lane.target,
      id,
      event,
      now,
      body,
    );
  }

  backlog(target: string): Backlog {
    const found = this.#sql('SELECT calls, bytes FROM outbox_targets WHERE name = ?').get(target);
    return found === undefined ? { calls: 0, bytes: 0 } : (found as unknown as Backlog);
  }

  /** The targets that something waits for. */
  targets(): (Backlog & { readonly target: string })[] {
    return rows(
      this.#sql('SELECT name AS target, calls, bytes FROM outbox_targets WHERE calls > 0 ORDER BY name').all(),
    );
  }

  /** The lanes of a target whose first call may be made now, the longest due first. */
  dueLanes({ target, limit }: LimitedCalls, now: number): Lane[] {
    return rows(
      this.#sql(
        `SELECT id AS lane, stream, attempts FROM outbox_lanes
         WHERE target = (SELECT id FROM outbox_targets WHERE name = ?) AND due_at <= ? ORDER BY due_at, id LIMIT ?`,
      ).all(target, now, limit),
    );
  }

  /** When the next lane of a target is due after `now`; `null`: none is. */
  nextDueAt(target: string, now: number): number | null {
    const found = this.#sql(
      `SELECT min(due_at) AS at FROM outbox_lanes
       WHERE target = (SELECT id FROM outbox_targets WHERE name = ?) AND due_at > ?`,
    ).get(target, now);
    return typeof found?.['at'] === 'number' ? found['at'] : null;
  }

  /** The first calls of a lane, in order. */
  callsOf(lane: number, limit: number): WaitingCall[] {
    return rows(
      this.#sql(
        'SELECT seq, id, event, queued_at AS queuedAt, body FROM outbox WHERE lane = ? ORDER BY seq LIMIT ?',
      ).all(lane, limit),
    );
  }

  /** The call was made: it is gone, and its lane with it when it was the last one. */
  remove(seq: number): void {
    this.#sql('DELETE FROM outbox WHERE seq = ?').run(seq);
  }

  /** The lane's first call failed and stays first. */
  postpone(lane: number, { attempts, dueAt, error }: Failure): void {
    this.#sql('UPDATE outbox_lanes SET attempts = ?, due_at = ?, error = ? WHERE id = ?').run(
      attempts,
      dueAt,
      error,
      lane,
    );
  }

  /** Whatever waits for another attempt may be tried now: the wait was for what may have changed since. */
  hurry(now: number): void {
    this.#sql('UPDATE outbox_lanes SET due_at = ? WHERE due_at > ?').run(now, now);
  }

  /** The lane's first call is another one now. */
  advance(lane: number, now: number): void {
    this.postpone(lane, { attempts: 0, dueAt: now, error: '' });
  }

  /** Gives a call up: it becomes a dead letter. */
  bury(seq: number, { attempts, error }: Omit<Failure, 'dueAt'>, now: number): void {
    this.#sql(
      `INSERT INTO outbox_dead (id, target, stream, event, queued_at, died_at, attempts, error, body)
       SELECT outbox.id, outbox_targets.name, stream, event, queued_at, ?, ?, ?, body FROM outbox
       JOIN outbox_lanes ON outbox_lanes.id = outbox.lane JOIN outbox_targets ON outbox_targets.id = outbox.target
       WHERE seq = ?`,
    ).run(now, attempts, error, seq);
    this.remove(seq);
  }

  /** Calls that have waited since before `time`, of any target, the oldest first. */
  olderThan(time: number, limit: number): { readonly seq: number; readonly lane: number; readonly attempts: number }[] {
    return rows(
      this.#sql(
        `SELECT seq, lane, attempts FROM (SELECT seq, lane, queued_at FROM outbox ORDER BY seq LIMIT ?)
         JOIN outbox_lanes ON outbox_lanes.id = lane WHERE queued_at < ? ORDER BY seq`,
      ).all(limit, time),
    );
  }

  /** Forgets the oldest calls of a target; returns how many. */
  dropOldest({ target, limit }: LimitedCalls): number {
    const { changes } = this.#sql(
      `DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox
       WHERE target = (SELECT id FROM outbox_targets WHERE name = ?) ORDER BY seq LIMIT ?)`,
    ).run(target, limit);
    return Number(changes);
  }

  /** Keeps the newest dead letters only; returns how many were forgotten. */
  trimDead(max: number): number {
    const { changes } = this.#sql(
      'DELETE FROM outbox_dead WHERE seq <= (SELECT seq FROM outbox_dead ORDER BY seq DESC LIMIT 1 OFFSET ?)',
    ).run(max);
    return Number(changes);
  }

  /** Changes when another process has written. */
  version(): number {
    return Number(this.#sql('PRAGMA data_version').get()?.['data_version']);
  }
}
