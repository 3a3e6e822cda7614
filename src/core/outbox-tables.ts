import type { StorePart } from './store-part.ts';

/** Counts are kept by triggers, so that the server and the command agree on them whoever writes. */
export const outboxPart: StorePart = {
  name: 'outbox',
  steps: [
    `
    CREATE TABLE outbox_targets (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
      calls INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE outbox_lanes (
      id INTEGER PRIMARY KEY AUTOINCREMENT, target INTEGER NOT NULL, stream TEXT NOT NULL,
      due_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
      UNIQUE (target, stream)
    ) STRICT;
    CREATE INDEX outbox_lanes_due ON outbox_lanes (target, due_at, id);
    CREATE TABLE outbox (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL, target INTEGER NOT NULL,
      id TEXT NOT NULL, event TEXT NOT NULL, queued_at INTEGER NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outbox_of_lane ON outbox (lane, seq);
    CREATE INDEX outbox_of_target ON outbox (target, seq);
    CREATE TABLE outbox_dead (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, target TEXT NOT NULL, stream TEXT NOT NULL,
      event TEXT NOT NULL, queued_at INTEGER NOT NULL, died_at INTEGER NOT NULL,
      attempts INTEGER NOT NULL, error TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outbox_dead_id ON outbox_dead (id);
    CREATE TRIGGER outbox_added AFTER INSERT ON outbox BEGIN
      UPDATE outbox_targets SET calls = calls + 1, bytes = bytes + octet_length(new.body) WHERE id = new.target;
    END;
    CREATE TRIGGER outbox_removed AFTER DELETE ON outbox BEGIN
      UPDATE outbox_targets SET calls = calls - 1, bytes = bytes - octet_length(old.body) WHERE id = old.target;
      DELETE FROM outbox_lanes WHERE id = old.lane AND NOT EXISTS (SELECT 1 FROM outbox WHERE lane = old.lane);
    END;
    `,
  ],
};
