import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Outbox } from '../core/outbox.ts';
import { OutboxDesk, type Selection, type ShownCall } from '../core/outbox-desk.ts';
import { openDatabase, transaction } from '../core/sqlite.ts';
import { STORE_FILE } from '../core/store.ts';
import { migrate } from '../core/store-part.ts';
import { AbsentError, ConfigError, NmsError } from '../errors.ts';
import type { LoadedConfig } from './load-config.ts';
import type { OutboxRequest } from './outbox-arguments.ts';

/** A server that runs writes for moments; the command can wait for it. */
const BUSY_TIMEOUT_MS = 10_000;
/** Changed in one transaction, so that a server that runs does not wait for the command. */
const CALLS_PER_STEP = 200;

const time = (unixMs: number) => new Date(unixMs).toISOString().replace(/\.\d+Z$/, 'Z');

function table(calls: readonly ShownCall[], at: string): string[] {
  const head = ['id', 'event', 'stream', 'target', 'since', 'attempts', at, 'error'];
  const rows = calls.map((call) => [
    ...[call.id, call.event, call.stream, call.target, time(call.queuedAt), String(call.attempts), time(call.at)],
    call.error,
  ]);
  const widths = head.map((name, index) => Math.max(name.length, ...rows.map((row) => row[index]?.length ?? 0)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function show(desk: OutboxDesk, { task, limit }: OutboxRequest): string {
  const counts = desk.counts();
  const isDead = task === 'dead';
  const total = isDead ? counts.dead : counts.waiting;
  const calls = isDead ? desk.dead(limit) : desk.waiting(limit);
  const what = isDead ? 'dead letters' : 'calls wait';
  if (total === 0) return isDead ? 'no dead letters' : 'no call waits';
  const more = total > calls.length ? [`… ${total - calls.length} more; --limit shows them`] : [];
  return [`${total} ${what}`, ...table(calls, isDead ? 'died' : 'next'), ...more].join('\n');
}

/** Does `step` again and again, a transaction each, until it finds nothing more; `max`: what comes meanwhile stays. */
function repeat(database: DatabaseSync, max: number, step: (limit: number) => number): number {
  let done = 0;
  while (done < max) {
    const count = transaction(database, () => step(Math.min(CALLS_PER_STEP, max - done)));
    if (count === 0) break;
    done += count;
  }
  return done;
}

function change(database: DatabaseSync, { task, id, isWaiting }: OutboxRequest): string {
  const desk = new OutboxDesk(database);
  const outbox = new Outbox(database);
  const { dead, waiting } = desk.counts();
  const steps = {
    resend: (selection: Selection) => desk.revive(selection, (letter) => outbox.add(letter, Date.now())),
    drop: (selection: Selection) => (isWaiting ? desk.dropWaiting(selection) : desk.dropDead(selection)),
  };
  const step = task === 'resend' ? steps.resend : steps.drop;
  const max = task === 'drop' && isWaiting ? waiting : dead;
  const done = repeat(database, max, (limit) => step({ id, limit }));
  if (done === 0 && id !== null) {
    throw new AbsentError(`no ${isWaiting ? 'call that waits' : 'dead letter'} has the id ${JSON.stringify(id)}`);
  }
  return `${done} ${task === 'resend' ? 'wait to be sent again' : 'forgotten'}`;
}

/**
 * Does what is asked with the calls of webhooks that are kept on disk, beside a server that runs or without one.
 * @throws ConfigError when the database cannot be used, AbsentError when nothing has the id.
 */
export function outbox(loaded: LoadedConfig, request: OutboxRequest): string {
  const file = join(resolve(loaded.file.folder, loaded.resolved.store.path), STORE_FILE);
  if (!existsSync(file)) return `nothing is kept: there is no ${file}`;
  try {
    const database = openDatabase(file, { busyTimeoutMs: BUSY_TIMEOUT_MS });
    try {
      migrate(database, Outbox.part);
      const isShown = request.task === 'list' || request.task === 'dead';
      return isShown ? show(new OutboxDesk(database), request) : change(database, request);
    } finally {
      database.close();
    }
  } catch (error) {
    if (error instanceof NmsError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError('store.path', `${file} cannot be used: ${reason}`, { cause: error });
  }
}
